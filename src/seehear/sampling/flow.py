"""Rectified flow: straight paths from noise to signal, and solvers over any velocity function.

Time runs from 0 = noise to 1 = signal, everywhere in this project:

    x_t = t * clean + (1 - (1 - sigma_min) t) * noise,   velocity = clean - (1 - sigma_min) * noise

A velocity function takes (x [B, ...], t float [B] in 0..1). A network that wants other times (DAVIS-Flow:
1000 t) is wrapped by whoever owns it.

Source: Lipman et al., "Flow matching for generative modeling" (2023), example II; Liu et al., "Flow
    straight and fast" (2023).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from seehear.errors import UsageError

Velocity = Callable[[Tensor, Tensor], Tensor]
Method = Literal["euler", "midpoint", "heun"]
PathGuide = Callable[[Tensor, float], Tensor]
"""(state, time it stands at) -> corrected state."""

SIGMA_MIN = 1e-4
"""Noise that is left at the signal's end, as published with DAVIS-Flow."""


def flow_path(
    clean: Tensor, noise: Tensor, times: Tensor, sigma_min: float = SIGMA_MIN
) -> tuple[Tensor, Tensor]:
    """What training shows to the network, and what it should answer.

    Args:
        clean: [B, ...].
        noise: standard normal, same shape.
        times: float [B] in 0..1.
        sigma_min: noise left at time 1.

    Returns:
        State x_t and velocity, both [B, ...].
    """
    t = times.reshape(-1, *[1] * (clean.ndim - 1)).to(clean)
    state = t * clean + (1.0 - (1.0 - sigma_min) * t) * noise
    return state, clean - (1.0 - sigma_min) * noise


def sample_flow(
    velocity: Velocity,
    noise: Tensor,
    steps: int = 2,
    method: Method = "euler",
    guide: PathGuide | None = None,
    begin: float = 0.0,
    done: int = 0,
) -> Tensor:
    """Follow the flow from noise to signal in even steps.

    Args:
        velocity: see the module's text. `euler` calls it once per step, the others twice.
        noise: start [B, ...]; with `begin` a state of that time.
        steps: number of steps >= 1.
        method: `euler` (order 1), `midpoint` or `heun` (order 2).
        guide: corrects the state after each step.
        begin: time of the start, 0 <= begin < 1.
        done: steps that were taken before; `noise` is then the state after them.

    Returns:
        [B, ...].

    Raises:
        UsageError: no steps, no such method, or a start that is not before the end.
    """
    if not 0.0 <= begin < 1.0:
        raise UsageError(f"a flow begins between 0 and 1, not at {begin:g}")
    if steps < 1:
        raise UsageError(f"a flow takes at least one step, not {steps}")
    if method not in get_args(Method):
        raise UsageError(f"no solver is called {method!r}; known: {', '.join(get_args(Method))}")
    state = noise
    step = (1.0 - begin) / steps
    for number in range(done, steps):
        time = begin + number * step
        slope = _at(velocity, state, time)
        if method == "midpoint":
            slope = _at(velocity, state + 0.5 * step * slope, time + 0.5 * step)
        elif method == "heun":
            slope = 0.5 * (slope + _at(velocity, state + step * slope, time + step))
        state = state + step * slope
        if guide is not None:
            state = guide(state, begin + (number + 1) * step)
    return state


def _at(velocity: Velocity, state: Tensor, time: float) -> Tensor:
    return velocity(state, torch.full((len(state),), time, device=state.device))
