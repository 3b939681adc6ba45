"""Multi-resolution STFT loss: golden values, closed forms, gradients."""

from __future__ import annotations

import math

import pytest
import torch

from seehear.errors import InputError
from seehear.losses import FACTOR, N_FFTS, multi_resolution_stft, spectral_terms
from tests.unit import golden_metrics


@pytest.mark.parametrize("name", ["batch", "item0", "item1"])
def test_golden_terms(name: str) -> None:
    prediction, target, scalars = golden_metrics.load()
    pick = slice(None) if name == "batch" else slice(int(name[-1]), int(name[-1]) + 1)
    terms = spectral_terms(prediction[pick], target[pick])
    expected = scalars[name]
    assert terms.convergence.item() == pytest.approx(
        expected["mr_stft_spectral_convergence_x0.1"], rel=1e-5
    )
    assert terms.log_magnitude.item() == pytest.approx(
        expected["mr_stft_log_magnitude_x0.1 (training loss)"], rel=1e-5
    )
    loss = multi_resolution_stft(prediction[pick], target[pick], "code")
    assert loss.item() == terms.log_magnitude.item()


@pytest.mark.parametrize("variant", ["paper", "code"])
def test_zero_for_equal_sound(variant: str) -> None:
    sound = torch.randn(2, 1, 8000)
    assert multi_resolution_stft(sound, sound.clone(), variant).item() == 0.0


@pytest.mark.parametrize(
    ("gain_db", "expected"), [(6, 0.0691), (9, 0.1036), (12, 0.1382), (-6, 0.0691), (-12, 0.1382)]
)
def test_code_variant_of_a_gain_is_its_logarithm(gain_db: float, expected: float) -> None:
    noise = 0.3 * torch.randn(2, 44100)
    gain = 10 ** (gain_db / 20)
    loss = multi_resolution_stft(gain * noise, noise, "code").item()
    assert loss == pytest.approx(expected, abs=1e-4)
    assert loss == pytest.approx(FACTOR * abs(math.log(gain)), abs=1e-4)


def test_code_variant_ignores_overall_level() -> None:
    estimate, reference = torch.randn(2, 20000), torch.randn(2, 20000)
    quiet = multi_resolution_stft(0.1 * estimate, 0.1 * reference, "code")
    loud = multi_resolution_stft(estimate, reference, "code")
    assert quiet.item() == pytest.approx(loud.item(), rel=1e-3)


def test_paper_variant_is_linear_in_the_gain_error() -> None:
    noise = torch.randn(3, 16000)
    losses = [multi_resolution_stft(g * noise, noise, "paper").item() for g in (0.5, 1.5, 2.0, 3.0)]
    half = losses[0]
    assert losses == pytest.approx([half, half, 2 * half, 4 * half], rel=1e-4)


def test_paper_variant_sums_windows_and_does_not_depend_on_batch_size() -> None:
    estimate, reference = torch.randn(1, 16000), torch.randn(1, 16000)
    each = [multi_resolution_stft(estimate, reference, "paper", (n,)).item() for n in N_FFTS]
    both = multi_resolution_stft(estimate.repeat(3, 1), reference.repeat(3, 1), "paper").item()
    assert both == pytest.approx(sum(each), rel=1e-5)


@pytest.mark.parametrize("variant", ["paper", "code"])
@pytest.mark.parametrize("level", [0.0, 0.1])
def test_gradients_are_finite_on_silence(variant: str, level: float) -> None:
    estimate = torch.zeros(1, 1, 5000, requires_grad=True)
    multi_resolution_stft(estimate, level * torch.randn(1, 1, 5000), variant).backward()
    assert estimate.grad is not None
    assert bool(torch.isfinite(estimate.grad).all())


def test_grid_of_a_ten_second_clip() -> None:
    from seehear.dsp.stft import stft

    sound = torch.zeros(1, 441000)
    shapes = [tuple(stft(sound, n, n // 2).shape[1:]) for n in N_FFTS]
    assert shapes == [(1025, 431), (513, 862), (257, 1723)]


def test_shape_and_length_errors() -> None:
    with pytest.raises(InputError, match="one shape"):
        multi_resolution_stft(torch.zeros(1, 4000), torch.zeros(1, 4001))
    with pytest.raises(InputError, match="at least 1025 samples"):
        spectral_terms(torch.zeros(1, 1024), torch.zeros(1, 1024))
