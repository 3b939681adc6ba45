"""A loaded network that gives left minus right (`models/pseudobinaural`): Mono2Binaural or APNet.

It hears windows of 0.63 s every 0.1 s, whose answers are averaged with equal weight. Sixteen of them are
computed together and kept as one: the sum of their answers. Neighbouring sums are added and divided by
the number of answers at each sample when they are rendered, so nothing is lost and nothing is kept
sixteen times over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.checkpoint import Checkpoint
from seehear.dsp.segments import Segment
from seehear.dsp.window import WindowPlan
from seehear.models.pseudobinaural.fast import Listener, faster
from seehear.models.pseudobinaural.windows import BATCH, differences
from seehear.runtime import Runtime
from seehear.tasks.spatialize.engine import Kept, ShareEngine
from seehear.tasks.spatialize.looking import Sight

Block = NDArray[np.float32]


@dataclass(frozen=True)
class ChunkPlan(WindowPlan):
    """Chunks of `BATCH` windows.

    Args:
        window: samples of one window.
        step: samples from one window to the next.
    """

    window: int = field(kw_only=True)
    step: int = field(kw_only=True)

    def spans(self, num_samples: int) -> list[tuple[int, int]]:
        """Chunks of a sound; the last one ends with the sound, but is at least one window long."""
        spans = []
        index = 0
        while self.start(index) + self.length < num_samples:
            spans.append((self.start(index), self.start(index) + self.length))
            index += 1
        last = max(num_samples, self.window)
        spans.append((min(self.start(index), last - self.window), last))
        return spans

    def window_starts(self, index: int, span: tuple[int, int]) -> list[int]:
        """First samples of the windows of a chunk; its last window ends where the chunk does."""
        last = span[1] - self.window
        return [*range(self.start(index), last, self.step), last]


def chunk_plan(window: int, step: int) -> ChunkPlan:
    """Geometry of chunks of `BATCH` windows."""
    length = window + (BATCH - 1) * step
    return ChunkPlan(length=length, fade=window - step, margin=0, window=window, step=step)


@dataclass(frozen=True)
class DifferenceEngine:
    """See `engine.Engine`; its answers are sums of differences, float32 [samples of the chunk].

    Args:
        checkpoint: the network with what is known about it.
        runtime: device and number format.
        network: the same network, arranged for this runtime.
    """

    checkpoint: Checkpoint
    runtime: Runtime
    network: Listener

    @property
    def _config(self) -> Any:
        return self.checkpoint.module.config

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return int(self._config.sample_rate)

    @property
    def plan(self) -> ChunkPlan:
        """Chunks of windows."""
        return chunk_plan(self._config.num_samples, self._config.hop_samples)

    @property
    def batch_size(self) -> int:
        """One: a chunk is a batch already."""
        return 1

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width, height."""
        return int(self._config.frame_width), int(self._config.frame_height)

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return float(self._config.frame_rate)

    def encode(self, frames: Tensor) -> Tensor:
        """Maps of frames, [N, D, h, w]."""
        with self.runtime.inference():
            maps = self.network.look(frames.to(self.runtime.device))
        return maps.float()

    def run(self, segments: Sequence[Segment], sight: Sight) -> list[Kept]:
        """Sums of the answers of each chunk."""
        return [self._chunk(segment, sight) for segment in segments]

    def _chunk(self, segment: Segment, sight: Sight) -> Block:
        assert segment.waveform is not None, "only windows with sound are run"
        config = self._config
        starts = self.plan.window_starts(segment.index, segment.span)
        offsets = [start - segment.span[0] for start in starts]
        length = config.num_samples
        # The networks know the sum of both ears: twice what a listener calls the mono sound.
        mixture = 2 * torch.from_numpy(segment.waveform)
        windows = torch.stack([mixture[at : at + length] for at in offsets])
        numbers = [self._frame_of(start) for start in starts]
        maps = sight.of(numbers)
        device = self.runtime.device
        with self.runtime.inference():
            made = differences(self.network, config, windows.to(device), maps.to(device))
        total = np.zeros(len(segment.waveform), np.float32)
        for at, answer in zip(offsets, made.float().cpu().numpy(), strict=True):
            total[at : at + length] += answer
        return total

    def _frame_of(self, start: int) -> int:
        """Number of the frame on the screen at a window's centre."""
        centre_s = (start + self._config.num_samples / 2) / self.sample_rate
        return int(centre_s * self.frame_rate + 1e-9)

    def window_bytes(self) -> int:
        """Size of a finished chunk on disk."""
        return 4 * self.plan.length

    def describe(self) -> dict[str, Any]:
        """Model for the receipt."""
        return {
            "id": self.checkpoint.meta["id"],
            "sha256": self.checkpoint.sha256,
            "licence": self.checkpoint.meta["licence"],
        }


AnyEngine = DifferenceEngine | ShareEngine


def load_difference(checkpoint: Checkpoint, runtime: Runtime) -> DifferenceEngine:
    """Make a loaded network ready."""
    module: Any = checkpoint.module.to(runtime.device)
    network = faster(module, runtime.autocast_dtype or torch.float32)
    return DifferenceEngine(checkpoint, runtime, network)


def joined(
    plan: ChunkPlan, spans: Sequence[tuple[int, int]], chunks: Iterator[Block]
) -> Iterator[Block]:
    """Mean of all answers as a stream, holding one chunk's overlap.

    Args:
        plan: geometry.
        spans: of all chunks.
        chunks: their sums, in order.

    Yields:
        Blocks [m] that follow each other without gaps from sample 0 to the end of the last chunk.
    """
    held, counts, held_at = np.zeros(0, np.float32), np.zeros(0, np.float32), 0
    for index, (span, chunk) in enumerate(zip(spans, chunks, strict=True)):
        done = span[0] - held_at
        if done > 0:
            yield held[:done] / counts[:done]
            held, counts, held_at = held[done:], counts[done:], span[0]
        grown = max(span[1] - held_at - len(held), 0)
        held = np.concatenate([held, np.zeros(grown, np.float32)])
        counts = np.concatenate([counts, np.zeros(grown, np.float32)])
        held[span[0] - held_at : span[1] - held_at] += chunk
        for start in plan.window_starts(index, span):
            counts[start - held_at : start - held_at + plan.window] += 1
    if len(held):
        yield held / counts
