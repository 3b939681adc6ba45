"""Which versions differ: every pair tested, with the correction for having tested so many.

Sources: Wilcoxon 1945 (signed ranks; zero differences split as Pratt 1959); Holm 1979, "A simple
sequentially rejective multiple test procedure"; Conover and Iman 1979 and Conover 1999, "Practical
nonparametric statistics", section 5.8 (comparisons after Friedman).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from seehear.errors import InputError
from seehear.listen.statistics.interval import Values

MOST_EXACT = 100
"""Differences up to which the signed-rank test is exact."""


@dataclass(frozen=True)
class PairTest:
    """One pair of versions.

    Args:
        first: index of a version.
        second: index of another.
        difference: mean (Wilcoxon) or mean rank (Conover) of the first minus the second.
        p: as tested, two-sided.
        p_adjusted: after the correction.
        num_blocks: participants (or trials) behind it.
    """

    first: int
    second: int
    difference: float
    p: float
    p_adjusted: float
    num_blocks: int


def holm(p: Sequence[float] | Values) -> Values:
    """Holm's correction: each adjusted p controls the chance of any false finding.

    Args:
        p: p-values; NaN (not testable) stays NaN and is not counted.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p, dtype=np.float64)
    tested = np.flatnonzero(np.isfinite(given))
    order = tested[np.argsort(given[tested], kind="stable")]
    steps = (len(order) - np.arange(len(order))) * given[order]
    adjusted = np.full(given.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return adjusted


def wilcoxon_pairs(blocks: Values) -> list[PairTest]:
    """Signed-rank test of each pair of versions, Holm-corrected.

    Args:
        blocks: one row per participant (or trial), one column per version [N, V]; rows with NaN in
            either column are left out of that pair.

    Raises:
        InputError: not two-dimensional, or fewer than two versions.
    """
    _check(blocks)
    found = []
    for i, j in combinations(range(blocks.shape[1]), 2):
        difference = blocks[:, i] - blocks[:, j]
        difference = difference[np.isfinite(difference)]
        found.append((i, j, difference, _signed_rank(difference)))
    adjusted = holm([p for *_, p in found])
    return [
        PairTest(i, j, float(d.mean()) if d.size else float("nan"), p, float(q), d.size)
        for (i, j, d, p), q in zip(found, adjusted, strict=True)
    ]


def _signed_rank(difference: Values) -> float:
    """p of the signed-rank test: exact also with ties up to 100 differences, then normal.

    Given the ranks, each sign is as likely as the other; the sum of the positive ranks has a
    distribution that adds up rank by rank (ranks are doubled: those of ties end in one half).
    """
    if difference.size < 2:
        return float("nan")
    # Sums of decimal fractions leave crumbs that would make ties look different.
    difference = np.round(difference, 9)
    if not difference.any():
        return 1.0
    if difference.size > MOST_EXACT:
        return float(stats.wilcoxon(difference, zero_method="pratt", method="approx").pvalue)
    told = difference != 0  # Pratt: zeros are ranked with the others, then left out
    ranks = np.round(2 * stats.rankdata(np.abs(difference)))[told].astype(np.int64)
    chances = np.zeros(int(ranks.sum()) + 1)
    chances[0] = 1.0
    for rank in ranks:
        chances[rank:] = (chances[rank:] + chances[:-rank]) / 2
        chances[:rank] /= 2
    seen = int(ranks[difference[told] > 0].sum())
    lower = min(seen, int(ranks.sum()) - seen)
    return float(min(2 * chances[: lower + 1].sum(), 1.0))


def conover_pairs(blocks: Values) -> list[PairTest]:
    """Comparisons of rank sums after Friedman, Holm-corrected.

    t = (R_i - R_j) / sqrt(2 N (A - sum R^2 / N) / ((N - 1)(V - 1))), with A the sum of all squared
    ranks and R the rank sums, has (N - 1)(V - 1) degrees of freedom.

    Args:
        blocks: complete rows [N, V]; higher or lower values make no difference.

    Raises:
        InputError: missing cells, fewer than two rows, or fewer than two versions.
    """
    _check(blocks)
    if len(blocks) < 2 or not np.isfinite(blocks).all():
        raise InputError(f"Conover's comparison needs two complete rows or more, not {len(blocks)}")
    ranks = stats.rankdata(blocks, axis=1)
    n, k = ranks.shape
    sums = ranks.sum(0)
    left = (ranks**2).sum() - (sums**2).sum() / n
    scale = np.sqrt(2 * n * left / ((n - 1) * (k - 1)))
    pairs = list(combinations(range(k), 2))
    p = []
    for i, j in pairs:
        gap = abs(sums[i] - sums[j])
        # All rows in the same order: left is 0 and any gap is beyond chance.
        t = gap / scale if scale > 1e-12 else (np.inf if gap > 0 else 0.0)
        p.append(float(2 * stats.t.sf(t, (n - 1) * (k - 1))))
    return [
        PairTest(i, j, float((sums[i] - sums[j]) / n), raw, float(q), n)
        for (i, j), raw, q in zip(pairs, p, holm(p), strict=True)
    ]


def _check(blocks: Values) -> None:
    if blocks.ndim != 2 or blocks.shape[1] < 2:
        raise InputError(f"expected rows of two or more versions [N, V], got {blocks.shape}")
