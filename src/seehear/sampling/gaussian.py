"""Gaussian diffusion: noise schedules, and samplers over any function that estimates the noise.

With k = 0 .. K - 1 a schedule says how much of the signal's power is left after step k:

    x_k = sqrt(kept[k]) * clean + sqrt(1 - kept[k]) * noise

A denoiser is a function (x [B, ...], times int64 [B]) -> its estimate of the noise. Randomness comes in
from outside: the start, and a function that draws what each step adds, so a run can be repeated, shared
between windows, or compared with a recorded one.

Source: Ho et al., "Denoising diffusion probabilistic models" (2020); Song et al., "Denoising diffusion
    implicit models" (2021), eq. 12 and 16.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from seehear.errors import UsageError

Denoiser = Callable[[Tensor, Tensor], Tensor]
Draw = Callable[[int], Tensor]
"""Number of the step, from 0 -> standard normal noise of the state's shape."""
Guide = Callable[[Tensor], Tensor]
"""An estimate of the clean signal -> a better one (`sampling.guidance`)."""

STEPS = 1000
LARGEST_BETA = 0.999
CLIP = (-1.0, 1.0)


@dataclass(frozen=True)
class Schedule:
    """How noise is added.

    Args:
        betas: float64 [K], share of power that step k replaces by noise.
        kept: float64 [K], share of the signal's power left after step k ("alpha bar").
    """

    betas: Tensor
    kept: Tensor

    def __len__(self) -> int:
        return len(self.betas)

    def at(self, time: int) -> float:
        """`kept` after step `time`; 1 before the first (time -1)."""
        return float(self.kept[time]) if time >= 0 else 1.0


def schedule_of(betas: Tensor) -> Schedule:
    """Schedule from its betas."""
    wide = betas.double()
    return Schedule(wide, torch.cumprod(1.0 - wide, dim=0))


def sigmoid_schedule(
    steps: int = STEPS, start: float = 0.0, end: float = 3.0, tau: float = 1.0
) -> Schedule:
    """Power left falls along a piece of the logistic curve; the last steps are clipped.

    Source: Jabri et al., "Scalable adaptive computation for iterative generation" (2022); DAVIS uses
        start 0, end 3, tau 1.

    >>> round(float(sigmoid_schedule().kept[499]), 6)
    0.298293
    """
    share = torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)
    # The ends are rounded to float32 as in the public code: it moves the last betas by 1e-5.
    first, last = (torch.tensor(x / tau).sigmoid().double() for x in (start, end))
    curve = (last - ((share * (end - start) + start) / tau).sigmoid()) / (last - first)
    curve = curve / curve[0]
    return schedule_of((1.0 - curve[1:] / curve[:-1]).clamp(0.0, LARGEST_BETA))


def cosine_schedule(steps: int = STEPS, shift: float = 0.008) -> Schedule:
    """Power left falls as a squared cosine. Source: Nichol and Dhariwal (2021)."""
    share = torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)
    curve = ((share + shift) / (1 + shift) * torch.pi / 2).cos().square()
    return schedule_of((1.0 - curve[1:] / curve[:-1]).clamp(0.0, LARGEST_BETA))


def linear_schedule(steps: int = STEPS, first: float = 1e-4, last: float = 0.02) -> Schedule:
    """Betas grow evenly. Source: Ho et al. (2020), for 1000 steps."""
    return schedule_of(torch.linspace(first, last, steps, dtype=torch.float64))


