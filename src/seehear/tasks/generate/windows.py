"""Overlapping windows of latents, and how their answers are blended into one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from seehear.dsp.window import fade_in

HOP_SHARE = 0.75
NEAR = 3
"""Windows further away than this do not overlap, not even the last one, which is pulled back."""


@dataclass(frozen=True)
class LatentWindows:
    """Windows over a sound's latents.

    Args:
        columns: latents of the sound.
        length: latents per window.
        grid: windows start at multiples of this, so that features fall on whole rows.

    >>> LatentWindows(410, 200, 25).starts
    [0, 150, 225]
    >>> LatentWindows(30, 200, 25).starts
    [0]
    """

    columns: int
    length: int
    grid: int

    @property
    def hop(self) -> int:
        """Latents from one window's start to the next one's."""
        return max(int(HOP_SHARE * self.length) // self.grid, 1) * self.grid

    @cached_property
    def starts(self) -> list[int]:
        """First columns; the last window is pulled back to end with the sound, up to the grid."""
        last = -(-max(self.columns - self.length, 0) // self.grid) * self.grid
        return [*range(0, last, self.hop), last]

    @property
    def padded(self) -> int:
        """Columns that all windows cover together; what is beyond the sound is thrown away."""
        return self.starts[-1] + self.length

    def weights(self, index: int) -> Tensor:
        """Of one window's columns in the blend, float32 [length]; over all windows they sum to 1."""
        total = torch.zeros(self.length)
        starts = self.starts
        at = starts[index]
        for other in range(max(index - NEAR, 0), min(index + NEAR + 1, len(starts))):
            start = starts[other]
            if abs(start - at) >= self.length:
                continue
            shape = self._shape(other)
            low, high = max(start, at), min(start, at) + self.length
            total[low - at : high - at] += shape[low - start : high - start]
        return self._shape(index) / total

    def _shape(self, index: int) -> Tensor:
        """Rises where the window before still goes on, falls where the next one has begun."""
        starts, shape = self.starts, torch.ones(self.length)
        if index > 0:
            shared = starts[index - 1] + self.length - starts[index]
            shape[:shared] *= torch.from_numpy(fade_in(shared))
        if index + 1 < len(starts):
            shared = starts[index] + self.length - starts[index + 1]
            shape[-shared:] *= torch.from_numpy(fade_in(shared)).flip(0)
        return shape
