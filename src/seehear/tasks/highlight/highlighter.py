"""A loaded highlight model with its encoders: windows in, results of windows out.

Two kinds of network meet here (docs/architecture.md): VisAH gives back a waveform, the band-gain network
gives decibels per band and column. Everything else - windows, context, cross-fades, channels - is the
same for both and lies in `analyse` and `render`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear import registry
from seehear.checkpoint import Checkpoint
from seehear.dsp.window import WindowPlan
from seehear.errors import ModelError, UsageError
from seehear.features.captions import Caption, CaptionEncoder, load_caption_encoder
from seehear.features.frames import FrameEncoder, load_frame_encoder
from seehear.models.visah import VisAH
from seehear.models.visah.fast import faster
from seehear.nn.context import Context, Tokens
from seehear.runtime import Runtime

if TYPE_CHECKING:
    from seehear.types import Audio, Clip

Window = NDArray[np.float32]
Kind = Literal["waveform", "bands"]
ContextMode = Literal["frames", "captions", "both", "none"]

KINDS: dict[str, Kind] = {"visah": "waveform", "bandgain": "bands"}
FADE_S = 1.0
MARGIN_S = 0.25
GPU_BATCH = 8


@dataclass(frozen=True)
class WindowContext:
    """Features that belong to one window.

    Args:
        frames: [N, D] with times [N] in seconds from the window's start, or None.
        captions: the same for captions, or None.
    """

    frames: tuple[Tensor, Tensor] | None = None
    captions: tuple[Tensor, Tensor] | None = None


@dataclass(frozen=True)
class Highlighter:
    """A highlight model, ready to run.

    Args:
        checkpoint: the network with what is known about it.
        runtime: device and number format.
        frame_encoder: encoder of frames, None when the model or the call does without.
        caption_encoder: encoder of captions, None likewise.
        forward: the network's function of (waveforms, context), arranged for this runtime.
    """

    checkpoint: Checkpoint
    runtime: Runtime
    frame_encoder: FrameEncoder | None
    caption_encoder: CaptionEncoder | None
    forward: Callable[[Tensor, Context], Tensor]

    @property
    def config(self) -> Any:
        """Configuration of the network."""
        return self.checkpoint.module.config

    @property
    def kind(self) -> Kind:
        """What a window gives: a waveform or band gains."""
        return KINDS[self.checkpoint.name]

    @property
    def sample_rate(self) -> int:
        """Rate at which the network hears, Hz."""
        return int(self.config.sample_rate)

    @property
    def plan(self) -> WindowPlan:
        """Windows of the network's length with a cross-fade of 1 s and margins of 0.25 s.

        The margins exceed the 1536 samples at either edge that VisAH's transform loses.
        """
        grid = self.config.hop_length if self.kind == "bands" else 1
        return WindowPlan(
            length=_multiple(self.config.window_s * self.sample_rate, grid),
            fade=_multiple(FADE_S * self.sample_rate, grid),
            margin=_multiple(MARGIN_S * self.sample_rate, grid),
            grid=grid,
        )

    @property
    def batch_size(self) -> int:
        """Windows per forward pass: one on the CPU, where a kill should cost one window.

        Imported weights whose context couples the clips of a batch always run alone.
        """
        coupled = getattr(self.config, "batch_axis_context", False)
        return GPU_BATCH if self.runtime.device.type == "cuda" and not coupled else 1

    def window_bytes(self) -> int:
        """Size of a finished window on disk."""
        if self.kind == "waveform":
            return 4 * self.plan.length
        columns = self.plan.length // self.config.hop_length + 1
        return int(4 * columns * self.config.num_bands)

    def frame_numbers(self, span: tuple[int, int]) -> range:
        """Numbers k of a window's context frames: those seen at k / frame_rate seconds.

        Args:
            span: (start, stop) of the window in samples at the network's rate.
        """
        rate = self.config.frame_rate / self.sample_rate
        first = int(np.ceil(max(span[0], 0) * rate - 1e-9))
        return range(first, max(int(np.ceil(span[1] * rate - 1e-9)), first + 1))

    def run_windows(
        self, waveforms: Sequence[Window], contexts: Sequence[WindowContext]
    ) -> list[Window]:
        """Run the network on a batch of windows.

        Args:
            waveforms: float32 [L] each, at the network's rate.
            contexts: one per window.

        Returns:
            Per window a waveform [L], or decibels [bands, columns].
        """
        lengths = [len(waveform) for waveform in waveforms]
        longest = self.plan.length if self.kind == "waveform" else max(lengths)
        batch = np.zeros((len(waveforms), max(longest, *lengths)), np.float32)
        for row, waveform in zip(batch, waveforms, strict=True):
            row[: len(waveform)] = waveform  # shorter ones end in silence, as published
        device = self.runtime.device
        context = self._context(contexts).to(device)
        heard = torch.from_numpy(batch).to(device)
        with self.runtime.inference():
            if self.kind == "waveform":
                made = self.forward(heard[:, None], context)[:, 0]
            else:
                made = self.forward(heard, context)
        results = made.float().cpu().numpy()
        if self.kind == "waveform":
            return [row[:n] for row, n in zip(results, lengths, strict=True)]
        columns = [n // self.config.hop_length + 1 for n in lengths]
        return [row[:, :n] for row, n in zip(results, columns, strict=True)]

    def _context(self, contexts: Sequence[WindowContext]) -> Context:
        return Context(
            _tokens([c.frames for c in contexts]),
            _tokens([c.captions for c in contexts]),
        )

    def describe(self) -> dict[str, Any]:
        """Model and encoders for the receipt: ids, hashes, licences."""
        found = {
            "id": self.checkpoint.meta["id"],
            "sha256": self.checkpoint.sha256,
            "licence": self.checkpoint.meta["licence"],
        }
        for role, encoder in (
            ("frame_encoder", self.frame_encoder),
            ("caption_encoder", self.caption_encoder),
        ):
            if encoder is not None:
                found[role] = {
                    "id": encoder.id,
                    "sha256": encoder.sha256,
                    "licence": encoder.licence,
                }
        return found

    def run(
        self,
        clip: Clip,
        captions: Sequence[Caption] = (),
        strength: float = 1.0,
        use_frames: bool = True,
    ) -> Audio:
        """Rebalance a clip in memory; see `render.highlight_clip`."""
        from seehear.tasks.highlight.render import highlight_clip

        return highlight_clip(self, clip, captions, strength, use_frames)


def load_highlighter(
    model: str, runtime: Runtime, context: ContextMode = "both", strict: bool = False
) -> Highlighter:
    """Load a highlight model and the encoders that it and the call need.

    Args:
        model: id or checkpoint folder.
        runtime: device and number format.
        context: what the network is to be shown.
        strict: refuse a context that the model was not made for; else such a context is left out.

    Raises:
        ModelError: unknown model, or one of another task.
        UsageError: `strict`, and the model cannot use the context.
    """
    checkpoint = registry.load(model, "highlight")
    if checkpoint.name not in KINDS:
        raise ModelError(f"{model} is a {checkpoint.name} model; highlight needs one of its own")
    config = checkpoint.module.config
    wants_frames = context in ("frames", "both")
    wants_captions = context in ("captions", "both")
    if strict and wants_frames and not config.frame_encoder:
        raise UsageError(f"{model} does not look at frames; use --context captions or none")
    if strict and wants_captions and not config.caption_encoder:
        raise UsageError(f"{model} does not read captions; use --context frames or none")
    frames = (
        load_frame_encoder(config.frame_encoder, runtime)
        if wants_frames and config.frame_encoder
        else None
    )
    words = (
        load_caption_encoder(config.caption_encoder)
        if wants_captions and config.caption_encoder
        else None
    )
    checkpoint.module.to(runtime.device)
    return Highlighter(checkpoint, runtime, frames, words, _arranged(checkpoint, runtime))


def _arranged(checkpoint: Checkpoint, runtime: Runtime) -> Callable[[Tensor, Context], Tensor]:
    """The network itself, or the same function in an order that suits this processor."""
    if isinstance(checkpoint.module, VisAH):
        return faster(checkpoint.module, runtime.autocast_dtype or torch.float32)
    return checkpoint.module


def _multiple(samples: float, grid: int) -> int:
    return max(round(samples / grid), 1) * grid


def _tokens(rows: Sequence[tuple[Tensor, Tensor] | None]) -> Tokens | None:
    """Pad feature sequences of different lengths into one batch; None when nobody has any."""
    present = [row for row in rows if row is not None]
    if not present:
        return None
    longest = max(len(values) for values, _ in present)
    dim = present[0][0].shape[1]
    values = torch.zeros(len(rows), longest, dim)
    times = torch.zeros(len(rows), longest)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        if row is not None:
            count = len(row[0])
            values[index, :count], times[index, :count] = row[0], row[1].float()
            mask[index, :count] = True
    return Tokens(values, times, mask)
