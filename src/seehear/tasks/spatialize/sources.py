"""Each separated source where it is seen, the rest from nowhere: `--per-source`.

`separate` finds the sources and says which share of every band belongs to which (`tasks/parts.py`); every
frame says where a source is seen. Together they are shares of directions, as `engine.ShareEngine` wants them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.segments import Segment
from seehear.dsp.window import WindowPlan
from seehear.tasks.parts import Parts
from seehear.tasks.spatialize.engine import Kept, keep_shares
from seehear.tasks.spatialize.looking import Sight, frame_numbers

Block = NDArray[np.float32]

FRAME_RATE = 4.0
NUM_POSITIONS = 25
FAINT, PLAIN = 0.2, 0.4
"""Likeness up to which a source is not seen, and from which it surely is."""
SHARPNESS = 20.0
"""How sharply the most similar place counts more than others."""


@dataclass(frozen=True)
class PerSourceEngine:
    """See `engine.ShareEngine`.

    Args:
        parts: sources that are found already.
    """

    parts: Parts

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.parts.sample_rate

    @property
    def plan(self) -> WindowPlan:
        """Windows of the separator."""
        return self.parts.plan

    @property
    def batch_size(self) -> int:
        """Windows at once."""
        return self.parts.batch_size

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width, height."""
        return self.parts.frame_size, self.parts.frame_size

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return FRAME_RATE

    @property
    def columns_per_s(self) -> float:
        """Columns per second."""
        return self.parts.columns_per_s

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """Bands and the one above."""
        return self.parts.centres_hz

    @property
    def positions(self) -> NDArray[np.float64]:
        """From the left edge to the right one."""
        return np.linspace(1.0, -1.0, NUM_POSITIONS)

    def encode(self, frames: Tensor) -> Tensor:
        """Position and certainty of every source in frames, [N, Q, 2]."""
        return places_of(self.parts.likeness(frames))

    def run(self, segments: Sequence[Segment], sight: Sight) -> list[Kept]:
        """Shares of a batch of windows."""
        waveforms = [segment.waveform for segment in segments if segment.waveform is not None]
        starts = [segment.span[0] for segment in segments]
        masks = self.parts.masks(waveforms, starts)
        return [
            keep_shares(self._shares(mask, segment.span, sight))
            for mask, segment in zip(masks, segments, strict=True)
        ]

    def _shares(self, masks: Block, span: tuple[int, int], sight: Sight) -> Block:
        """Masks [Q, F, N] spread over the directions where their sources are, [A + 1, F, N]."""
        numbers = frame_numbers(span, self.sample_rate, FRAME_RATE)
        places = sight.of(numbers).numpy()  # [S, Q, 2]
        moments = span[0] / self.sample_rate + np.arange(masks.shape[2]) / self.columns_per_s
        seen_s = np.array(numbers) / FRAME_RATE
        shares = np.zeros((NUM_POSITIONS + 1, *masks.shape[1:]), np.float32)
        for source, mask in enumerate(masks):
            position = np.interp(moments, seen_s, places[:, source, 0])
            certain = np.interp(moments, seen_s, places[:, source, 1])
            weights = spread(position, NUM_POSITIONS) * certain  # [A, N]
            shares[:-1] += weights[:, None].astype(np.float32) * mask
        shares[-1] = (1 - shares[:-1].sum(axis=0)).clip(min=0)
        return shares

    def window_bytes(self) -> int:
        """Size of a finished window on disk."""
        columns = round(self.plan.length / self.sample_rate * self.columns_per_s) + 1
        return (NUM_POSITIONS + 1) * len(self.centres_hz) * columns

    def describe(self) -> dict[str, Any]:
        """The separator; `task` says whose model it is."""
        return {**self.parts.describe(), "task": "separate"}


def places_of(likeness: Tensor) -> Tensor:
    """Where things are seen: the middle of the most similar places of each map.

    Args:
        likeness: [..., h, w] in -1..1.

    Returns:
        [..., 2]: position from +1 (left edge) to -1 (right edge), and certainty in 0..1.
    """
    across = likeness.amax(dim=-2)  # [..., w]
    width = across.shape[-1]
    centres = 1 - (2 * torch.arange(width) + 1) / width
    weights = (SHARPNESS * (across - across.amax(dim=-1, keepdim=True))).exp()
    position = (weights * centres).sum(-1) / weights.sum(-1)
    certain = ((across.amax(dim=-1) - FAINT) / (PLAIN - FAINT)).clamp(0, 1)
    return torch.stack([position, certain], dim=-1)


def spread(position: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Weights [count, N] of equally spaced directions from +1 to -1 for positions [N], linear."""
    place = (1 - position.clip(-1, 1)) / 2 * (count - 1)
    rows = np.arange(count)[:, None]
    weights: NDArray[np.float64] = (1 - np.abs(rows - place[None])).clip(min=0)
    return weights
