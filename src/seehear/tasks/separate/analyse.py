"""First pass: hear the sound window by window and ask for every query; then sum up what was heard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.segments import Segment, cut_segments
from seehear.dsp.window import cross_fade
from seehear.runtime import Stopwatch
from seehear.tasks.hearing import HeardWindow, in_batches
from seehear.tasks.separate.separator import POWERS, Separator

Block = NDArray[np.float32]

SILENT_POWER = 1e-9
"""Mean power of a second (full-scale sine: 1) below which there is nothing to hear (-90 dB)."""
QUIET_RATIO = 1e-4
"""Seconds this far (-40 dB) below the loudest one say nothing about who is heard."""


@dataclass(frozen=True)
class Heard:
    """Who is heard when.

    Args:
        taken: power given to each query, mean per second, [Q, seconds].
        among: power given to it among rivals, likewise.
        total: power of the mixture, mean per second, [seconds].
        threshold: share of a second's power above which a query counts as heard.
    """

    taken: NDArray[np.float64]
    among: NDArray[np.float64]
    total: NDArray[np.float64]
    threshold: float

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear in the mixture."""
        return not bool((self.total > SILENT_POWER).any())

    @property
    def shares(self) -> NDArray[np.float64]:
        """Largest share of the power of a second that each query gets among rivals, [Q]."""
        return largest_shares(self.among, self.total)

    @property
    def overall(self) -> NDArray[np.float64]:
        """Share of the power of the whole sound that each query gets, [Q]."""
        return self.taken.sum(axis=1) / max(float(self.total.sum()), 1e-30)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which queries are heard, [Q]."""
        return self.shares > self.threshold

    def loudest_s(self, query: int) -> float:
        """Middle of the second in which a query is loudest."""
        return float(np.argmax(self.taken[query])) + 0.5


def ask_windows(
    separator: Separator,
    mono: Iterable[Block],
    sample_rate: int,
    queries: Tensor,
    is_finished: Callable[[int], bool] = lambda index: False,
    clock: Stopwatch | None = None,
) -> Iterator[HeardWindow]:
    """Run the network over all windows of a mono stream.

    Args:
        separator: the model.
        mono: float32 [1, n] blocks.
        sample_rate: their rate, Hz.
        queries: [Q, D], the same for all windows.
        is_finished: windows that need no computing.
        clock: told the seconds of `network`.

    Yields:
        Windows in order; results as `Separator.run_windows` gives them.
    """
    clock = clock or Stopwatch()
    segments = cut_segments(
        mono, sample_rate, separator.sample_rate, separator.plan, skip=is_finished
    )

    def run(batch: list[Segment]) -> list[Block]:
        waveforms = [segment.waveform for segment in batch if segment.waveform is not None]
        starts = [segment.span[0] for segment in batch]
        with clock("network"):
            return separator.run_windows(waveforms, queries, starts)

    yield from in_batches(segments, separator.batch_size, run)


def sum_up(
    separator: Separator, spans: list[tuple[int, int]], windows: Iterable[Block], duration_s: float
) -> Heard:
    """Who is heard when, from the results of all windows (read once, two held at a time).

    Args:
        separator: the model that made them.
        spans: of all windows, in samples at the network's rate.
        windows: their results in order.
        duration_s: length of the sound; what lies behind does not count.
    """
    left = max(round(duration_s * separator.columns_per_s), 1)
    parts = []
    powers = (window[:, POWERS] for window in windows)  # [Q, 3, N]
    for columns in cross_fade(separator.plan, spans, powers):
        parts.append(columns[..., :left])
        left -= parts[-1].shape[-1]
    return heard_in(separator, [np.concatenate(parts, axis=-1)])


def heard_in(separator: Separator, powers: Sequence[Block]) -> Heard:
    """Who is heard in stretches of sound, from their rows of powers [Q, 3, N]."""
    rate = separator.columns_per_s
    seconds = np.concatenate([per_second(part, rate) for part in powers], axis=-1)
    return Heard(seconds[:, 0], seconds[:, 1], seconds[0, 2], separator.present_share)


def largest_shares(taken: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest share of the power of a second that is not faint: [Q, seconds], [seconds] -> [Q]."""
    loud = total > max(SILENT_POWER, QUIET_RATIO * float(total.max(initial=0.0)))
    if not loud.any():
        return np.zeros(len(taken))
    found: NDArray[np.float64] = (taken[:, loud] / total[loud]).max(axis=1)
    return found


def per_second(columns: Block, columns_per_s: float) -> NDArray[np.float64]:
    """Means of columns [..., N] over one second each, [..., seconds]; the last may be shorter."""
    edges = np.arange(0, columns.shape[-1], columns_per_s).astype(np.int64)
    counts = np.diff(np.append(edges, columns.shape[-1]))
    means: NDArray[np.float64] = np.add.reduceat(columns.astype(np.float64), edges, -1) / counts
    return means
