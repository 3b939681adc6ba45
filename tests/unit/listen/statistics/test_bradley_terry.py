"""Published Bradley-Terry fits, other optimisers as judges, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special

from seehear.errors import InputError
from seehear.listen.statistics.bradley_terry import (
    contrast,
    contributions,
    counts_of,
    fit_strengths,
    outcomes_from_ranks,
)

# Agresti, "Categorical data analysis" (2002), table 10.10: American League 1987, wins of the row's
# team over the column's: Milwaukee, Detroit, Toronto, New York, Boston, Cleveland, Baltimore.
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ],
    dtype=float,
)
TIES = np.array([[0, 6, 3], [6, 0, 4], [3, 4, 0]], dtype=float)
WINS = np.array([[0, 9, 12], [5, 0, 8], [2, 4, 0]], dtype=float)


def test_baseball_teams_as_published() -> None:
    fitted = fit_strengths(BASEBALL)
    against_last = fitted.log_strength[:-1] - fitted.log_strength[-1]
    assert against_last == pytest.approx([1.581, 1.436, 1.294, 1.248, 1.108, 0.684], abs=1e-3)
    c = fitted.covariance
    errors = [np.sqrt(c[i, i] + c[6, 6] - 2 * c[i, 6]) for i in range(6)]
    assert errors == pytest.approx([0.343, 0.340, 0.337, 0.336, 0.334, 0.332], abs=1e-3)
    assert fitted.num_comparisons == 21 * 13
    assert not fitted.prior


def test_two_versions_have_a_closed_form() -> None:
    fitted = fit_strengths(np.array([[0.0, 30.0], [10.0, 0.0]]))
    assert fitted.chance(0, 1) == pytest.approx(0.75)
    error = np.sqrt(np.array([1.0, -1.0]) @ fitted.covariance @ np.array([1.0, -1.0]))
    assert error == pytest.approx(np.sqrt(1 / 30 + 1 / 10))


def test_ties_as_half_wins_equal_half_wins() -> None:
    tied = fit_strengths(WINS, TIES)
    plain = fit_strengths(WINS + TIES / 2)
    assert tied.log_strength == pytest.approx(plain.log_strength)
    assert tied.num_comparisons == 40 + 13


def davidson_loss(x: np.ndarray) -> float:
    """Negative log likelihood written down the long way: two log strengths and log nu."""
    theta, loss = np.array([0.0, x[0], x[1]]), 0.0
    for i, j in ((0, 1), (0, 2), (1, 2)):
        scores = np.array([theta[i], theta[j], x[2] + (theta[i] + theta[j]) / 2])
        seen = np.array([WINS[i, j], WINS[j, i], TIES[i, j]])
        loss -= float(seen @ special.log_softmax(scores))
    return loss


def test_davidson_against_another_optimiser() -> None:
    judge = optimize.minimize(davidson_loss, np.zeros(3), method="BFGS")
    fitted = fit_strengths(WINS, TIES, how="davidson")
    gaps = fitted.log_strength - fitted.log_strength[0]
    assert gaps[1:] == pytest.approx(judge.x[:2], abs=1e-4)
    assert fitted.tie == pytest.approx(np.exp(judge.x[2]), abs=1e-4)
    assert fitted.log_likelihood == pytest.approx(-judge.fun)


def test_a_version_that_never_loses_gets_a_prior_and_not_infinity() -> None:
    fitted = fit_strengths(np.array([[0, 5, 5], [0, 0, 3], [0, 2, 0]], dtype=float))
    assert fitted.prior
    assert np.isfinite(fitted.log_strength).all()
    assert fitted.log_strength[0] == max(fitted.log_strength)


def test_without_exceptions_the_interval_is_wide_and_not_a_point() -> None:
    outcome = np.full((4, 3, 2, 2), np.nan)
    outcome[..., 0, 1], outcome[..., 1, 0] = 1.0, 0.0
    fitted = fit_strengths(*counts_of(outcome))
    found = contrast(fitted, contributions(fitted, outcome), np.array([1.0, -1.0]))
    assert found.high - found.low >= found.high_independent - found.low_independent > 1.0


def test_versions_that_never_met_are_refused() -> None:
    with pytest.raises(InputError, match="never compared"):
        fit_strengths(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=float))
    with pytest.raises(InputError, match="square"):
        fit_strengths(np.zeros((2, 3)))


def test_rankings_become_their_pairs() -> None:
    outcome = outcomes_from_ranks(np.array([[[2.0, 1.0, 3.0]], [[1.0, np.nan, 1.0]]]))
    assert outcome[0, 0, 1, 0] == 1 and outcome[0, 0, 0, 1] == 0
    assert outcome[1, 0, 0, 2] == 0.5
    assert np.isnan(outcome[1, 0, 0, 1])
    wins, ties = counts_of(outcome)
    assert wins.sum() == 3
    assert ties.sum() == 2


def test_contributions_are_the_newton_step_of_each_cell() -> None:
    rng = np.random.default_rng(5)
    outcome = outcomes_from_ranks(rng.permuted(np.tile([1.0, 2, 3, 4], (6, 5, 1)), axis=2))
    fitted = fit_strengths(*counts_of(outcome))
    moved = contributions(fitted, outcome)
    assert np.abs(moved.mean(axis=(0, 1))).max() < 1e-9
    # Leaving a cell out moves the fit by about minus its contribution / number of cells.
    without = outcome.copy()
    without[2, 3] = np.nan
    again = fit_strengths(*counts_of(without))
    step = again.log_strength - fitted.log_strength
    assert step == pytest.approx(-moved[2, 3] / 30, abs=0.01)


def test_crossed_intervals_cover_where_independent_ones_do_not() -> None:
    rng = np.random.default_rng(11)
    truth, people, clips, runs = np.array([0.6, 0.0, -0.6]), 16, 10, 120
    covered = np.zeros(2)
    for _ in range(runs):
        # Everybody has a taste of their own; the marginal effect is what a large test would find.
        taste = 0.8 * rng.standard_normal((people, 1, 3))
        cells = truth + taste + rng.gumbel(size=(people, clips, 3))
        ranks = 1.0 + (cells[..., None, :] > cells[..., None]).sum(-1)
        outcome = outcomes_from_ranks(ranks)
        fitted = fit_strengths(*counts_of(outcome))
        found = contrast(fitted, contributions(fitted, outcome), np.array([1.0, 0.0, -1.0]))
        covered += [
            found.low <= MARGINAL <= found.high,
            found.low_independent <= MARGINAL <= found.high_independent,
        ]
    assert 0.90 <= covered[0] / runs <= 0.99
    assert covered[1] / runs < 0.85


def marginal_gap() -> float:
    """Log strength gap of versions 0 and 2 above in one huge test."""
    rng = np.random.default_rng(1)
    truth = np.array([0.6, 0.0, -0.6])
    cells = truth + 0.8 * rng.standard_normal((200_000, 1, 3)) + rng.gumbel(size=(200_000, 1, 3))
    outcome = outcomes_from_ranks(1.0 + (cells[..., None, :] > cells[..., None]).sum(-1))
    fitted = fit_strengths(*counts_of(outcome))
    return float(fitted.log_strength[0] - fitted.log_strength[2])


MARGINAL = marginal_gap()
