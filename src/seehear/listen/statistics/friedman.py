"""Do the versions differ at all: Friedman's test, and Nemenyi's critical difference after it.

Sources: Friedman 1937 with the correction for ties (Conover 1999, section 5.8); Iman and Davenport
1980 (F form, less cautious than chi square); Nemenyi 1963 as in Demsar 2006, "Statistical
comparisons of classifiers over multiple data sets", section 3.2.2:

    CD = q(alpha, V) * sqrt(V (V + 1) / (6 N))

with q the studentised range for infinite degrees of freedom divided by sqrt(2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from seehear.errors import InputError
from seehear.listen.statistics.interval import Values
from seehear.listen.statistics.pairwise_tests import PairTest


@dataclass(frozen=True)
class Friedman:
    """Outcome of Friedman's test.

    Args:
        chi_square: the statistic, corrected for ties.
        freedom: versions - 1.
        p: of chi square.
        f: Iman and Davenport's F; infinite where all rows agree.
        p_f: of F.
        mean_ranks: mean rank of each version; 1 is the lowest value.
        num_blocks: rows that were complete and entered.
        critical_difference: Nemenyi's, at alpha = 0.05.
        pairs: Nemenyi's p of each pair (already corrected: `p` equals `p_adjusted`).
    """

    chi_square: float
    freedom: int
    p: float
    f: float
    p_f: float
    mean_ranks: tuple[float, ...]
    num_blocks: int
    critical_difference: float
    pairs: tuple[PairTest, ...]


def friedman(blocks: Values, alpha: float = 0.05) -> Friedman:
    """Test whether the versions differ; rows with a missing cell are left out.

    Args:
        blocks: one row per participant (or trial), one column per version [N, V], V >= 2.
        alpha: of the critical difference.

    Raises:
        InputError: fewer than two versions or fewer than two complete rows.
    """
    if blocks.ndim != 2 or blocks.shape[1] < 2:
        raise InputError(f"expected rows of two or more versions [N, V], got {blocks.shape}")
    blocks = blocks[np.isfinite(blocks).all(1)]
    n, k = blocks.shape
    if n < 2:
        raise InputError(f"Friedman's test needs two complete rows or more, got {n}")
    ranks = stats.rankdata(np.round(blocks, 9), axis=1)
    spread = (ranks**2).sum() - n * k * (k + 1) ** 2 / 4
    mean = ranks.mean(0)
    between = n * ((mean - (k + 1) / 2) ** 2).sum()
    # All rows entirely tied: nothing was said, and nothing differs.
    chi = float(n * (k - 1) * between / spread) if spread > 0 else 0.0
    left = n * (k - 1) - chi
    f = (n - 1) * chi / left if left > 1e-9 else math.inf
    freedom = (k - 1, (k - 1) * (n - 1))
    return Friedman(
        chi_square=chi,
        freedom=k - 1,
        p=float(stats.chi2.sf(chi, k - 1)),
        f=float(f),
        p_f=float(stats.f.sf(f, *freedom)),
        mean_ranks=tuple(float(m) for m in mean),
        num_blocks=n,
        critical_difference=critical_difference(k, n, alpha),
        pairs=tuple(_nemenyi(mean, n)),
    )


def critical_difference(num_versions: int, num_blocks: int, alpha: float = 0.05) -> float:
    """Smallest difference of mean ranks that Nemenyi's test takes for real.

    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    q = stats.studentized_range.ppf(1 - alpha, num_versions, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(num_versions * (num_versions + 1) / (6 * num_blocks)))


def _nemenyi(mean: Values, n: int) -> list[PairTest]:
    k = len(mean)
    error = math.sqrt(k * (k + 1) / (6 * n))
    found = []
    for i in range(k):
        for j in range(i + 1, k):
            q = abs(mean[i] - mean[j]) / error * math.sqrt(2)
            p = float(stats.studentized_range.sf(q, k, np.inf))
            found.append(PairTest(i, j, float(mean[i] - mean[j]), p, p, n))
    return found
