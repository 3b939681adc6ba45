"""Crossed random effects: textbook mean squares, gaps, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seehear.listen.statistics.bootstrap import crossed_bootstrap
from seehear.listen.statistics.crossed import (
    ALL_EQUAL,
    ONE_CLIP,
    crossed_mean,
    half_widths,
    p_values,
    variance_components,
)
from seehear.listen.statistics.shares import binomial_p, crossed_share, wilson


def drawn(
    rng: np.random.Generator, shape: tuple[int, int, int], people: float, clips: float
) -> np.ndarray:
    """Tests [S, P, C] with a true mean of 0 and noise of 1."""
    runs, p, c = shape
    cells = rng.standard_normal(shape) + people * rng.standard_normal((runs, p, 1))
    return cells + clips * rng.standard_normal((runs, 1, c))


def test_components_are_those_of_the_mean_squares() -> None:
    table = drawn(np.random.default_rng(0), (1, 9, 7), 2.0, 1.5)[0]
    p, c = table.shape
    people = c * table.mean(1).var(ddof=1)
    clips = p * table.mean(0).var(ddof=1)
    rest = (table - table.mean(1)[:, None] - table.mean(0) + table.mean()).var() * p * c
    rest /= (p - 1) * (c - 1)
    found = variance_components(table)
    expected = ((people - rest) / c, (clips - rest) / p, rest)
    assert (found.participants, found.clips, found.rest) == pytest.approx(expected)
    assert found.variance == pytest.approx((people + clips - rest) / (p * c))


def test_mean_squares_agree_with_statsmodels() -> None:
    formula = pytest.importorskip("statsmodels.formula.api")
    anova = pytest.importorskip("statsmodels.stats.anova")
    pandas = pytest.importorskip("pandas")
    table = drawn(np.random.default_rng(4), (1, 6, 5), 1.0, 1.0)[0]
    who, clip = np.indices(table.shape)
    frame = pandas.DataFrame({"y": table.ravel(), "who": who.ravel(), "clip": clip.ravel()})
    judged = anova.anova_lm(formula.ols("y ~ C(who) + C(clip)", frame).fit())
    people, clips, rest = judged["sum_sq"] / judged["df"]
    found = variance_components(table)
    assert found.rest == pytest.approx(rest)
    assert found.variance == pytest.approx((people + clips - rest) / 30)


@pytest.mark.parametrize("share_missing", [0.0, 0.4])
def test_components_are_right_on_average_with_and_without_gaps(share_missing: float) -> None:
    rng = np.random.default_rng(7)
    cells = drawn(rng, (3000, 12, 10), 1.0, 0.7)
    cells[rng.random(cells.shape) < share_missing] = np.nan
    found = variance_components(cells)
    assert np.mean(found.participants) == pytest.approx(1.0, rel=0.05)
    assert np.mean(found.clips) == pytest.approx(0.49, rel=0.05)
    assert np.mean(found.rest) == pytest.approx(1.0, rel=0.05)
    assert np.mean(found.variance) == pytest.approx(np.var(found.mean), rel=0.08)


@pytest.mark.parametrize(
    ("people", "clips", "share_missing"),
    [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.3, 0.3, 0.3), (1.0, 1.0, 0.5), (0.5, 2.0, 0.0)],
)
def test_intervals_cover(people: float, clips: float, share_missing: float) -> None:
    rng = np.random.default_rng(12)
    cells = drawn(rng, (2000, 12, 8), people, clips)
    cells[rng.random(cells.shape) < share_missing] = np.nan
    found = variance_components(cells)
    covered = np.mean(np.abs(found.mean) <= half_widths(found))
    assert 0.93 <= covered <= 0.99
    assert np.mean(p_values(found) < 0.05) == pytest.approx(1 - covered)


def test_counting_answers_as_independent_would_not_cover() -> None:
    cells = drawn(np.random.default_rng(12), (2000, 12, 8), 1.0, 0.0)
    naive = 1.96 * cells.std(axis=(1, 2), ddof=1) / np.sqrt(96)
    assert np.mean(np.abs(cells.mean(axis=(1, 2))) <= naive) < 0.8


def test_one_clip_is_the_t_interval_over_people() -> None:
    values = np.random.default_rng(3).standard_normal((10, 1))
    found = crossed_mean(values)
    judge = stats.ttest_1samp(values[:, 0], 0.0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((judge.low, judge.high))
    assert found.method == ONE_CLIP


def test_one_person_gives_no_interval() -> None:
    found = crossed_mean(np.array([[1.0, 2.0, 3.0], [np.nan, np.nan, np.nan]]))
    assert found.value == 2.0
    assert not found.known
    assert not crossed_share(np.array([[1.0, 0.0]])).known
    assert not crossed_bootstrap(np.array([[1.0, 0.0]])).known


def test_answers_that_are_all_equal_show_no_spread_and_only_the_sign_test_is_left() -> None:
    unanimous = np.full((5, 3), 0.1) * 3  # not a number that sums without crumbs
    found = crossed_mean(unanimous)
    assert (found.known, found.method) == (False, ALL_EQUAL)
    assert p_values(variance_components(unanimous)) == pytest.approx(2 / 2**5)
    assert p_values(variance_components(np.zeros((5, 3)))) == 1.0


def test_sparse_designs_where_nobody_shares_a_clip() -> None:
    values = np.full((4, 4), np.nan)
    np.fill_diagonal(values, [1.0, 2.0, 3.0, 6.0])
    found = crossed_mean(values)
    judge = stats.ttest_1samp([1.0, 2.0, 3.0, 6.0], 0.0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((judge.low, judge.high))


def test_bootstrap_is_about_right_where_people_matter() -> None:
    rng, hits = np.random.default_rng(8), 0
    for table in drawn(rng, (200, 15, 10), 1.0, 0.5):
        found = crossed_bootstrap(table, num_draws=400)
        hits += found.low <= 0 <= found.high
    assert 0.90 <= hits / 200 <= 0.99


def test_wilson_against_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion")
    judge = proportion.proportion_confint(81, 263, method="wilson")
    assert wilson(81 / 263, 263, stats.norm.ppf(0.975)) == pytest.approx(judge)


def test_shares_cover_and_stay_between_0_and_1() -> None:
    rng, hits = np.random.default_rng(6), 0
    # Chance that a normal taste plus noise is above -0.5: the share in a huge test.
    truth = stats.norm.cdf(0.5 / np.sqrt(1 + 0.5**2 + 0.3**2))
    for cells in drawn(rng, (300, 12, 8), 0.5, 0.3):
        found = crossed_share((cells > -0.5).astype(float))
        hits += found.low <= truth <= found.high
        assert 0 <= found.low <= found.value <= found.high <= 1
    assert 0.90 <= hits / 300 <= 0.99


def test_share_of_all_counts_each_person_once() -> None:
    found = crossed_share(np.ones((10, 20)))
    assert (found.value, found.high) == pytest.approx((1.0, 1.0))
    assert found.low == pytest.approx(wilson(1.0, 10, 1.959964)[0], abs=1e-6)


def test_binomial_by_hand() -> None:
    assert binomial_p(9, 1) == pytest.approx(2 * 11 / 1024)
    assert np.isnan(binomial_p(0, 0))
