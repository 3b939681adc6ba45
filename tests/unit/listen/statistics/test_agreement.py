"""Published agreement figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seehear.errors import InputError
from seehear.listen.statistics.agreement import icc, kendalls_w

# Shrout and Fleiss 1979, table 2: six targets (columns here) rated by four judges (rows here).
JUDGES = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]])


def test_shrout_and_fleiss() -> None:
    found = icc(JUDGES.astype(float))
    published = {"ICC(2,1)": 0.29, "ICC(3,1)": 0.71, "ICC(2,k)": 0.62, "ICC(3,k)": 0.91}
    for form, value in published.items():
        # The paper cuts 0.715 to 0.71.
        assert found[form].value == pytest.approx(value, abs=0.0055), form
    assert (found["ICC(2,1)"].num_raters, found["ICC(2,1)"].num_objects) == (4, 6)


def test_intervals_as_other_programs_give_them() -> None:
    # R, package psych 2.x, ICC() on the same table, 95 %.
    found = icc(JUDGES.astype(float))
    ends = {
        "ICC(2,1)": (0.019, 0.761),
        "ICC(2,k)": (0.071, 0.927),
        "ICC(3,1)": (0.342, 0.946),
        "ICC(3,k)": (0.676, 0.986),
    }
    for form, (low, high) in ends.items():
        assert (found[form].low, found[form].high) == pytest.approx((low, high), abs=1e-3), form


def test_icc_intervals_cover() -> None:
    # Objects 1, raters 0.5, rest 1 as variances: ICC(2,1) = 1 / 2.5.
    rng, hits = np.random.default_rng(2), 0
    for _ in range(200):
        table = rng.standard_normal((8, 15)) + rng.standard_normal(15)
        table += np.sqrt(0.5) * rng.standard_normal((8, 1))
        one = icc(table)["ICC(2,1)"]
        hits += one.low <= 0.4 <= one.high
    assert 0.90 <= hits / 200 <= 0.99


def test_perfect_and_silent_raters() -> None:
    same = np.tile([1.0, 2.0, 5.0], (3, 1))
    assert icc(same)["ICC(2,1)"].value == 1.0
    assert icc(same)["ICC(2,k)"].low == 1.0
    assert kendalls_w(same).w == pytest.approx(1.0)
    with pytest.raises(InputError, match="all ratings are equal"):
        icc(np.ones((3, 4)))
    with pytest.raises(InputError, match="told the objects apart"):
        kendalls_w(np.ones((3, 4)))
    with pytest.raises(InputError, match="two complete raters"):
        kendalls_w(np.array([[1.0, 2.0], [np.nan, 1.0]]))


def test_kendalls_w_by_hand() -> None:
    # Column sums 3, 7, 8: squared distances from 6 are 9 + 1 + 4 = 14; W = 12 * 14 / (9 * 24).
    table = np.array([[1, 2, 3], [1, 3, 2], [1, 2, 3]], dtype=float)
    found = kendalls_w(table)
    assert found.w == pytest.approx(168 / 216)
    pairs = [stats.spearmanr(table[i], table[j]).statistic for i, j in ((0, 1), (0, 2), (1, 2))]
    assert found.mean_correlation == pytest.approx(np.mean(pairs))


def test_kendalls_w_with_ties_is_friedman_divided() -> None:
    rng = np.random.default_rng(9)
    table = rng.integers(1, 4, (7, 5)).astype(float)
    found = kendalls_w(table)
    judge = stats.friedmanchisquare(*table.T)
    assert (found.chi_square, found.p) == pytest.approx((judge.statistic, judge.pvalue))
