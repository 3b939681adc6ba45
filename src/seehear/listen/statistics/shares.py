"""Shares: how often a version came first, was in the top two, or beat the reference.

A share is a mean of zeros and ones, so its variance comes from `crossed.py`; its interval is
Wilson's (1927, "Probable inference, the law of succession, and statistical inference"), which stays
between 0 and 1, with the number of answers replaced by the number of independent answers that would
have the same variance. The exact binomial test (answers as independent) is given beside it.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from seehear.listen.statistics.crossed import half_widths, variance_components
from seehear.listen.statistics.interval import CONFIDENCE, Interval, Values

METHOD = "Wilson, answers weighed by participants and clips as crossed random effects"
ONE_PERSON = "no interval: one participant says nothing of others"


def wilson(share: float, count: float, quantile: float) -> tuple[float, float]:
    """Wilson's score interval.

    Args:
        share: observed, 0 to 1.
        count: independent answers; need not be whole.
        quantile: of the normal or t distribution, such as 1.96.

    >>> [round(x, 4) for x in wilson(81 / 263, 263, 1.959964)]
    [0.2553, 0.3662]
    """
    square = quantile**2
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = quantile * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    half /= 1 + square / count
    return max(0.0, centre - half), min(1.0, centre + half)


def crossed_share(values: Values, confidence: float = CONFIDENCE) -> Interval:
    """Share of ones with the interval over people and clips.

    Args:
        values: 1, 0 (or 0.5 for ties) per cell [P, C], NaN where there is no answer.
        confidence: of the interval.

    Returns:
        The interval; without ends where fewer than two people answered. Where all answers are the
        same the spread is unknown and each participant counts as one answer.
    """
    present = np.isfinite(values)
    people, clips = int(present.any(1).sum()), int(present.any(0).sum())
    answers = int(present.sum())
    share = float(values[present].mean()) if answers else float("nan")
    if people < 2:
        return Interval(share, np.nan, np.nan, ONE_PERSON, people, clips, answers, confidence)
    found = variance_components(values)
    variance = float(found.variance)
    quantile = float(stats.norm.ppf(0.5 + confidence / 2))
    if variance <= 0 or not 0 < share < 1:
        low, high = wilson(share, people, quantile)
    else:
        # The t quantile of few people enters through the width, so that Wilson's form is kept.
        widened = float(half_widths(found, confidence)) / quantile
        low, high = wilson(share, min(share * (1 - share) / widened**2, answers), quantile)
    return Interval(share, low, high, METHOD, people, clips, answers, confidence)


def binomial_p(wins: int, losses: int) -> float:
    """Exact two-sided p that a win is as likely as a loss, answers as independent; NaN for none.

    >>> round(binomial_p(9, 1), 4)
    0.0215
    """
    if wins + losses == 0:
        return float("nan")
    return float(stats.binomtest(wins, wins + losses).pvalue)
