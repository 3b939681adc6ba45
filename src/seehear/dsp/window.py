"""Split a sound of any length into overlapping windows and cross-fade their results.

The weights sum to one at every sample, whatever the windows: window i fades in over the cross-fade
that begins `margin` after its start, and every earlier window fades out under the same curve. So a
model that leaves its input alone leaves it alone bit for bit but for rounding, and the samples next
to a window's edges, where convolutions and transforms know only half of the sound, are never heard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float32]


@dataclass(frozen=True)
class WindowPlan:
    """Geometry of windows, in samples at one rate.

    Args:
        length: samples of a full window.
        fade: samples of the cross-fade between neighbours.
        margin: samples at a window's edges that are computed and thrown away. The first window
            begins `margin` before the sound, the last one ends at least `margin` after it.
        grid: windows start on multiples of this, so that columns of neighbours fall together;
            the other lengths must be multiples too.
    """

    length: int
    fade: int
    margin: int
    grid: int = 1

    def __post_init__(self) -> None:
        if any(n % self.grid for n in (self.length, self.fade, self.margin)):
            raise ValueError(f"window geometry must be multiples of the grid {self.grid}: {self}")
        if self.length < 2 * (self.fade + 2 * self.margin):
            raise ValueError(
                f"a window of {self.length} samples is too short for a fade of {self.fade} "
                f"and margins of {self.margin}"
            )

    @property
    def hop(self) -> int:
        """Samples from one window's start to the next one's."""
        return self.length - self.fade - 2 * self.margin

    def start(self, index: int) -> int:
        """First sample of window `index` on the regular grid (negative for the first)."""
        return index * self.hop - self.margin

    def spans(self, num_samples: int) -> list[tuple[int, int]]:
        """All windows of a sound: (start, stop) in samples, possibly reaching beyond its ends.

        The last window is pulled back to end just after the sound, so that it is full. A sound
        shorter than one window gets a single window of its own length plus margins.

        >>> WindowPlan(100, 10, 5).spans(150)
        [(-5, 95), (55, 155)]
        >>> WindowPlan(100, 10, 5).spans(20)
        [(-5, 25)]
        """
        end = num_samples + self.margin
        if end - self.start(0) <= self.length:
            return [(self.start(0), end)]
        spans = []
        index = 0
        while self.start(index) + self.length < end:
            spans.append((self.start(index), self.start(index) + self.length))
            index += 1
        last = -(-(end - self.length) // self.grid) * self.grid
        spans.append((last, last + self.length))
        return spans


def fade_in(num_samples: int) -> Curve:
    """Raised-cosine curve from 0 to 1, [num_samples], sampled mid-step so that it is symmetric."""
    phase = (np.arange(num_samples, dtype=np.float64) + 0.5) / max(num_samples, 1)
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)


def cross_fade(
    plan: WindowPlan, spans: list[tuple[int, int]], windows: Iterator[Curve]
) -> Iterator[Curve]:
    """Join windows into one stream, holding two of them at a time.

    Args:
        plan: geometry; results have one column per `plan.grid` samples (waveforms: grid 1).
        spans: from `WindowPlan.spans`.
        windows: one array [..., n] per span, in order; axis -1 is time.

    Yields:
        blocks [..., m] that follow each other without gaps, from sample 0 (the first margin is
        dropped) to the end of the last window.
    """
    held: Curve | None = None
    held_at = position = 0
    fade = max(plan.fade // plan.grid, 1)
    ramp = fade_in(fade)
    for (start, _), window in zip(spans, windows, strict=True):
        at = start // plan.grid
        if held is not None:
            begin = max(at + plan.margin // plan.grid, position)
            yield held[..., position - held_at : begin - held_at]
            old = held[..., begin - held_at : begin - held_at + fade]
            new = window[..., begin - at : begin - at + fade]
            yield old + ramp * (new - old)
            position = begin + fade
        held, held_at = window, at
    if held is not None:
        yield held[..., position - held_at :]
