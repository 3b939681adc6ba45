"""Published examples of Friedman's test and what follows it; scipy as the second judge."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from seehear.errors import InputError
from seehear.listen.statistics.friedman import critical_difference, friedman
from seehear.listen.statistics.pairwise_tests import conover_pairs, holm, wilcoxon_pairs

# Hollander and Wolfe, "Nonparametric statistical methods" (1973), p. 140 ff.: seconds to round
# first base by three ways of running, 22 players; chi square 11.143 with 2 degrees of freedom.
ROUNDING = np.array(
    [
        [5.40, 5.50, 5.55], [5.85, 5.70, 5.75], [5.20, 5.60, 5.50], [5.55, 5.50, 5.40],
        [5.90, 5.85, 5.70], [5.45, 5.55, 5.60], [5.40, 5.40, 5.35], [5.45, 5.50, 5.35],
        [5.25, 5.15, 5.00], [5.85, 5.80, 5.70], [5.25, 5.20, 5.10], [5.65, 5.55, 5.45],
        [5.60, 5.35, 5.45], [5.05, 5.00, 4.95], [5.50, 5.50, 5.40], [5.45, 5.55, 5.50],
        [5.55, 5.55, 5.35], [5.45, 5.50, 5.55], [5.50, 5.45, 5.25], [5.65, 5.60, 5.40],
        [5.70, 5.65, 5.55], [6.30, 6.30, 6.25],
    ]
)  # fmt: skip

# Demsar 2006, table 6: AUC of four variants of a classifier on 14 data sets. In the last row but one
# the paper prints 0.975 twice but ranks them 2 and 3; a fourth digit keeps its ranks.
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
    ]
)  # fmt: skip


def test_rounding_first_base() -> None:
    found = friedman(ROUNDING)
    assert found.chi_square == pytest.approx(11.143, abs=5e-4)
    assert found.freedom == 2
    assert found.p == pytest.approx(0.003805, abs=5e-7)
    judge = stats.friedmanchisquare(*ROUNDING.T)
    assert (found.chi_square, found.p) == pytest.approx((judge.statistic, judge.pvalue), rel=1e-9)


def test_classifiers_on_data_sets() -> None:
    # The paper ranks the highest 1st, uses no correction for ties and rounds.
    found = friedman(-DEMSAR)
    assert found.mean_ranks == pytest.approx((3.143, 2.000, 2.893, 1.964), abs=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert critical_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=5e-3)
    n, k = DEMSAR.shape
    untied = 12 * n / (k * (k + 1)) * (np.square(found.mean_ranks).sum() - k * (k + 1) ** 2 / 4)
    assert untied == pytest.approx(9.28, abs=5e-3)
    assert untied <= found.chi_square  # ties make the same ranks more telling
    # F of the uncorrected statistic is 3.69 in the paper; ours follows the corrected one.
    assert found.f == pytest.approx((n - 1) * found.chi_square / (n * (k - 1) - found.chi_square))


@pytest.mark.parametrize(
    ("versions", "q"),
    [
        (2, 1.960),
        (3, 2.343),
        (4, 2.569),
        (5, 2.728),
        (6, 2.850),
        (7, 2.949),
        (8, 3.031),
        (10, 3.164),
    ],
)  # Demsar 2006, table 5(a)
def test_nemenyi_quantiles(versions: int, q: float) -> None:
    scale = np.sqrt(versions * (versions + 1) / 6)
    assert critical_difference(versions, 1) / scale == pytest.approx(q, abs=1.1e-3)


def test_nemenyi_p_agrees_with_its_critical_difference() -> None:
    found = friedman(-DEMSAR)
    for pair in found.pairs:
        assert (pair.p < 0.05) == (abs(pair.difference) > found.critical_difference)
    assert not any(pair.p < 0.05 for pair in found.pairs)  # as the paper finds at 0.05


def test_friedman_of_rows_that_all_agree_or_say_nothing() -> None:
    agreed = friedman(np.tile([1.0, 2.0, 3.0], (5, 1)))
    assert agreed.chi_square == pytest.approx(10.0)  # its largest: n (k - 1)
    assert np.isinf(agreed.f)
    assert agreed.p_f == 0.0
    silent = friedman(np.full((4, 3), 2.0))
    assert silent.p == 1.0


def test_friedman_leaves_out_rows_with_gaps() -> None:
    gap = ROUNDING.copy()
    gap[3, 1] = np.nan
    assert friedman(gap).num_blocks == 21
    assert friedman(gap).p == pytest.approx(stats.friedmanchisquare(*np.delete(gap, 3, 0).T).pvalue)
    with pytest.raises(InputError, match="two complete rows"):
        friedman(gap[3:5])


def test_holm_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, then made non-decreasing.
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert np.isnan(holm([np.nan, 0.5])).tolist() == [True, False]
    assert holm([np.nan, 0.5])[1] == 0.5


def test_holm_agrees_with_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(3).random(20) ** 3
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])


def test_wilcoxon_by_hand() -> None:
    # Differences +1, +2, +3, +4, -5: rank sum of the negative is 5 of 15; of the 32 sign patterns
    # with sum <= 5 there are 10, so two-sided p = 20 / 32.
    table = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0], [0.0, 5.0]])
    (pair,) = wilcoxon_pairs(table)
    assert pair.p == pytest.approx(0.625)
    assert pair.difference == pytest.approx(1.0)


def test_wilcoxon_is_exact_with_and_without_ties() -> None:
    rng = np.random.default_rng(4)
    untied = rng.standard_normal((30, 2)) + np.array([0.4, 0.0])
    judge = stats.wilcoxon(untied[:, 0] - untied[:, 1], method="exact")
    assert wilcoxon_pairs(untied)[0].p == pytest.approx(judge.pvalue)
    # Ties and zeros: all 2^6 signs of the ranks, counted one by one.
    tied = np.array([2.0, 1.0, 1.0, -1.0, 3.0, 0.0, 3.0])
    ranks = stats.rankdata(np.abs(tied))[tied != 0]
    signs = np.array(list(itertools.product([0, 1], repeat=6)))
    sums, seen = signs @ ranks, ranks[tied[tied != 0] > 0].sum()
    far = np.abs(sums - ranks.sum() / 2) >= abs(seen - ranks.sum() / 2) - 1e-9
    assert wilcoxon_pairs(np.column_stack([tied, 0 * tied]))[0].p == pytest.approx(far.mean())


def test_wilcoxon_of_many_follows_scipy_and_silence_is_no_difference() -> None:
    many = np.random.default_rng(5).standard_normal((150, 2)) + np.array([0.2, 0.0])
    judge = stats.wilcoxon(many[:, 0] - many[:, 1], method="approx")
    assert wilcoxon_pairs(many)[0].p == pytest.approx(judge.pvalue, rel=1e-6)
    assert wilcoxon_pairs(np.column_stack([ROUNDING[:, 0], ROUNDING[:, 0]]))[0].p == 1.0


def test_conover_by_hand() -> None:
    # Ranks (1 2 3), (1 3 2), (1 2 3), (2 1 3): sums 5, 8, 11; A = 56, sum of R^2 = 210.
    table = np.array([[1, 2, 3], [1, 3, 2], [1, 2, 3], [2, 1, 3]], dtype=float)
    scale = np.sqrt(2 * (4 * 56 - 210) / (3 * 2))
    pairs = conover_pairs(table)
    assert [p.difference for p in pairs] == pytest.approx([-0.75, -1.5, -0.75])
    expected = [2 * stats.t.sf(gap / scale, 6) for gap in (3, 6, 3)]
    assert [p.p for p in pairs] == pytest.approx(expected)
    with pytest.raises(InputError, match="two complete rows"):
        conover_pairs(np.array([[1.0, np.nan], [1.0, 2.0]]))
