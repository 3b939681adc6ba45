"""Phases of sounds: they add up, every round is nearer to agreement, and true magnitudes gain from it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from seehear.dsp.masks import wiener_masks
from seehear.dsp.phase import (
    circles,
    magnitude_error,
    refine_phases,
    restore_detail,
    step,
)
from seehear.dsp.stft import istft, stft
from seehear.metrics.separation import si_sdr

N_FFT, HOP, SAMPLES = 512, 128, 16000
ERRORS = pytest.mark.parametrize("error", [0.0, 0.1, 1.0])


def consistent(spectra: Tensor) -> Tensor:
    return stft(back(spectra), N_FFT, HOP)


def back(spectra: Tensor) -> Tensor:
    return istft(spectra, N_FFT, HOP, length=SAMPLES)


def sounds(count: int = 2, seed: int = 0) -> Tensor:
    """Glides with partials that cross each other, over a little noise: [count, T]."""
    random = np.random.default_rng(seed)
    t = np.arange(SAMPLES) / 8000
    made = []
    for number in range(count):
        hz = 200 * (1 + number / 3) * (1 + 0.2 * np.sin(2 * np.pi * (0.4 + 0.3 * number) * t))
        phase = 2 * np.pi * np.cumsum(hz) / 8000
        tone = sum(np.sin(k * phase + random.uniform(0, 6)) / k for k in range(1, 8))
        made.append(0.1 * (tone + 0.02 * random.standard_normal(SAMPLES)))
    return torch.from_numpy(np.stack(made).astype(np.float32))


def score(true: Tensor, made: Tensor) -> float:
    return float(si_sdr(true.double().numpy(), made.double().numpy()).mean())


@ERRORS
def test_all_sounds_are_the_mixture(error: float) -> None:
    true = sounds(3)
    mixture = stft(true.sum(0), N_FFT, HOP)
    wrong = stft(true, N_FFT, HOP).abs() * torch.tensor([0.5, 1.0, 3.0])[:, None, None]
    made = refine_phases(wrong, mixture, consistent, 3, torch.tensor(error))
    assert made.shape == wrong.shape
    assert float((made.sum(0) - mixture).abs().max()) < 1e-4 * float(mixture.abs().max())
    torch.testing.assert_close(back(made).sum(0), true.sum(0), atol=1e-6, rtol=0)


@ERRORS
def test_no_round_takes_circles_and_waveforms_apart(error: float) -> None:
    true = sounds()
    mixture = stft(true.sum(0), N_FFT, HOP)
    magnitudes = stft(true, N_FFT, HOP).abs() * 1.1
    known = circles(magnitudes, mixture, torch.tensor(error))
    spectra = consistent(wiener_masks(magnitudes) * mixture)
    distances = []
    for _ in range(8):
        distances.append(float((spectra - known.nearest(spectra)).abs().square().sum()))
        spectra = step(spectra, known, mixture[None], consistent)
    # Columns at the ends reflect the sound and weigh a little more than in the inverse.
    assert all(after <= before * 1.001 for before, after in itertools.pairwise(distances))
    assert distances[-1] < distances[0]


def test_true_magnitudes_gain_from_phases_of_their_own() -> None:
    true = sounds()
    spectra = stft(true, N_FFT, HOP)
    mixture = spectra.sum(0)
    magnitudes = spectra.abs()
    with_mixture = score(true, back(torch.polar(magnitudes, mixture.angle().expand_as(magnitudes))))
    masked = score(true, back(wiener_masks(magnitudes) * mixture))
    refined = score(true, back(refine_phases(magnitudes, mixture, consistent, 20)))
    assert masked > with_mixture
    assert refined > masked + 3.0


def test_wrong_magnitudes_do_not_spoil_more_than_masks_do() -> None:
    true = sounds()
    spectra = stft(true, N_FFT, HOP)
    mixture = spectra.sum(0)
    off = torch.randn(spectra.shape, generator=torch.Generator().manual_seed(1))
    magnitudes = spectra.abs() * torch.exp(0.5 * off)
    masked = score(true, back(wiener_masks(magnitudes) * mixture))
    trusting = refine_phases(magnitudes, mixture, consistent, 10, torch.tensor(0.0))
    assert score(true, back(trusting)) < masked - 1.0
    refined = refine_phases(magnitudes, mixture, consistent, 10)
    assert score(true, back(refined)) > masked - 0.3


def test_no_rounds_and_no_trust_are_wiener_masks() -> None:
    true = sounds()
    mixture = stft(true.sum(0), N_FFT, HOP)
    magnitudes = stft(true, N_FFT, HOP).abs()
    masked = wiener_masks(magnitudes) * mixture
    torch.testing.assert_close(refine_phases(magnitudes, mixture, consistent, 0), masked)
    known = circles(magnitudes, mixture, torch.tensor(torch.inf))
    assert not known.radii.any()
    torch.testing.assert_close(known.centres, masked)


def test_a_batch_is_its_members() -> None:
    pairs = torch.stack([sounds(seed=1), sounds(seed=2).flip(0)])
    spectra = stft(pairs, N_FFT, HOP)
    off = torch.tensor([1.0, 1.5])[:, None, None, None]
    together = refine_phases(spectra.abs() * off, spectra.sum(1), consistent, 2)
    for index in range(2):
        mixture = spectra[index].sum(0)
        alone = refine_phases(spectra[index].abs() * off[index], mixture, consistent, 2)
        torch.testing.assert_close(together[index], alone, atol=1e-4, rtol=1e-3)


def test_silence_stays_silence() -> None:
    nothing = torch.zeros(2, 257, 20)
    made = refine_phases(nothing, torch.zeros(257, 20, dtype=torch.complex64), lambda s: s)
    assert not made.abs().any()


def test_the_error_is_read_where_one_sound_is_alone() -> None:
    mixture = torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(0)) + 0.1
    magnitudes = torch.stack([mixture, torch.zeros_like(mixture)], dim=1)
    assert magnitude_error(magnitudes, mixture).max() < 1e-4
    louder = magnitudes * torch.tensor([1.0, 2.0])[:, None, None, None]
    assert magnitude_error(louder, mixture)[1] == pytest.approx(np.log(2), rel=1e-3)
    # Where sounds overlap, magnitudes that do not add up are no error.
    both = torch.stack([mixture, mixture], dim=1)
    assert torch.isinf(magnitude_error(both, mixture)).all()


def test_detail_comes_back_where_one_sound_is_alone() -> None:
    mixture = torch.rand(8, 5, generator=torch.Generator().manual_seed(0)) + 0.1
    blurred = mixture.mean(0, keepdim=True).expand_as(mixture)
    magnitudes = torch.stack([blurred, torch.zeros_like(blurred)])
    torch.testing.assert_close(restore_detail(magnitudes, mixture, blurred)[0], mixture)
    nothing = restore_detail(magnitudes, mixture, torch.zeros_like(mixture))
    assert torch.isfinite(nothing).all()
