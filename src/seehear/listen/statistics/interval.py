"""A figure with its uncertainty, as every statistic of this room gives it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure and the range that a repetition of the test would mostly agree with.

    Args:
        value: the figure.
        low: lower end; NaN where the answers allow no interval.
        high: upper end; NaN likewise.
        method: how the interval was made, in words.
        num_participants: people behind the figure.
        num_clips: clips behind it.
        num_answers: answers (cells of participants x clips) behind it.
        confidence: of the interval.
    """

    value: float
    low: float
    high: float
    method: str
    num_participants: int
    num_clips: int
    num_answers: int
    confidence: float = CONFIDENCE

    @property
    def known(self) -> bool:
        """Whether there is an interval beside the value."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def within(self, lowest: float, highest: float) -> Interval:
        """The same interval, cut to the range that the figure can have.

        >>> Interval(1.1, 0.9, 1.3, "t", 5, 5, 25).within(1, 4).low
        1.0
        """
        low = max(self.low, lowest) if math.isfinite(self.low) else self.low
        high = min(self.high, highest) if math.isfinite(self.high) else self.high
        return replace(self, low=float(low), high=float(high))
