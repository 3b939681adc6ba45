"""Muddy mixes: who goes up, who goes down, peaks, ramps, silence, seeds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.data import muddy
from seehear.data.muddy import MuddySpec, apply_changes, draw_changes, draw_continuous_changes
from seehear.errors import InputError

RATE = 8000
LOUDNESS = (-30.0, -20.0, -25.0)
CEILING = 10 ** (-0.5 / 20)


def _stems(seconds: float = 3.0, level: float = 0.02, channels: int = 0) -> torch.Tensor:
    shape = (3, channels, int(seconds * RATE)) if channels else (3, int(seconds * RATE))
    return level * torch.randn(shape).clamp(-4, 4)


def test_one_up_two_down_and_all_54_outcomes_are_equally_likely() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_changes(LOUDNESS, rng).gains_db[:, 0] for _ in range(10800)]
    counts: dict[tuple[float, ...], int] = {}
    for gains in drawn:
        counts[tuple(gains)] = counts.get(tuple(gains), 0) + 1
    for gains in counts:
        assert gains[1] < 0, "the loudest (music) never goes up"
        assert sum(g > 0 for g in gains) == 1
        assert all(abs(g) in (6, 9, 12) for g in gains)
    assert len(counts) == 2 * 27
    expected = 10800 / 54
    chi_square = sum((n - expected) ** 2 / expected for n in counts.values())
    assert chi_square < 53 + 4 * math.sqrt(2 * 53)


@pytest.mark.parametrize(("level", "size"), [("low", 6), ("moderate", 9), ("high", 12)])
def test_levels_of_difficulty(level: muddy.Level, size: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        assert np.all(np.abs(draw_changes(LOUDNESS, rng, level).gains_db) == size)
        drawn = draw_continuous_changes(LOUDNESS, 30.0, rng, level).gains_db
        assert np.all(np.abs(np.abs(drawn) - size) <= 1.5)
        assert drawn.shape == (3, 31)


@pytest.mark.parametrize(
    ("loudness", "loudest"),
    [((-20, -20, -20), 0), ((-30, -20, -20), 1), ((-math.inf,) * 3, 0), ((-30, -29, -28), 2)],
)
def test_loudest_and_ties(loudness: tuple[float, float, float], loudest: int) -> None:
    changes = draw_changes(loudness, np.random.default_rng(0), silent_may_rise=True)
    assert changes.loudest == loudest
    assert changes.gains_db[loudest, 0] < 0


def test_published_rule_may_raise_a_silent_stem_and_ours_never_does() -> None:
    loudness = (-20.0, -math.inf, -40.0)
    rng = np.random.default_rng(2)
    published = [draw_changes(loudness, rng, silent_may_rise=True) for _ in range(400)]
    share = np.mean([changes.highlighted[0] == 1 for changes in published])
    assert abs(share - 0.5) < 0.1
    assert all(changes.effective_db[1, 0] == 0 for changes in published)
    assert all(draw_changes(loudness, rng).highlighted == (2,) for _ in range(50))
    continuous = draw_continuous_changes(loudness, 50.0, rng)
    assert set(continuous.highlighted) == {2}
    assert continuous.silent == (False, True, False)


def test_with_one_audible_stem_nothing_is_changed() -> None:
    stems = _stems()
    stems[1:] = 0
    for mode in ("paper", "continuous"):
        mixture, scaled, changes = muddy.make_muddy(stems, RATE, MuddySpec(mode, seed=3))
        assert torch.equal(mixture, stems.sum(0))
        assert torch.equal(scaled, stems)
        assert set(changes.highlighted) == {-1}
    louder, _, _ = muddy.make_muddy(stems, RATE, MuddySpec(silent_may_rise=True))
    assert louder.abs().max() < 0.6 * stems.abs().max(), "published: merely turned down"


def test_a_silent_stem_is_left_alone_even_when_it_has_samples() -> None:
    stems = _stems()
    stems[2] *= 1e-4  # below the absolute gate of the loudness measure
    mixture, scaled, changes = muddy.make_muddy(stems, RATE, MuddySpec(silent_may_rise=True))
    assert changes.silent == (False, False, True)
    assert torch.equal(scaled[2], stems[2])
    assert torch.allclose(scaled.sum(0), mixture, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    level=st.sampled_from(["low", "moderate", "high", "mixed"]),
    mode=st.sampled_from(["paper", "continuous"]),
    loud=st.floats(0.001, 0.5),
    channels=st.sampled_from([0, 1, 2]),
)
def test_laws(seed: int, level: muddy.Level, mode: muddy.Mode, loud: float, channels: int) -> None:
    torch.manual_seed(seed % 1000)
    stems = _stems(1.7, loud, channels)
    before = stems.clone()
    mixture, scaled, changes = muddy.make_muddy(stems, RATE, MuddySpec(mode, level, seed))
    assert torch.equal(stems, before)
    assert mixture.shape == stems.shape[1:]
    assert float(mixture.abs().max()) <= 0.94407
    assert float(scaled.abs().max()) <= 0.94407
    assert torch.allclose(scaled.sum(0), mixture, atol=1e-6)
    gains = muddy.gain_curve(changes, stems.shape[-1], RATE)
    wanted = stems * (gains[:, None] if channels else gains)
    factor = float((scaled * wanted).sum() / (wanted * wanted).sum())
    assert torch.allclose(scaled, factor * wanted, rtol=1e-5, atol=1e-6), "one factor for all"
    assert factor <= 1 + 1e-6


def test_peak_rule_in_its_two_steps() -> None:
    changes = muddy.Changes(np.zeros((3, 1)), (False, False, False), 0, (-1,))
    stems = torch.zeros(3, 100)
    stems[0, 0], stems[1, 1] = 2.0, 1.0
    mixture, scaled = apply_changes(stems, changes, RATE)
    assert float(scaled[0, 0]) == pytest.approx(CEILING, rel=1e-6)
    assert float(scaled[1, 1]) == pytest.approx(CEILING / 2, rel=1e-6)
    stems[1, 0] = 1.0  # now the sum is higher than the highest stem
    mixture, scaled = apply_changes(stems, changes, RATE)
    assert float(mixture[0]) == pytest.approx(CEILING, rel=1e-6)
    assert float(scaled[0, 0]) == pytest.approx(CEILING * 2 / 3, rel=1e-6)


def test_no_change_reproduces_the_target_exactly() -> None:
    stems = _stems()
    for columns in (1, 4):
        gains = np.zeros((3, columns))
        changes = muddy.Changes(gains, (False, False, False), 0, (-1,) * columns)
        assert torch.equal(apply_changes(stems, changes, RATE)[0], stems.sum(0))


def test_ramps_are_raised_cosines_between_whole_seconds() -> None:
    rng = np.random.default_rng(5)
    changes = draw_continuous_changes(LOUDNESS, 3.5, rng)
    curve = 20 * torch.log10(muddy.gain_curve(changes, int(3.5 * RATE), RATE).double())
    assert changes.gains_db.shape == (3, 5)
    drawn = torch.from_numpy(changes.gains_db)
    assert torch.allclose(curve[:, ::RATE], drawn[:, :4], atol=1e-4)
    middle = curve[:, RATE // 2 :: RATE]
    assert torch.allclose(middle[:, :3], (drawn[:, :3] + drawn[:, 1:4]) / 2, atol=1e-4)
    quarter = drawn[:, 0] + (drawn[:, 1] - drawn[:, 0]) * (0.5 - 0.5 * math.cos(math.pi / 4))
    assert torch.allclose(curve[:, RATE // 4], quarter, atol=1e-4)
    step = curve.diff(dim=1).abs().max()
    assert step < 1.01 * 27 * math.pi / 2 / RATE, "no jump anywhere"
    assert len({tuple(column) for column in changes.gains_db.T}) == 5


def test_a_seed_gives_the_same_mix_and_another_one_does_not() -> None:
    stems = _stems()
    for mode in ("paper", "continuous"):
        mixes = [muddy.make_muddy(stems, RATE, MuddySpec(mode, seed=s))[0] for s in (7, 7, 8)]
        assert torch.equal(mixes[0], mixes[1])
        assert not torch.equal(mixes[0], mixes[2])


def test_known_loudness_gives_the_same_as_measuring() -> None:
    stems = _stems(channels=2)
    loudness = muddy.stem_loudness(stems, RATE)
    for spec in itertools.starmap(MuddySpec, [("paper", "high", 1), ("continuous", "mixed", 2)]):
        known = muddy.make_muddy(stems, RATE, spec, loudness)[0]
        assert torch.equal(known, muddy.make_muddy(stems, RATE, spec)[0])


def test_errors() -> None:
    changes = draw_changes(LOUDNESS, np.random.default_rng(0))
    with pytest.raises(InputError, match="in the order speech, music, effects"):
        apply_changes(torch.zeros(2, 100), changes, RATE)
    with pytest.raises(InputError, match="loudness of three stems"):
        draw_changes((-20.0, math.nan, -3.0), np.random.default_rng(0))