def add_noise(schedule: Schedule, clean: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """The state after step `times`: what training shows to the network.

    Args:
        schedule: of the process.
        clean: [B, ...].
        noise: standard normal, same shape.
        times: int64 [B], 0 .. K - 1.
    """
    kept = schedule.kept[times.cpu()].to(clean).reshape(-1, *[1] * (clean.ndim - 1))
    return kept.sqrt() * clean + (1.0 - kept).sqrt() * noise


def ddim_times(steps: int, of: int = STEPS) -> list[int]:
    """Times of a shortened run, from the noisiest down; the result stands at -1.

    Args:
        steps: network calls, 1 .. `of`.
        of: steps of the schedule.

    Raises:
        UsageError: steps out of range.

    >>> ddim_times(15)[:4], ddim_times(15)[-1]
    ([999, 932, 865, 799], 65)
    """
    if not 1 <= steps <= of:
        raise UsageError(f"a run of this schedule takes 1 to {of} steps, not {steps}")
    return [of * i // steps - 1 for i in range(steps, 0, -1)]


class Step(NamedTuple):
    """State of a run after one step.

    Args:
        time: int, time that the state now stands at (-1 = done).
        state: [B, ...].
        clean: the estimate of the clean signal that led here.
    """

    time: int
    state: Tensor
    clean: Tensor


def sample_ddim(
    denoise: Denoiser,
    noise: Tensor,
    schedule: Schedule,
    steps: int,
    eta: float = 0.0,
    draw: Draw | None = None,
    guide: Guide | None = None,
    watch: Callable[[Step], None] | None = None,
) -> Tensor:
    """Run the process backwards on some of its times.

    Args:
        denoise: see the module's text.
        noise: start, standard normal [B, ...].
        schedule: that the denoiser was trained with.
        steps: network calls.
        eta: share of the noise of the full process that each step adds anew; 0 = none, 1 = all.
        draw: noise of step number 0 ..; needed when eta > 0. Not asked after the last call.
        guide: corrects each estimate of the clean signal after it was clipped to -1..1.
        watch: told every step.

    Returns:
        The last estimate of the clean signal, [B, ...].

    Raises:
        UsageError: steps out of range, eta below 0, or eta above 0 without `draw`.

    Deviation: none from DAVIS; the noise estimate is used as it is, also where the estimate of the
        clean signal was clipped or guided.
    """
    if eta < 0.0 or (eta > 0.0 and draw is None):
        raise UsageError(f"eta must be >= 0 and needs a noise source above 0; got {eta}")
    times = ddim_times(steps, len(schedule))
    state = noise
    for number, (time, after) in enumerate(zip(times, [*times[1:], -1], strict=True)):
        guess = denoise(state, torch.full((len(state),), time, device=state.device))
        clean = clean_of(state, guess, schedule.at(time), guide)
        if after < 0:
            state = clean
        else:
            now, then = schedule.at(time), schedule.at(after)
            spread = eta * ((1 - now / then) * (1 - then) / (1 - now)) ** 0.5
            state = then**0.5 * clean + (1 - then - spread**2) ** 0.5 * guess
            if draw is not None and eta > 0.0:
                state = state + spread * draw(number)
        if watch is not None:
            watch(Step(after, state, clean))
    return state


def sample_ddpm(
    denoise: Denoiser,
    noise: Tensor,
    schedule: Schedule,
    draw: Draw,
    guide: Guide | None = None,
) -> Tensor:
    """Run the whole process backwards, every step of it, with the posterior's variance.

    Args:
        denoise: see the module's text.
        noise: start, standard normal [B, ...].
        schedule: that the denoiser was trained with.
        draw: noise of step number 0 ..; not asked after the last call.
        guide: see `sample_ddim`.

    Returns:
        [B, ...].

    Source: Ho et al. (2020), eq. 6 and 7 with a clipped estimate of the clean signal.
    """
    state = noise
    for number, time in enumerate(range(len(schedule) - 1, -1, -1)):
        guess = denoise(state, torch.full((len(state),), time, device=state.device))
        now, before = schedule.at(time), schedule.at(time - 1)
        beta = float(schedule.betas[time])
        clean = clean_of(state, guess, now, guide)
        weight = before**0.5 * beta / (1 - now)
        state = weight * clean + (1 - beta) ** 0.5 * (1 - before) / (1 - now) * state
        if time > 0:
            state = state + (beta * (1 - before) / (1 - now)) ** 0.5 * draw(number)
    return state


def clean_of(state: Tensor, guess: Tensor, kept: float, guide: Guide | None = None) -> Tensor:
    """The clean signal that state and noise estimate imply, clipped to -1..1 and guided."""
    clean = ((state - (1.0 - kept) ** 0.5 * guess) / kept**0.5).clamp(*CLIP)
    return clean if guide is None else guide(clean)
