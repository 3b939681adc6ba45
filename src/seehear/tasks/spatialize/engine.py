"""What the job asks of anything that hears where sounds are: windows in, one array per window out.

    bearings.py     a network that gives shares of directions (`models/bearings.py`)
    difference.py   a network that gives the difference of two ears (`models/pseudobinaural`)
    sources.py      sources that `separate` finds, each where it is seen

Two kinds of answers: `ShareEngine` says which share of every band and column comes from where across
the picture, whatever the head; `DifferenceEngine` gives a waveform, left minus right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.segments import Segment
from seehear.dsp.window import WindowPlan
from seehear.tasks.spatialize.looking import Sight

Block = NDArray[np.float32]
# What a finished window is on disk: float32, or shares in steps of 1/255.
Kept = NDArray[Any]


class Engine(Protocol):
    """All properties are constant."""

    @property
    def sample_rate(self) -> int:
        """Rate at which it hears, Hz."""

    @property
    def plan(self) -> WindowPlan:
        """Its windows, in samples at that rate."""

    @property
    def batch_size(self) -> int:
        """Windows per call of `run`."""

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of the frames that it wants, pixels."""

    @property
    def frame_rate(self) -> float:
        """Frames per second that it looks at."""

    def encode(self, frames: Tensor) -> Tensor:
        """What is seen in frames, uint8 [N, 3, H, W] -> [N, ...]."""

    def run(self, segments: Sequence[Segment], sight: Sight) -> list[Kept]:
        """Answers for a batch of windows with waveforms."""

    def window_bytes(self) -> int:
        """Size of a finished window on disk."""

    def describe(self) -> dict[str, Any]:
        """Models for the receipt: ids, hashes, licences."""


class ShareEngine(Engine, Protocol):
    """Its answers are uint8 [A + 1, F, N], shares of `positions` and of nowhere, 255 = all."""

    @property
    def columns_per_s(self) -> float:
        """Columns per second; column 0 of the sound is at second 0."""

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """Centres of the bands with the one above them, [F]."""

    @property
    def positions(self) -> NDArray[np.float64]:
        """Directions across the picture, +1 = left edge, -1 = right edge, [A]."""


def keep_shares(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Shares 0..1 in steps of 1/255: a quarter of the size, and far finer than what a network knows."""
    return np.round(shares * 255.0).clip(0, 255).astype(np.uint8)


def kept_shares(kept: Kept) -> Block:
    """Back to float32 shares [A + 1, F, N] that sum to 1."""
    shares = kept.astype(np.float32)
    total = shares.sum(axis=0, keepdims=True, dtype=np.float32)
    out: Block = (shares / np.maximum(total, 1.0)).astype(np.float32, copy=False)
    out[-1:] += total == 0  # rounded away everywhere: from nowhere
    return out
