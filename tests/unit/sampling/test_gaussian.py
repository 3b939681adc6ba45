"""Diffusion samplers against closed forms: Gaussian data has an exact denoiser."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seehear.errors import UsageError
from seehear.sampling.gaussian import (
    Denoiser,
    Schedule,
    add_noise,
    cosine_schedule,
    ddim_times,
    linear_schedule,
    sample_ddim,
    sample_ddpm,
    sigmoid_schedule,
)
from seehear.sampling.guidance import keep_silence, silence_mask

MEAN, SPREAD = 0.05, 0.2


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian_denoiser(schedule: Schedule) -> Denoiser:
    """The expected noise when clean values are N(MEAN, SPREAD^2)."""

    def denoise(x: Tensor, times: Tensor) -> Tensor:
        kept = schedule.kept[times].reshape(-1, 1)
        spread = kept * SPREAD**2 + 1 - kept
        return (1 - kept).sqrt() * (x - kept.sqrt() * MEAN) / spread

    return denoise


def oracle(schedule: Schedule, clean: Tensor) -> Denoiser:
    """The noise that is really in the state."""

    def denoise(x: Tensor, times: Tensor) -> Tensor:
        kept = schedule.kept[times].reshape(-1, 1)
        return (x - kept.sqrt() * clean) / (1 - kept).sqrt()

    return denoise


def test_published_schedule() -> None:
    schedule = sigmoid_schedule()
    at = [0, 65, 199, 499, 749, 932, 998, 999]
    kept = [0.99834281, 0.890982, 0.678160, 0.298293, 0.105891, 0.0219906, 2.99872e-4, 2.99872e-7]
    betas = [
        0.00165719,
        0.00183873,
        0.00223226,
        0.00330656,
        0.00537721,
        0.0160629,
        0.500679,
        0.999,
    ]
    # The table was computed in float64; the ends in float32, as published, show in the last steps.
    assert schedule.kept[at].tolist() == pytest.approx(kept, rel=6e-5)
    assert schedule.kept[at[:-2]].tolist() == pytest.approx(kept[:-2], rel=1e-5)
    assert schedule.betas[at].tolist() == pytest.approx(betas, rel=3e-5)


@pytest.mark.parametrize("make", [sigmoid_schedule, cosine_schedule, linear_schedule])
def test_schedules_fall_from_all_to_nothing(make: type[Schedule]) -> None:
    schedule = make()
    assert len(schedule) == 1000
    assert bool((schedule.kept.diff() < 0).all())
    assert float(schedule.kept[0]) > 0.99 and float(schedule.kept[-1]) < 1e-3
    assert float(schedule.betas.max()) <= 0.999 and float(schedule.betas.min()) > 0
    assert schedule.at(-1) == 1.0


def test_published_times() -> None:
    assert ddim_times(15) == [
        *(999, 932, 865, 799, 732, 665, 599, 532),
        *(465, 399, 332, 265, 199, 132, 65),
    ]
    assert ddim_times(1000) == list(range(999, -1, -1))
    assert ddim_times(2) == [999, 499] and ddim_times(1) == [999]
    for steps in (0, 1001):
        with pytest.raises(UsageError, match="steps"):
            ddim_times(steps)


@pytest.mark.parametrize("steps", [2, 15, 1000])
def test_an_oracle_leads_to_the_target(steps: int) -> None:
    schedule = sigmoid_schedule()
    clean = normal(3, 50).clamp(-1, 1)
    for eta in (0.0, 0.5, 1.0):
        made = sample_ddim(
            oracle(schedule, clean),
            normal(3, 50, seed=1),
            schedule,
            steps,
            eta,
            lambda number: normal(3, 50, seed=number + 2),
        )
        assert float((made - clean).abs().max()) < 1e-3


def test_without_fresh_noise_the_distribution_is_carried_over() -> None:
    # The deterministic flow of a Gaussian is linear: every start keeps its rank and its quantile.
    schedule = sigmoid_schedule()
    start = normal(1, 400)
    made = sample_ddim(gaussian_denoiser(schedule), start, schedule, 1000)
    assert torch.allclose(made, MEAN + SPREAD * start, atol=0.03)


@pytest.mark.parametrize("how", ["ddpm", "ddim"])
def test_with_fresh_noise_the_distribution_is_right(how: str) -> None:
    schedule = sigmoid_schedule(500)
    generator = torch.Generator().manual_seed(3)

    def draw(number: int) -> Tensor:
        return torch.randn(1, 5000, generator=generator, dtype=torch.float64)

    denoise = gaussian_denoiser(schedule)
    start = draw(-1)
    if how == "ddpm":
        made = sample_ddpm(denoise, start, schedule, draw)
    else:
        made = sample_ddim(denoise, start, schedule, 500, 1.0, draw)
    assert float(made.mean()) == pytest.approx(MEAN, abs=0.01)
    # The last call returns the expected clean value, which varies less than clean values do.
    expected = SPREAD**2 / (SPREAD**2 + 1 - schedule.at(0)) ** 0.5
    assert float(made.std()) == pytest.approx(expected, rel=0.05)


def test_ddim_with_all_noise_and_all_steps_is_ddpm() -> None:
    schedule = sigmoid_schedule(60)
    noises = normal(60, 2, 30, seed=5)

    def draw(number: int) -> Tensor:
        return noises[number]

    denoise = gaussian_denoiser(schedule)
    start = normal(2, 30, seed=6) * 0.3  # small enough that nothing is clipped
    slow = sample_ddpm(denoise, start, schedule, draw)
    quick = sample_ddim(denoise, start, schedule, 60, 1.0, draw)
    assert torch.allclose(slow, quick, atol=1e-4)


def test_noise_is_drawn_only_where_it_is_used() -> None:
    schedule, drawn = sigmoid_schedule(), []

    def draw(number: int) -> Tensor:
        drawn.append(number)
        return torch.zeros(1, 4, dtype=torch.float64)

    sample_ddim(gaussian_denoiser(schedule), normal(1, 4), schedule, 5, 1.0, draw)
    assert drawn == [0, 1, 2, 3]
    drawn.clear()
    sample_ddim(gaussian_denoiser(schedule), normal(1, 4), schedule, 5, 0.0, draw)
    assert not drawn
    with pytest.raises(UsageError, match="noise source"):
        sample_ddim(gaussian_denoiser(schedule), normal(1, 4), schedule, 5, 1.0)


def test_adding_noise() -> None:
    schedule = sigmoid_schedule()
    clean, noise = normal(2, 3, 4), normal(2, 3, 4, seed=1)
    state = add_noise(schedule, clean, noise, torch.tensor([0, 999]))
    assert torch.allclose(state[0], clean[0], atol=0.2)
    assert torch.allclose(state[1], noise[1], atol=2e-3)


def test_silence_stays_silent() -> None:
    schedule = sigmoid_schedule()
    mixture = normal(2, 40).abs() * 0.1
    mixture[:, ::3] = 0.001
    made = sample_ddim(
        lambda x, times: 0.3 * x,
        normal(2, 40, seed=1),
        schedule,
        15,
        1.0,
        lambda number: normal(2, 40, seed=number),
        keep_silence(mixture),
    )
    silent = silence_mask(mixture)
    assert torch.equal(made[silent], mixture[silent]) and bool(silent[:, ::3].all())
    assert float(made.min()) >= 0 and float(made.max()) <= 1


@pytest.mark.parametrize("eta", [0.0, 0.7, 1.0])
def test_same_steps_as_diffusers(eta: float) -> None:
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    schedule = sigmoid_schedule()
    judge = diffusers.DDIMScheduler(
        trained_betas=schedule.betas.numpy(),
        clip_sample=True,
        set_alpha_to_one=True,
        timestep_spacing="trailing",
    )
    judge.set_timesteps(20)
    assert judge.timesteps.tolist() == ddim_times(20)
    noises = normal(20, 2, 30, seed=5)
    ours = sample_ddim(
        lambda x, times: 0.3 * x, noises[0], schedule, 20, eta, lambda number: noises[number]
    )
    state = noises[0]
    for number, time in enumerate(judge.timesteps):
        noise = None if eta == 0 or number == 19 else noises[number]
        done = judge.step(
            0.3 * state, time, state, eta=eta if noise is not None else 0, variance_noise=noise
        )
        state = done.prev_sample
    assert torch.allclose(ours, state, atol=1e-4)
