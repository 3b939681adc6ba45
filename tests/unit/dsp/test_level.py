"""Levels, loudness, peak ceiling, compressor."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seehear.dsp import level
from seehear.errors import InputError

RATE = 44100


def _tone(hz: float, amplitude: float, seconds: float, rate: int = RATE) -> torch.Tensor:
    t = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return (amplitude * torch.sin(2 * math.pi * hz * t)).float()


def test_db_and_gain_are_inverse() -> None:
    for db in (-60.0, -6.0, 0.0, 12.0):
        assert level.gain_to_db(level.db_to_gain(db)) == pytest.approx(db, abs=1e-12)
    assert level.gain_to_db(0.0) == -math.inf
    assert level.db_to_gain(-math.inf) == 0.0


def test_loudness_of_the_standard_tone() -> None:
    # BS.1770: a 0 dBFS sine of 997 Hz in one channel reads -3.01 LKFS, in two 0.0; meters may be 0.1 off.
    tone = _tone(997, 1.0, 5, 48000)
    assert level.integrated_loudness(tone, 48000) == pytest.approx(-3.01, abs=0.1)
    assert level.integrated_loudness(tone.repeat(2, 1), 48000) == pytest.approx(0.0, abs=0.1)


def test_loudness_follows_gain_and_leaves_the_lfe_out() -> None:
    noise = 0.1 * torch.randn(6, 2 * RATE)
    five = noise[[0, 1, 2, 4, 5]]
    loudness = level.integrated_loudness(five, RATE)
    assert level.integrated_loudness(noise, RATE) == pytest.approx(loudness, abs=1e-9)
    assert level.integrated_loudness(2 * five, RATE) == pytest.approx(loudness + 6.0206, abs=1e-3)


@pytest.mark.parametrize("num_samples", [1, 100, 4410, 17639, 17640, 17641])
def test_short_sound_is_measured_and_silence_is_minus_infinity(num_samples: int) -> None:
    noise = 0.5 * torch.randn(num_samples)
    measured = level.integrated_loudness(noise, RATE)
    assert not math.isnan(measured)
    if num_samples >= 4410:
        assert -25 < measured < 0
    assert level.integrated_loudness(torch.zeros(num_samples), RATE) == -math.inf


def test_loudness_refuses_unsettled_layouts() -> None:
    with pytest.raises(InputError, match="not 4; measure a downmix"):
        level.integrated_loudness(torch.zeros(4, RATE), RATE)


def test_loudness_gain() -> None:
    noise = 0.02 * torch.randn(1, 2 * RATE)
    matched = noise * level.loudness_gain(noise, RATE, -20.0)
    assert level.integrated_loudness(matched, RATE) == pytest.approx(-20.0, abs=1e-3)
    assert level.loudness_gain(torch.zeros(1, RATE), RATE, -20.0) == 1.0
    assert level.loudness_gain(noise, RATE, -math.inf) == 1.0


def test_ceiling() -> None:
    assert level.db_to_gain(level.CEILING_DB) == pytest.approx(0.94406, abs=1e-5)
    assert level.ceiling_gain(0.94) == 1.0
    assert 3.0 * level.ceiling_gain(3.0) == pytest.approx(0.944061, abs=1e-6)


def _compress_slowly(x: np.ndarray, rate: int) -> np.ndarray:
    """The recursion of the docstring, written out."""
    r, a = math.exp(-1 / (0.1 * rate)), math.exp(-1 / (0.005 * rate))
    h = g = 0.0
    out = np.empty_like(x)
    for n, value in enumerate(x):
        level_db = 20 * math.log10(abs(value)) if value else -math.inf
        c = max(level_db + 24, 0) * 0.75
        h = max(c, r * h)
        g = a * g + (1 - a) * h
        out[n] = value * 10 ** (-g / 20)
    return out


def test_compressor_equals_its_recursion() -> None:
    envelope = torch.cat([torch.full((2000,), x) for x in (0.0, 0.9, 0.02, 0.5, 0.0)])
    x = (envelope * torch.randn(10000)).double()
    expected = _compress_slowly(x.numpy(), 8000)
    assert np.allclose(level.compress(x, 8000).numpy(), expected, rtol=1e-9, atol=1e-12)


def test_compressor_statics() -> None:
    # A square wave has a constant level: 20 dB over the threshold leave 5 dB over it.
    square = torch.where(torch.arange(RATE) % 100 < 50, 1.0, -1.0)
    loud = level.compress(square * level.db_to_gain(-4), RATE)
    assert level.gain_to_db(level.peak(loud[-1000:])) == pytest.approx(-19, abs=0.01)
    quiet = square * level.db_to_gain(-24.1)
    assert torch.equal(level.compress(quiet, RATE), quiet)
    assert torch.equal(level.compress(torch.zeros(500), RATE), torch.zeros(500))


def test_compressor_links_channels() -> None:
    sound = torch.stack([0.9 * torch.randn(4000), 0.01 * torch.randn(4000)])
    out = level.compress(sound, RATE)
    assert torch.allclose(out[0] / sound[0], out[1] / sound[1], rtol=1e-4)
