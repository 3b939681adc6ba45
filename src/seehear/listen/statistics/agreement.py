"""Do participants agree: Kendall's W for orders, intraclass correlations for ratings.

Sources: Kendall and Babington Smith 1939, W corrected for ties as in Kendall 1970, "Rank
correlation methods", chapter 6; Shrout and Fleiss 1979, "Intraclass correlations: uses in assessing
rater reliability" (names of the forms); McGraw and Wong 1996, "Forming inferences about some
intraclass correlation coefficients", table 7 (intervals).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from seehear.errors import InputError
from seehear.listen.statistics.interval import CONFIDENCE, Values


@dataclass(frozen=True)
class Concordance:
    """Kendall's W.

    Args:
        w: 0 (no agreement) to 1 (all the same order).
        chi_square: raters * (objects - 1) * W.
        p: of chi square, for "no agreement at all".
        num_raters: complete raters.
        num_objects: things ordered.
        mean_correlation: mean Spearman correlation of all pairs of raters, (m W - 1) / (m - 1).
    """

    w: float
    chi_square: float
    p: float
    num_raters: int
    num_objects: int
    mean_correlation: float


@dataclass(frozen=True)
class Correlation:
    """An intraclass correlation with its interval and what is behind it."""

    value: float
    low: float
    high: float
    form: str
    num_raters: int
    num_objects: int
    confidence: float = CONFIDENCE


def kendalls_w(table: Values) -> Concordance:
    """Agreement of raters on an order.

    Args:
        table: values or ranks [raters, objects]; raters with a missing cell are left out.

    Raises:
        InputError: fewer than two complete raters or two objects, or nobody told objects apart.
    """
    ranks = stats.rankdata(_complete(table), axis=1)
    m, n = ranks.shape
    sums = ranks.sum(0)
    ties = sum(
        float((c**3 - c).sum()) for c in (np.unique(r, return_counts=True)[1] for r in ranks)
    )
    most = m**2 * (n**3 - n) - m * ties
    if most <= 0:
        raise InputError("no rater told the objects apart, so there is no order to agree on")
    w = float(12 * ((sums - sums.mean()) ** 2).sum() / most)
    chi = m * (n - 1) * w
    p = float(stats.chi2.sf(chi, n - 1))
    return Concordance(w, chi, p, m, n, (m * w - 1) / (m - 1))


def icc(table: Values, confidence: float = CONFIDENCE) -> dict[str, Correlation]:
    """Intraclass correlations, raters as a random sample of raters.

    ICC(2,1) is how well one rater's number stands for the object, in absolute terms; ICC(2,k) how
    well the mean of these k raters does. ICC(3,1) and ICC(3,k) ignore that raters use different
    parts of the scale.

    Args:
        table: ratings [raters, objects]; raters with a missing cell are left out.
        confidence: of the intervals.

    Returns:
        Form -> correlation.

    Raises:
        InputError: fewer than two complete raters or two objects, or all ratings equal.
    """
    ratings = _complete(table).T
    n, k = ratings.shape
    grand = ratings.mean()
    rows = k * ((ratings.mean(1) - grand) ** 2).sum() / (n - 1)
    columns = n * ((ratings.mean(0) - grand) ** 2).sum() / (k - 1)
    total = ((ratings - grand) ** 2).sum()
    if total <= 0:
        raise InputError("all ratings are equal, so agreement cannot be told from silence")
    rest = (total - rows * (n - 1) - columns * (k - 1)) / ((n - 1) * (k - 1))
    rest = max(rest, 0.0)
    single = (rows - rest) / (rows + (k - 1) * rest + k * (columns - rest) / n)
    average = (rows - rest) / (rows + (columns - rest) / n)
    low, high = _absolute_interval(rows, columns, rest, single, n, k, confidence)
    found = {
        "ICC(2,1)": (single, low, high),
        "ICC(2,k)": (average, _stepped_up(low, k), _stepped_up(high, k)),
    }
    found |= _consistency(rows, rest, n, k, confidence)
    return {
        form: Correlation(float(v), float(lo), float(hi), form, k, n, confidence)
        for form, (v, lo, hi) in found.items()
    }


def _absolute_interval(
    rows: float, columns: float, rest: float, single: float, n: int, k: int, confidence: float
) -> tuple[float, float]:
    """Ends for ICC(2,1): Satterthwaite's freedom for the mix of raters and rest."""
    if rest == 0 and columns == 0:
        return 1.0, 1.0
    a = k * single / (n * (1 - single)) if single < 1 else np.inf
    b = 1 + k * single * (n - 1) / (n * (1 - single)) if single < 1 else np.inf
    parts = (a * columns) ** 2 / (k - 1) + (b * rest) ** 2 / ((n - 1) * (k - 1))
    freedom = (a * columns + b * rest) ** 2 / parts
    upper = 0.5 + confidence / 2
    f_low = stats.f.ppf(upper, n - 1, freedom)
    f_high = stats.f.ppf(upper, freedom, n - 1)
    other = k * columns + (k * n - k - n) * rest
    low = n * (rows - f_low * rest) / (f_low * other + n * rows)
    high = n * (f_high * rows - rest) / (other + n * f_high * rows)
    return float(low), float(high)


def _consistency(
    rows: float, rest: float, n: int, k: int, confidence: float
) -> dict[str, tuple[float, float, float]]:
    """ICC(3,1) and ICC(3,k) with the exact intervals of F."""
    if rest == 0:
        return {"ICC(3,1)": (1.0, 1.0, 1.0), "ICC(3,k)": (1.0, 1.0, 1.0)}
    f, freedom = rows / rest, ((n - 1), (n - 1) * (k - 1))
    upper = 0.5 + confidence / 2
    low = f / stats.f.ppf(upper, *freedom)
    high = f * stats.f.ppf(upper, freedom[1], freedom[0])
    one = tuple((x - 1) / (x + k - 1) for x in (f, low, high))
    mean = tuple(1 - 1 / x for x in (f, low, high))
    return {"ICC(3,1)": (one[0], one[1], one[2]), "ICC(3,k)": (mean[0], mean[1], mean[2])}


def _stepped_up(single: float, k: int) -> float:
    """Reliability of a mean of k from that of one (Spearman and Brown 1910)."""
    return k * single / (1 + (k - 1) * single)


def _complete(table: Values) -> Values:
    if table.ndim != 2 or table.shape[1] < 2:
        raise InputError(
            f"agreement needs two or more objects [raters, objects], got {table.shape}"
        )
    whole = table[np.isfinite(table).all(1)]
    if len(whole) < 2:
        raise InputError(f"agreement needs two complete raters or more, got {len(whole)}")
    return whole
