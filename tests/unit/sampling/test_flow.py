"""Flow solvers against closed forms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seehear.errors import UsageError
from seehear.sampling.flow import SIGMA_MIN, Velocity, flow_path, sample_flow
from seehear.sampling.guidance import keep_silence_on_path
from seehear.sampling.objective import SCALE, flow_loss, noise_loss

MEAN, SPREAD = 0.3, 0.2


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gaussian_velocity() -> Velocity:
    """The expected velocity when the signal is N(MEAN, SPREAD^2) and sigma_min is 0."""

    def velocity(x: Tensor, times: Tensor) -> Tensor:
        t = times.double().reshape(-1, 1)
        variance = (t * SPREAD) ** 2 + (1 - t) ** 2
        return MEAN + (t * SPREAD**2 - (1 - t)) / variance * (x - t * MEAN)

    return velocity


def test_path() -> None:
    clean, noise = normal(2, 5), normal(2, 5, seed=1)
    state, velocity = flow_path(clean, noise, torch.tensor([0.0, 1.0]))
    assert torch.equal(state[0], noise[0])
    assert torch.allclose(state[1], clean[1] + SIGMA_MIN * noise[1])
    assert torch.allclose(velocity, clean - 0.9999 * noise)
    implied = noise_loss(0.1 * state + (1 - SIGMA_MIN) * noise, clean)
    assert torch.allclose(
        flow_loss(0.1 * state, velocity), noise_loss(0.1 * state, velocity) + implied
    )


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("method", ["euler", "midpoint", "heun"])
def test_straight_paths_need_no_small_steps(method: Any, steps: int) -> None:
    clean, noise = normal(2, 5), normal(2, 5, seed=1)
    calls: list[float] = []

    def velocity(x: Tensor, times: Tensor) -> Tensor:
        calls.append(float(times[0]))
        return clean - (1 - SIGMA_MIN) * noise

    made = sample_flow(velocity, noise, steps, method)
    assert torch.allclose(made, clean + SIGMA_MIN * noise)
    assert len(calls) == steps * (1 if method == "euler" else 2)
    assert calls[0] == 0 and max(calls) <= 1


def test_a_gaussian_is_carried_over() -> None:
    start = normal(1, 300)
    made = sample_flow(gaussian_velocity(), start, 200, "heun")
    assert torch.allclose(made, MEAN + SPREAD * start, atol=1e-3)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("heun", 2)])
def test_order_of_convergence(method: Any, order: int) -> None:
    start = normal(1, 300)
    exact = MEAN + SPREAD * start
    coarse, fine = (
        float((sample_flow(gaussian_velocity(), start, n, method) - exact).norm())
        for n in (128, 256)
    )
    assert coarse / fine > 0.9 * 2**order


def test_silence_follows_its_own_path() -> None:
    mixture, noise = normal(1, 30).abs(), normal(1, 30, seed=1)
    mixture[:, ::2] = 0.0
    guide = keep_silence_on_path(mixture, noise, SIGMA_MIN)
    made = sample_flow(lambda x, times: torch.ones_like(x), noise, 3, guide=guide)
    assert torch.allclose(made[:, ::2], SIGMA_MIN * noise[:, ::2])
    assert torch.allclose(made[:, 1::2], noise[:, 1::2] + 1)


def test_loss_of_a_network_that_answers_nothing() -> None:
    noise = normal(2, 100000)
    total = SCALE * sum(noise_loss(torch.zeros_like(x), x) for x in noise)
    assert float(total) == pytest.approx(1595.8, rel=0.01)
    assert float(noise_loss(torch.zeros_like(noise), noise, "l2")) == pytest.approx(1, rel=0.01)


def test_bad_options_are_refused() -> None:
    with pytest.raises(UsageError, match="step"):
        sample_flow(gaussian_velocity(), normal(1, 2), 0)
    with pytest.raises(UsageError, match="midpoint"):
        sample_flow(gaussian_velocity(), normal(1, 2), 2, "rk4")  # type: ignore[arg-type]


def test_same_steps_as_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers", reason="diffusers is not installed")
    judge = diffusers.FlowMatchEulerDiscreteScheduler()
    judge.set_timesteps(sigmas=[1.0, 0.75, 0.5, 0.25])  # there, 1 is noise
    start = state = normal(1, 30).float()
    velocity = gaussian_velocity()
    for number, time in enumerate(judge.timesteps):
        t = 1 - float(judge.sigmas[number])
        slope = velocity(state, torch.tensor([t])).float()
        state = judge.step(-slope, time, state).prev_sample
    ours = sample_flow(lambda x, t: velocity(x, t).float(), start, 4)
    assert torch.allclose(ours, state, atol=1e-5)
