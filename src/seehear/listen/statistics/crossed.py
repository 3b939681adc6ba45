"""Means whose interval holds for other people and for other clips.

Participants and clips are crossed: everybody hears (nearly) every clip. One answer is

    y[p, c] = mean + a[p] + b[c] + e[p, c]

with a, b and e drawn anew when the test is repeated with other people and other clips. Counting all
answers as independent would make intervals far too narrow: a thousand answers of ten people are not
a thousand people. The variances of a, b and e are found by equating sums of squares with their
expectations (Henderson 1953, "Estimation of variance and covariance components", method 1); with
every cell filled these are the classical mean squares, and the variance of the mean is

    (MS_participants + MS_clips - MS_rest) / (P C)

with degrees of freedom after Satterthwaite 1946 ("An approximate distribution of estimates of
variance components") and a t quantile. Negative variances count as 0 and then take no freedom: in
simulations 95 % intervals cover 95 to 99 % of the time, the more the less people and clips matter.
The same function serves differences of two versions (y = difference in the cell) and any figure that
can be written as a mean of contributions of the cells (see `bradley_terry.py`).

All functions work on stacks of tests [..., P, C] at once, so that simulations are quick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from seehear.listen.statistics.interval import CONFIDENCE, Interval, Values

BOTH = "participants and clips as crossed random effects, t interval (Satterthwaite)"
ONE_CLIP = "participants as random effects, t interval; one clip, so nothing is said of others"
ONE_PERSON = "no interval: one participant says nothing of others"
ALL_EQUAL = "no interval: all answers are equal, so their spread is unknown"
CRUMBS = 1e-18
"""Sums of squares below this times the square of the mean are rounding errors."""


@dataclass(frozen=True)
class Components:
    """Variance components of a stack of tests; every field has the shape [...] of the stack.

    Args:
        mean: mean of all answers.
        participants: variance of a.
        clips: variance of b.
        rest: variance of e.
        variance: of the mean; NaN where it cannot be known, 0 where all answers are equal.
        freedom: degrees of freedom of `variance`.
        people: number of participants who answered.
    """

    mean: Values
    participants: Values
    clips: Values
    rest: Values
    variance: Values
    freedom: Values
    people: Values


def variance_components(values: Values) -> Components:
    """Split the variance of answers among participants, clips and the rest.

    Args:
        values: answers [..., P, C]; NaN where there is none.

    Returns:
        The components; all NaN but the mean where fewer than two people answered.

    >>> table = np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]])  # purely additive
    >>> found = variance_components(table)
    >>> [round(float(x), 6) for x in (found.participants, found.clips, found.rest)]
    [2.0, 7.0, 0.0]
    """
    present = np.isfinite(values)
    counts = present.sum(axis=(-2, -1)).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(present, values, 0.0).sum(axis=(-2, -1)) / counts
        return _components(np.where(present, values - mean[..., None, None], 0.0), present, mean)


def _components(centred: Values, present: np.ndarray, mean: Values) -> Components:
    """Henderson's equations for a stack of centred answers, 0 where there is none."""
    total = present.sum(axis=(-2, -1)).astype(np.float64)
    per_person = present.sum(axis=-1).astype(np.float64)  # [..., P]
    per_clip = present.sum(axis=-2).astype(np.float64)  # [..., C]
    people, clips = (per_person > 0).sum(-1) * 1.0, (per_clip > 0).sum(-1) * 1.0
    centred = np.where(np.abs(centred) ** 2 < CRUMBS * (1 + mean**2)[..., None, None], 0.0, centred)
    square_all = (centred**2).sum(axis=(-2, -1))
    square_people = _grouped(centred.sum(-1), per_person)
    square_clips = _grouped(centred.sum(-2), per_clip)
    load_people = (per_person**2).sum(-1) / total
    load_clips = (per_clip**2).sum(-1) / total

    # Rows: people, clips, all; columns: variance of people, of clips, of the rest.
    rows = [
        [total - load_people, people - load_clips, people - 1],
        [clips - load_people, total - load_clips, clips - 1],
        [total - load_people, total - load_clips, total - 1],
    ]
    matrix = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    sums = np.stack([square_people, square_clips, square_all], axis=-1)
    spare = total - people - clips + 1
    solvable = (people > 1) & (clips > 1) & (spare > 0)
    safe = np.where(solvable[..., None, None], matrix, np.eye(3))
    found = np.linalg.solve(safe, sums[..., None])[..., 0].clip(min=0.0)

    # One answer each (one clip, or nobody shares a clip): people are all that varies.
    flat = square_all / np.maximum(total - 1, 1)
    a = np.where(solvable, found[..., 0], np.where(people > 1, flat, np.nan))
    b = np.where(solvable, found[..., 1], np.where(people > 1, 0.0, np.nan))
    e = np.where(solvable, found[..., 2], np.where(people > 1, 0.0, np.nan))
    by_people, by_clips = e + a * load_people, e + b * load_clips
    variance = (by_people + by_clips - e) / total
    parts = (
        np.where(a > 0, by_people**2 / np.maximum(people - 1, 1), 0.0)
        + np.where(b > 0, by_clips**2 / np.maximum(clips - 1, 1), 0.0)
        + np.where(solvable, e**2 / np.maximum(spare, 1), 0.0)
    )
    freedom = np.where(parts > 0, (variance * total) ** 2 / np.where(parts > 0, parts, 1), spare)
    return Components(mean, a, b, e, variance, np.maximum(freedom, 1.0), people)


def _grouped(sums: Values, counts: Values) -> Values:
    """Sum over groups of (sum of the group)^2 / (its count), empty groups left out."""
    grouped: Values = (sums**2 / np.maximum(counts, 1)).sum(-1)
    return grouped


def crossed_mean(values: Values, confidence: float = CONFIDENCE) -> Interval:
    """Mean of one test's answers with the interval over people and clips.

    Args:
        values: answers [P, C], NaN where there is none.
        confidence: of the interval, between 0 and 1.

    Returns:
        The interval; without ends (NaN) where fewer than two people answered or all answers are
        equal.
    """
    found = variance_components(values)
    present = np.isfinite(values)
    people, clips = int(present.any(1).sum()), int(present.any(0).sum())
    method = ONE_PERSON if people < 2 else ONE_CLIP if clips < 2 else BOTH
    half = float(half_widths(found, confidence))
    if half == 0:
        method, half = ALL_EQUAL, float("nan")
    mean = float(found.mean)
    return Interval(
        mean, mean - half, mean + half, method, people, clips, int(present.sum()), confidence
    )


def half_widths(found: Components, confidence: float = CONFIDENCE) -> Values:
    """Half widths of the intervals of a stack [...]; NaN where there is none."""
    quantile = stats.t.ppf(0.5 + confidence / 2, found.freedom)
    half: Values = quantile * np.sqrt(found.variance)
    return half


def p_values(found: Components) -> Values:
    """Two-sided p of "the mean is 0" for a stack [...].

    Where all answers are equal no spread is known; what is left is the sign test of the participants
    (1 if they all say 0).

    >>> found = variance_components(np.array([[1.0, 2.0], [2.0, 1.5], [1.0, 3.0]]))
    >>> bool(0.01 < p_values(found) < 0.2)
    True
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(found.mean) / np.sqrt(found.variance)
    p = 2 * stats.t.sf(t, found.freedom)
    unanimous = np.where(np.abs(found.mean) > 0, np.minimum(2 * 0.5**found.people, 1.0), 1.0)
    tested: Values = np.where(found.variance == 0, unanimous, p)
    return tested
