"""Data types that cross module borders: audio, frames, features, results.

All are frozen dataclasses that check themselves when made; operations on them are functions in
`dsp` and `media`. `Audio` never carries a batch axis: batches are plain tensors [B, C, T] inside
task code. Long files never become a `Clip`; they stream (see `media`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear.errors import InputError

MAX_CHANNELS = 16


@dataclass(frozen=True)
class Audio:
    """Sound in memory.

    Args:
        waveform: float32 tensor [C, T]; nominal range -1..1, not clipped.
        sample_rate: Hz.

    Raises:
        InputError: wrong dtype or shape, no samples, or samples that are not finite.
    """

    waveform: Tensor
    sample_rate: int

    def __post_init__(self) -> None:
        shape = tuple(self.waveform.shape)
        if self.waveform.dtype != torch.float32 or self.waveform.ndim != 2:
            raise InputError(
                f"audio must be float32 [channels, samples], not {self.waveform.dtype} {shape}"
            )
        if not 1 <= shape[0] <= MAX_CHANNELS or shape[1] == 0:
            raise InputError(
                f"audio needs 1 to {MAX_CHANNELS} channels and at least one sample, not {shape}"
            )
        if self.sample_rate <= 0:
            raise InputError(f"sample rate must be positive, not {self.sample_rate}")
        if not bool(torch.isfinite(self.waveform).all()):
            raise InputError("audio has samples that are NaN or infinite; repair them first")

    @property
    def num_channels(self) -> int:
        """Number of channels."""
        return int(self.waveform.shape[0])

    @property
    def num_samples(self) -> int:
        """Samples per channel."""
        return int(self.waveform.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


@dataclass(frozen=True)
class Video:
    """Frames in memory, each with its own time.

    Args:
        frames: uint8 tensor [N, 3, H, W], RGB, as displayed (rotation applied).
        times: float64 tensor [N], seconds on the clip's clock, strictly increasing.
        fps: nominal frame rate; never used to decide when a frame is seen.
    """

    frames: Tensor
    times: Tensor
    fps: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        shape = tuple(self.frames.shape)
        if self.frames.dtype != torch.uint8 or self.frames.ndim != 4 or shape[1] != 3:
            raise InputError(f"frames must be uint8 [N, 3, H, W], not {self.frames.dtype} {shape}")
        if self.times.shape != (shape[0],):
            raise InputError(f"{shape[0]} frames need as many times, not {tuple(self.times.shape)}")
        if shape[0] > 1 and not bool((self.times.diff() > 0).all()):
            raise InputError("frame times must increase strictly")


@dataclass(frozen=True)
class Clip:
    """Sound and picture on one clock; 0 s is the start of the clip.

    Args:
        audio: sound, or None.
        video: frames, or None.
        start_s: where the clip begins in its source, seconds.
        source: file it came from, or None.
    """

    audio: Audio | None = None
    video: Video | None = None
    start_s: float = 0.0
    source: Path | None = None

    def __post_init__(self) -> None:
        if self.audio is None and self.video is None:
            raise InputError("a clip needs sound or picture; both are missing")


@dataclass(frozen=True)
class Features:
    """What a frozen encoder says about a sequence of frames or captions.

    Args:
        values: float32 tensor [N, D].
        times: float64 tensor [N], seconds on the clip's clock.
        encoder: id of the encoder including its preprocessing version, so that a stale cache shows.
    """

    values: Tensor
    times: Tensor
    encoder: str

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.times.shape != (self.values.shape[0],):
            raise InputError(
                f"features must be [N, D] with N times, not {tuple(self.values.shape)} "
                f"and {tuple(self.times.shape)}"
            )


@dataclass(frozen=True)
class Result:
    """What a verb returns.

    Args:
        record: the receipt, as written beside the output (`OUT.seehear.json`).
        path: the file written, or None after an in-memory call.
        audio: the new sound, only after an in-memory call.
        extras: further sounds by name (residual, stems), only after an in-memory call.
        stems: paths of stem files by name.
        warnings: sentences that matter (the command line exits 3 when there are any).
        outputs: all files, where a job writes several; `path` is the first.
    """

    record: dict[str, Any]
    path: Path | None = None
    audio: Audio | None = None
    extras: dict[str, Audio] = field(default_factory=dict)
    stems: dict[str, Path] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    outputs: tuple[Path, ...] = ()
