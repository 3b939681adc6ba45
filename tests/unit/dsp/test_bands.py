"""Bands on the ERB-rate scale."""

import pytest
import torch

from seehear.dsp.bands import (
    band_centres,
    bin_frequencies,
    erb_to_hz,
    expansion,
    filterbank,
    hz_to_erb,
)


def test_scale_round_trip_and_known_value() -> None:
    hz = torch.tensor([0.0, 100.0, 1000.0, 7900.0], dtype=torch.float64)
    assert torch.allclose(erb_to_hz(hz_to_erb(hz)), hz)
    # Glasberg and Moore (1990): 1 kHz lies at 15.6 ERB.
    assert float(hz_to_erb(torch.tensor(1000.0))) == pytest.approx(15.6, abs=0.05)


def test_centres_widen_with_frequency() -> None:
    centres = band_centres(64, 40.0, 7900.0)
    steps = centres.diff()
    assert bool((steps > 0).all()) and bool((steps.diff() > 0).all())


@pytest.mark.parametrize(("bands", "n_fft", "rate"), [(16, 1024, 16000), (128, 1024, 16000)])
def test_no_band_is_deaf(bands: int, n_fft: int, rate: int) -> None:
    gather = filterbank(band_centres(bands, 40.0, 7900.0), n_fft, rate)
    assert bool((gather >= 0).all())
    assert float(gather.sum(1).min()) >= 0.24


def test_wide_bands_keep_the_power() -> None:
    gather = filterbank(band_centres(16, 40.0, 7900.0), 1024, 16000)
    power = torch.rand(513)
    assert float((gather @ power).sum()) == pytest.approx(float(power.sum()), rel=1e-5)


def test_expansion_is_linear_interpolation_that_continues_at_the_ends() -> None:
    centres = band_centres(24, 60.0, 7000.0)
    values = centres.float() * 2.0
    hz = bin_frequencies(2048, 44100)
    spread = expansion(centres, 2048, 44100) @ values
    expected = 2.0 * hz.clamp(60.0, 7000.0)
    assert torch.allclose(spread.double(), expected, rtol=1e-5)
