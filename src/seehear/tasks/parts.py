"""What one task may ask another for: the sources in a sound, apart from each other.

Tasks do not import each other. `separate` offers `Parts`, `spatialize` uses it, and the table of tasks
(`tasks/__init__.py`, `PARTS`) names who makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.window import WindowPlan
from seehear.tasks.progress import Progress
from seehear.tasks.source import SoundSource

Block = NDArray[np.float32]


class Parts(Protocol):
    """A separation model that finds the sources of a file by itself."""

    @property
    def sample_rate(self) -> int:
        """Rate at which it hears, Hz."""

    @property
    def plan(self) -> WindowPlan:
        """Its windows, in samples at that rate."""

    @property
    def batch_size(self) -> int:
        """Windows per call of `masks`."""

    @property
    def columns_per_s(self) -> float:
        """Columns of masks per second; column 0 of the sound is at second 0."""

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """Centres of the bands with the one above them, [F]."""

    @property
    def frame_size(self) -> int:
        """Side of the square frames that it wants, pixels."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the sources, once they are found."""

    def find(self, source: SoundSource, progress: Progress) -> None:
        """Listen to a file for its sources."""

    def masks(self, waveforms: Sequence[Block], starts: Sequence[int]) -> list[Block]:
        """Shares of the sources in windows: float32 [Q, F, N] in 0..1 each, summing to at most 1."""

    def likeness(self, frames: Tensor) -> Tensor:
        """How much places of frames, uint8 [N, 3, S, S], look like each source, [N, Q, h, w]."""

    def describe(self) -> dict[str, Any]:
        """Model and encoder for the receipt: ids, hashes, licences."""
