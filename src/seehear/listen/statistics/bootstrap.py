"""Intervals by drawing people and clips again, the second opinion beside `crossed.py`.

As many participants as there are, and independently as many clips, are drawn with replacement; a
cell counts as often as its participant times as often as its clip (Owen 2007, "The pigeonhole
bootstrap"; Brennan, Harris and Hanson 1987). It needs no normal distribution, but counts the noise
of single answers three times over, so it is too wide where people and clips hardly matter. (The
bootstrap in `metrics/report.py` adds counts of recordings instead; it serves clips that share
recordings, not people who share clips.)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from seehear.listen.statistics.crossed import ONE_PERSON
from seehear.listen.statistics.interval import CONFIDENCE, Interval, Values

NUM_DRAWS = 4000
METHOD = "bootstrap over participants and clips (pigeonhole, percentiles)"


def crossed_bootstrap(
    values: Values, seed: int = 0, confidence: float = CONFIDENCE, num_draws: int = NUM_DRAWS
) -> Interval:
    """Mean of the answers with its percentile interval.

    Args:
        values: answers [P, C], NaN where there is none.
        seed: of the draws.
        confidence: of the interval.
        num_draws: draws; those without any answer are left out.

    Returns:
        The interval; without ends where fewer than two people answered.
    """
    present = np.isfinite(values)
    people, clips = present.any(1), present.any(0)
    count = (int(people.sum()), int(clips.sum()), int(present.sum()))
    mean = float(values[present].mean()) if count[2] else float("nan")
    made = Interval(mean, np.nan, np.nan, ONE_PERSON, *count, confidence)
    if count[0] < 2:
        return made
    table, mask = values[people][:, clips], present[people][:, clips]
    table = np.where(mask, table, 0.0)
    rng = np.random.default_rng(seed)
    rows = rng.multinomial(count[0], np.full(count[0], 1 / count[0]), size=num_draws)
    columns = rng.multinomial(count[1], np.full(count[1], 1 / count[1]), size=num_draws)
    total = ((rows @ mask) * columns).sum(1)
    sums = ((rows @ table) * columns).sum(1)
    drawn = sums[total > 0] / total[total > 0]
    low, high = np.quantile(drawn, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return replace(made, low=float(low), high=float(high), method=METHOD)
