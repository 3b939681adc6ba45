"""First pass: hear the sound window by window, look at the frames of the same seconds.

The sound arrives as blocks of all channels, the picture as a function from seconds to frames; both are
the same for files and for clips in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.segments import Segment, cut_segments
from seehear.runtime import Stopwatch
from seehear.tasks.hearing import HeardWindow, in_batches
from seehear.tasks.spatialize.engine import Engine, Kept
from seehear.tasks.spatialize.looking import FramesAt, Sight

Block = NDArray[np.float32]


def hear_windows(
    engine: Engine,
    mono: Iterable[Block],
    sample_rate: int,
    frames_at: FramesAt,
    is_finished: Callable[[int], bool] = lambda index: False,
    clock: Stopwatch | None = None,
) -> Iterator[HeardWindow]:
    """Ask for all windows of a mono stream where the sound is.

    Args:
        engine: who hears.
        mono: float32 [1, n] blocks.
        sample_rate: their rate, Hz.
        frames_at: frames seen at given seconds from the sound's beginning.
        is_finished: windows that need no computing.
        clock: told the seconds of `pictures`, `features` and `network`.

    Yields:
        Windows in order, as soon as their batch is done.
    """
    clock = clock or Stopwatch()
    sight = Sight(frames_at, engine.frame_rate, engine.encode, clock)
    segments = cut_segments(mono, sample_rate, engine.sample_rate, engine.plan, skip=is_finished)

    def run(batch: list[Segment]) -> list[Kept]:
        with clock("network"):
            return engine.run(batch, sight)

    yield from in_batches(segments, engine.batch_size, run)
