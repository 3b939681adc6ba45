"""Power by simulation: honest at no effect, growing with people and effect."""

from __future__ import annotations

import pytest

from seehear.errors import UsageError
from seehear.listen.statistics.power import SPREADS, Spread, power

NO_EFFECT = {"ranking": 0.5, "pairwise": 0.5, "mos-quality": 0, "mos-alignment": 0, "mushra": 0}


@pytest.mark.parametrize("kind", sorted(SPREADS))
def test_no_effect_is_found_at_the_rate_of_alpha(kind: str) -> None:
    row = power(kind, 3, 6, 12, NO_EFFECT[kind], simulations=2000)
    assert 0.02 <= row.power <= 0.065
    assert row.low < row.power < row.high


@pytest.mark.parametrize(
    ("kind", "small", "large"),
    [("ranking", 0.55, 0.75), ("pairwise", 0.55, 0.75), ("mos-quality", 4, 15), ("mushra", 3, 12)],
)
def test_power_grows_with_effect_and_people(kind: str, small: float, large: float) -> None:
    few = power(kind, 4, 8, 8, small, simulations=400).power
    many = power(kind, 4, 8, 40, small, simulations=400).power
    clear = power(kind, 4, 8, 40, large, simulations=400).power
    assert few <= many < clear
    assert clear > 0.8


def test_more_people_do_not_replace_more_clips() -> None:
    spread = Spread(participant=2.0, clip=15.0, answer=10.0)
    people = power("mushra", 2, 4, 80, 10, spread=spread, simulations=400)
    clips = power("mushra", 2, 32, 10, 10, spread=spread, simulations=400)
    assert clips.power > people.power + 0.2


def test_a_t_test_is_the_closed_form_for_one_clip() -> None:
    # One clip and no taste: a paired t test of differences with sd sqrt(2) * 10, n = 20, effect 10.
    stats_power = pytest.importorskip("statsmodels.stats.power")
    judge = stats_power.TTestPower().power(10 / (2**0.5 * 10), 20, 0.05)
    row = power("mushra", 2, 1, 20, 10, spread=Spread(0.0, 0.0, 10.0), simulations=4000)
    assert row.power == pytest.approx(judge, abs=0.03)


def test_same_seed_same_figure_and_wrong_arguments() -> None:
    assert power("ranking", 3, 4, 6, 0.6, simulations=50) == power(
        "ranking", 3, 4, 6, 0.6, simulations=50
    )
    with pytest.raises(UsageError, match="is a chance from"):
        power("pairwise", 2, 4, 6, 10)
    with pytest.raises(UsageError, match="does not fit a scale"):
        power("mos-quality", 2, 4, 6, 60)
    with pytest.raises(UsageError, match="kind must be"):
        power("abx", 2, 4, 6, 1)
