"""Above a network's band the pan goes on as the head has it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.binaural import difference_masks, ild_db
from seehear.dsp.filter import low_pass
from seehear.dsp.hrir import spherical_head
from seehear.tasks.rendering import WaveformReader
from seehear.tasks.spatialize.highband import HighBand

RATE = 44100
HEAD = spherical_head(RATE).aligned().levelled()


def scene(azimuth_deg: float) -> tuple[Tensor, Tensor]:
    """Mono noise [1, T], and the difference of the ears as a network at 16 kHz would give it."""
    noise = 0.1 * torch.randn(1, 2 * RATE, generator=torch.Generator().manual_seed(0))
    mask = difference_masks(HEAD, azimuth_deg, noise.shape[1])
    difference = torch.fft.irfft(torch.fft.rfft(2 * noise) * mask, noise.shape[1])
    return noise, low_pass(difference[0], RATE, 7800.0, 0.05)


def rendered(mono: Tensor, difference: Tensor, sizes: int = 5000) -> NDArray[np.float32]:
    waveform = WaveformReader(iter(difference.numpy()[None]), RATE, RATE)
    band = HighBand(waveform, RATE, HEAD)
    made = [band.push(part.numpy()) for part in mono.split(sizes, dim=1)]
    return np.concatenate([*made, band.finish()], axis=1)


def between(pair: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    """Level difference of two channels in a band, dB."""
    spectra = np.fft.rfft(pair[:, RATE // 4 : -RATE // 4])
    hz = np.fft.rfftfreq(pair.shape[1] - RATE // 4 * 2, 1 / RATE)
    inside = (hz > low_hz) & (hz < high_hz)
    left, right = (torch.from_numpy(np.abs(s[inside])) for s in spectra)
    return float(ild_db(left, right))


@pytest.mark.parametrize("azimuth_deg", [-50.0, -20.0, 0.0, 20.0, 50.0])
def test_levels_above_are_those_of_the_head(azimuth_deg: float) -> None:
    made = rendered(*scene(azimuth_deg))
    response = HEAD.at(azimuth_deg)[0]
    wanted = np.abs(np.fft.rfft(response.numpy(), 4096))
    hz = np.fft.rfftfreq(4096, 1 / RATE)
    inside = (hz > 9000) & (hz < 15000)
    there = float(ild_db(*(torch.from_numpy(w[inside]) for w in wanted)))
    assert between(made, 9000, 15000) == pytest.approx(there, abs=4.0)


def test_the_mean_is_the_sound_and_the_lower_band_is_the_networks() -> None:
    mono, difference = scene(40.0)
    made = rendered(mono, difference)
    np.testing.assert_allclose(made.mean(axis=0), mono[0].numpy(), atol=1e-6)
    low = low_pass(torch.from_numpy(made[0] - made[1]), RATE, 5000.0)
    wanted = low_pass(difference, RATE, 5000.0)
    inner = slice(4000, -4000)
    assert float((low - wanted)[inner].abs().max()) < 1e-3


def test_blocks_do_not_matter() -> None:
    mono, difference = scene(30.0)
    whole, parts = (rendered(mono, difference, sizes) for sizes in (10**6, 777))
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_no_difference_below_gives_none_above() -> None:
    mono, difference = scene(30.0)
    made = rendered(mono, 0 * difference)
    assert np.abs(made[0] - made[1]).max() < 1e-2 * np.abs(made).max()
