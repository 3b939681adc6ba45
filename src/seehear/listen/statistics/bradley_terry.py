"""Strengths of versions from who was preferred to whom.

Bradley and Terry 1952, "Rank analysis of incomplete block designs": version i beats version j with
probability s_i / (s_i + s_j). Log strengths are found by Newton's method (the likelihood is concave)
and given with mean 0. No preference is either half a win for each side (`half`) or, after Davidson
1970 ("On extending the Bradley-Terry model to accommodate ties"), an outcome of its own with
probability proportional to nu * sqrt(s_i s_j) (`davidson`).

Three kinds of uncertainty: the inverse Hessian takes every comparison as independent; the crossed
one treats participants and clips as random. For the latter the estimate is linearised: each cell of
participant and clip moves it by (inverse Hessian) x (its score), and the mean of these
contributions gets its variance from `crossed.py` (the sandwich of Huber 1967 and White 1982, with
two crossed clusters). A ranking is taken apart into its pairs; the crossed interval keeps them
together, the Hessian's does not and is too narrow there.

Where one version (or a group) beat all others without exception its strength has no finite
estimate; half a win each way is then added to every pair, and `prior` says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from scipy import stats
from scipy.sparse.csgraph import connected_components

from seehear.errors import InputError
from seehear.listen.statistics.crossed import variance_components
from seehear.listen.statistics.interval import CONFIDENCE, Values

Ties = Literal["half", "davidson"]
MAX_STEPS = 100
PRIOR_WINS = 0.5


@dataclass(frozen=True)
class Strengths:
    """Fitted strengths.

    Args:
        log_strength: natural logarithm per version, mean 0 [V].
        covariance: inverse Hessian [V, V]; comparisons taken as independent.
        tie: Davidson's nu; 0 where ties count as half wins.
        log_likelihood: at the fit.
        prior: whether half a win each way was added.
        num_comparisons: comparisons behind it.
    """

    log_strength: Values
    covariance: Values
    tie: float
    log_likelihood: float
    prior: bool
    num_comparisons: int

    def chance(self, first: int, second: int) -> float:
        """Chance that the first is preferred to the second, ties left aside."""
        gap = self.log_strength[first] - self.log_strength[second]
        return float(1 / (1 + math.exp(-gap)))


@dataclass(frozen=True)
class Contrast:
    """Difference of two log strengths, or one log strength against the mean of all.

    Args:
        value: the difference.
        low: lower end, participants and clips random; NaN with fewer than two participants.
        high: upper end.
        low_independent: lower end if all comparisons were independent (inverse Hessian).
        high_independent: upper end likewise.
        p: two-sided, participants and clips random.
    """

    value: float
    low: float
    high: float
    low_independent: float
    high_independent: float
    p: float


def fit_strengths(wins: Values, ties: Values | None = None, how: Ties = "half") -> Strengths:
    """Fit strengths to a table of counts.

    Args:
        wins: wins[i, j] counts how often i was preferred to j [V, V]; the diagonal is ignored.
        ties: ties[i, j] = ties[j, i] counts comparisons without a preference [V, V].
        how: what a tie is.

    Raises:
        InputError: tables of another shape, negative counts, or versions that were never compared,
            not even through others.
    """
    wins, ties = _checked(wins, ties)
    num_comparisons = round(float(wins.sum() + ties.sum() / 2))
    if how == "half":
        wins, ties = wins + ties / 2, np.zeros_like(ties)
    prior = not _strongly_connected(wins + ties)
    if prior:
        wins = wins + PRIOR_WINS * (wins + wins.T + ties > 0) * (1 - np.eye(len(wins)))
    with_ties = bool(ties.any())
    theta, hessian, value = _newton(wins, ties, with_ties)
    inverse = np.linalg.pinv(hessian, hermitian=True)[: len(wins), : len(wins)]
    covariance = np.asarray(inverse, dtype=np.float64)
    nu = math.exp(theta[-1]) if with_ties else 0.0
    return Strengths(theta[: len(wins)], covariance, nu, value, prior, num_comparisons)


def _checked(wins: Values, ties: Values | None) -> tuple[Values, Values]:
    wins = np.array(wins, dtype=np.float64)
    if wins.ndim != 2 or wins.shape[0] != wins.shape[1] or len(wins) < 2:
        raise InputError(f"wins must be a square table of two or more versions, not {wins.shape}")
    ties = np.zeros_like(wins) if ties is None else np.array(ties, dtype=np.float64)
    if ties.shape != wins.shape or (wins < 0).any() or (ties < 0).any():
        raise InputError("ties must have the shape of wins, and no count may be negative")
    np.fill_diagonal(wins, 0.0)
    np.fill_diagonal(ties, 0.0)
    groups, _ = connected_components(wins + wins.T + ties, directed=False)
    if groups > 1:
        raise InputError("some versions were never compared with the others; no scale holds both")
    return wins, ties


def _strongly_connected(beats: Values) -> bool:
    groups, _ = connected_components(beats > 0, directed=True, connection="strong")
    return bool(groups == 1)


def _outcomes(size: int, i: int, j: int, with_ties: bool) -> Values:
    """What log strengths (and log nu, last) each outcome of a pair speaks for [2 or 3, size]."""
    rows = np.zeros((3 if with_ties else 2, size))
    rows[0, i] = rows[1, j] = 1.0
    if with_ties:
        rows[2, [i, j]], rows[2, -1] = 0.5, 1.0
    return rows


def _newton(wins: Values, ties: Values, with_ties: bool) -> tuple[Values, Values, float]:
    """Maximise the likelihood; returns parameters, observed information and log likelihood."""
    k = len(wins)
    size = k + with_ties
    pairs = [(i, j) for i, j in combinations(range(k), 2) if wins[i, j] + wins[j, i] + ties[i, j]]
    designs = [_outcomes(size, i, j, with_ties) for i, j in pairs]
    counts = [np.array([wins[i, j], wins[j, i], ties[i, j]])[: len(designs[0])] for i, j in pairs]
    theta = np.zeros(size)

    def evaluate(at: Values) -> tuple[float, Values, Values]:
        value, gradient, hessian = 0.0, np.zeros(size), np.zeros((size, size))
        for design, count in zip(designs, counts, strict=True):
            score = design @ at
            top = score.max()
            share = np.exp(score - top)
            value += float(count @ (score - top - math.log(share.sum())))
            share /= share.sum()
            mean = share @ design
            gradient += count @ design - count.sum() * mean
            spread = (design * share[:, None]).T @ design - np.outer(mean, mean)
            hessian += count.sum() * spread
        return value, gradient, hessian

    value, gradient, hessian = evaluate(theta)
    for _ in range(MAX_STEPS):
        step = np.linalg.pinv(hessian, hermitian=True) @ gradient
        size_of_step = 1.0
        new = evaluate(theta + step)
        while new[0] < value - 1e-12 and size_of_step > 1e-6:
            size_of_step /= 2
            new = evaluate(theta + size_of_step * step)
        theta = theta + size_of_step * step
        theta[:k] -= theta[:k].mean()
        value, gradient, hessian = new
        if np.abs(step).max() < 1e-10:
            break
    return theta, hessian, value


def contributions(fitted: Strengths, outcome: Values) -> Values:
    """What each cell of participant and clip adds to the log strengths.

    Args:
        fitted: strengths fitted to all cells together, ties as half wins.
        outcome: outcome[p, c, i, j] is 1 where i was preferred to j, 0.5 without a preference, 0
            where j was preferred; NaN where not compared [P, C, V, V].

    Returns:
        Contributions [P, C, V], NaN in cells without a comparison; their mean is 0.
    """
    compared = np.isfinite(outcome)
    gap = fitted.log_strength[:, None] - fitted.log_strength
    surplus = np.where(compared, outcome - 1 / (1 + np.exp(-gap)), 0.0)
    score = surplus.sum(-1)  # [P, C, V, V] -> [P, C, V]
    answered = np.asarray(compared.any(axis=(-2, -1)))[..., None]  # [P, C, 1]
    moved = score @ fitted.covariance * answered.sum()
    return np.where(answered, moved, np.nan)


def counts_of(outcome: Values) -> tuple[Values, Values]:
    """Wins and ties [V, V] of all cells; `outcome` as in `contributions`."""
    wins: Values = (outcome == 1).sum(axis=(0, 1)).astype(np.float64)
    ties: Values = (outcome == 0.5).sum(axis=(0, 1)).astype(np.float64)
    return wins, ties


def contrast(
    fitted: Strengths, moved: Values, weights: Values, confidence: float = CONFIDENCE
) -> Contrast:
    """A linear combination of log strengths with both kinds of intervals.

    Args:
        fitted: the strengths.
        moved: `contributions` of the cells.
        weights: of the log strengths, summing to 0 for a difference [V].
        confidence: of the intervals.
    """
    value = float(weights @ fitted.log_strength)
    found = variance_components(moved @ weights)
    error = math.sqrt(max(float(weights @ fitted.covariance @ weights), 0.0))
    independent = error * float(stats.norm.ppf(0.5 + confidence / 2))
    crossed = np.sqrt(found.variance)
    if fitted.prior:
        # Answers without exception show no spread; the larger error is the more honest one.
        crossed = np.maximum(crossed, error)
    half = float(stats.t.ppf(0.5 + confidence / 2, found.freedom) * crossed)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = float(2 * stats.t.sf(abs(value) / crossed, found.freedom))
    return Contrast(value, value - half, value + half, value - independent, value + independent, p)


def outcomes_from_ranks(ranks: Values) -> Values:
    """Take rankings apart: 1 where the row's version ranks better (lower) than the column's.

    Args:
        ranks: ranks [..., V], 1 = best; NaN where not ranked.

    Returns:
        Outcomes [..., V, V], NaN on the diagonal and beside NaN.

    >>> outcomes_from_ranks(np.array([1.0, 2.0, 2.0]))[0].tolist()
    [nan, 1.0, 1.0]
    """
    first, second = ranks[..., :, None], ranks[..., None, :]
    outcome = np.where(first < second, 1.0, np.where(first == second, 0.5, 0.0))
    outcome[~(np.isfinite(first) & np.isfinite(second))] = np.nan
    outcome[..., np.arange(ranks.shape[-1]), np.arange(ranks.shape[-1])] = np.nan
    return outcome
