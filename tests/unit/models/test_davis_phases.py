"""DAVIS's way back with phases of their own: the sounds' mean is the mixture, true pictures gain."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from seehear.metrics.separation import si_sdr
from seehear.models.davis.config import DavisConfig, paper_music
from seehear.models.davis.frontend import (
    compress_magnitude,
    expand_magnitude,
    resynthesise,
    spectrum_of,
)
from seehear.models.davis.phases import consistent, resynthesise_together

CONFIG = paper_music()
SAMPLES = 20000


def sounds() -> Tensor:
    """Two melodies of harmonic tones over each other, [1, 2, T]."""
    t = np.arange(SAMPLES) / CONFIG.sample_rate
    made = []
    for hz in (
        np.repeat([220.0, 330.0, 262.0, 196.0], 5000),
        np.repeat([294.0, 247.0, 349.0, 262.0], 5000),
    ):
        phase = 2 * np.pi * np.cumsum(hz * (1 + 0.01 * np.sin(30 * t))) / CONFIG.sample_rate
        made.append(0.05 * sum(np.sin(k * phase) / k for k in range(1, 9)))
    return torch.from_numpy(np.stack(made)[None].astype(np.float32))


def drawn(true: Tensor, config: DavisConfig) -> Tensor:
    spectra = spectrum_of(true, config)
    return expand_magnitude(compress_magnitude(spectra.abs(), config), config, spectra.shape[-1])


def score(true: Tensor, made: Tensor) -> float:
    length = made.shape[-1]
    return float(si_sdr(true[..., :length].double().numpy(), made.double().numpy()).mean())


def test_true_pictures_gain_more_than_two_decibels_and_add_up() -> None:
    true = sounds()
    spectrum = spectrum_of(true.mean(1), CONFIG)
    magnitude = drawn(true, CONFIG)
    published = resynthesise(magnitude, spectrum[:, None].expand_as(magnitude), CONFIG)
    made = resynthesise_together(magnitude, spectrum, CONFIG)
    assert made.shape == published.shape
    assert score(true, made) > score(true, published) + 2.0
    mixture = true.mean(1)[..., : made.shape[-1]]
    torch.testing.assert_close(made.mean(1), mixture, atol=1e-6, rtol=0)


def test_spectra_of_waveforms_are_left_alone() -> None:
    waveform = torch.randn(2, 256 * 40, generator=torch.Generator().manual_seed(0))
    spectra = spectrum_of(waveform, CONFIG)
    torch.testing.assert_close(consistent(spectra, CONFIG), spectra, atol=1e-3, rtol=0)


def test_silence_stays_silence() -> None:
    spectrum = spectrum_of(torch.zeros(1, 4000), CONFIG)
    made = resynthesise_together(torch.zeros(1, 2, *spectrum.shape[1:]), spectrum, CONFIG)
    assert not made.any()
