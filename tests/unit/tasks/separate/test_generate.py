"""Drawing spectrograms: one noise for all, batches that change nothing, silence that stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from seehear.errors import InputError
from seehear.models.davis import Davis, tiny, tiny_davis
from seehear.tasks.separate.generate import draw_pictures, estimate_magnitudes, shared_noise


@pytest.fixture(scope="module")
def model() -> Davis:
    return tiny_davis()


def diffusion(silence: bool = True) -> Davis:
    config = replace(tiny(), process="diffusion", steps=5, silence_mask=silence)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Davis(config).eval()


def test_shapes_and_batches(model: Davis) -> None:
    generator = torch.Generator().manual_seed(0)
    sound = 0.1 * torch.randn(2, model.config.num_samples, generator=generator)
    seen = torch.randn(2, 3, 32, generator=generator)
    noise = shared_noise(model, 7)
    made, spectrum = estimate_magnitudes(model, sound, seen, noise)
    assert made.shape == (2, 3, *spectrum.shape[1:])
    assert spectrum.shape[1:] == (512, model.config.window_columns)
    assert bool((made >= 0).all()) and bool(made.isfinite().all())
    small, _ = estimate_magnitudes(model, sound, seen, noise, batch_size=1)
    assert torch.allclose(made, small, rtol=1e-3, atol=1e-4)
    # One window, one query: the same as in company.
    alone, _ = estimate_magnitudes(model, sound[1:], seen[1:, 2:], noise)
    assert torch.allclose(alone[0, 0], made[1, 2], rtol=1e-3, atol=1e-4)
    with pytest.raises(InputError, match="queries"):
        estimate_magnitudes(model, sound, seen[:1], noise)


def test_same_seed_same_result_other_seed_another() -> None:
    module = diffusion()
    mixture = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    seen = torch.zeros(2, 32)
    first = draw_pictures(module, mixture, seen, shared_noise(module, 1))
    assert torch.equal(first, draw_pictures(module, mixture, seen, shared_noise(module, 1)))
    assert not torch.equal(first, draw_pictures(module, mixture, seen, shared_noise(module, 2)))
    assert not torch.equal(
        first, draw_pictures(module, mixture, seen, shared_noise(module, 1), steps=3)
    )


def test_silence_of_the_mixture_is_kept() -> None:
    mixture = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    mixture[..., 10:20] = 0.001
    seen = torch.zeros(1, 32)
    guided, free = diffusion(), diffusion(silence=False)
    made = draw_pictures(guided, mixture, seen, shared_noise(guided, 1))
    assert torch.equal(made[..., 10:20], mixture[..., 10:20])
    assert float(made.min()) >= 0 and float(made.max()) <= 1
    made = draw_pictures(free, mixture, seen, shared_noise(free, 1))
    assert not torch.equal(made[..., 10:20], mixture[..., 10:20])
