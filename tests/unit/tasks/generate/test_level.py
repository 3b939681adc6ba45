"""Levels: what is asked for unless peaks or silence forbid it."""

from __future__ import annotations

import math

import pytest

from seehear.dsp.level import db_to_gain
from seehear.tasks.generate.level import Level, beneath, gain_for, sum_gain
from seehear.tasks.generate.mixing import spread


@pytest.mark.parametrize("loudness", [-59.0, -40.0, -23.0, -3.0])
@pytest.mark.parametrize("highest", [0.001, 0.3, 1.0, 4.0])
def test_gains_keep_all_three_limits(loudness: float, highest: float) -> None:
    gain = gain_for(Level(loudness, highest), -23.0)
    assert gain * highest <= db_to_gain(-1.0) + 1e-9
    assert gain <= db_to_gain(30.0) + 1e-9
    assert loudness + 20 * math.log10(gain) <= -23.0 + 1e-9


@pytest.mark.parametrize("loudness", [-math.inf, -90.0, -60.5])
def test_silence_stays_silence(loudness: float) -> None:
    assert gain_for(Level(loudness, 0.001), -23.0) == 1.0
    assert gain_for(Level(loudness, 2.0), -23.0) == pytest.approx(db_to_gain(-1.0) / 2)


def test_beneath_an_old_sound() -> None:
    assert beneath(Level(-20.0, 1.0), -23.0) == -30.0
    assert beneath(Level(-10.0, 1.0), -23.0) == -23.0
    assert beneath(Level(-math.inf, 0.0), -23.0) == -23.0


def test_sums_are_turned_down_only_above_ceiling_and_old_peak() -> None:
    assert sum_gain(0.5, 0.4) == 1.0
    assert sum_gain(1.1, 1.2) == 1.0
    assert sum_gain(1.2, 0.3) == pytest.approx(db_to_gain(-1.0) / 1.2)
    assert sum_gain(0.0, 0.0) == 1.0


def test_mono_goes_to_the_front() -> None:
    assert spread(["FC"])[:, 0].tolist() == [1.0]
    assert spread(["FL", "FR", "FC", "LFE", "BL", "BR"])[:, 0].tolist() == [1, 1, 0, 0, 0, 0]
    assert spread(["FL", "FC", "LFE"])[:, 0].tolist() == [1, 1, 0]
