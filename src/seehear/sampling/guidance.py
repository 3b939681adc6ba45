"""Guidance: where the mixture is silent, every source is silent; and more of what is asked for.

The mask is made once from the mixture's compressed magnitudes z; the published threshold of 0.002 is a
magnitude of 0.013423 with sigma 0.15.

Source: DAVIS (ACCV 2024), section on sampling. Deviation of the public code from the paper's pseudo-code,
    followed here: the mask acts on the estimate of the clean signal, not on the state.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seehear.sampling.gaussian import Guide

THRESHOLD = 0.002


def silence_mask(mixture: Tensor, threshold: float = THRESHOLD) -> Tensor:
    """True where the mixture is silent, same shape."""
    return mixture < threshold


def keep_silence(mixture: Tensor, threshold: float = THRESHOLD) -> Guide:
    """Guide for the samplers of `sampling.gaussian`.

    Args:
        mixture: compressed magnitudes in 0..1, of the state's shape (or broadcast to it).
        threshold: of silence.

    Returns:
        Function that puts the mixture where it is silent and clips everything to 0..1. Without it
        negative estimates down to -1 stay in the run.
    """
    mask = silence_mask(mixture, threshold)
    return lambda clean: torch.where(mask, mixture, clean).clamp(0.0, 1.0)


def keep_silence_on_path(
    mixture: Tensor, noise: Tensor, sigma_min: float, threshold: float = THRESHOLD
) -> Callable[[Tensor, float], Tensor]:
    """The same for `sampling.flow`: silent places follow their own straight path.

    Args:
        mixture: as in `keep_silence`.
        noise: the run's start.
        sigma_min: see `sampling.flow`.
        threshold: of silence.
    """
    mask = silence_mask(mixture, threshold)

    def guide(state: Tensor, time: float) -> Tensor:
        known = time * mixture + (1.0 - (1.0 - sigma_min) * time) * noise
        return torch.where(mask, known, state)

    return guide


def classifier_free(
    velocity: Callable[[Tensor, Tensor, Tensor], Tensor],
    condition: Tensor,
    empty: Tensor,
    scale: float,
) -> Callable[[Tensor, Tensor], Tensor]:
    """Velocity that is pushed away from what the network says without a condition.

    v = v_empty + scale (v_condition - v_empty), both from one doubled batch. Source: Ho and Salimans,
    "Classifier-free diffusion guidance" (2022).

    Args:
        velocity: (state [B, ...], times [B], condition [B, ...]) -> [B, ...].
        condition: [B, ...].
        empty: what stands for no condition, same shape.
        scale: 1 = as conditioned (the network is then called without doubling), 0 = unconditioned.
    """
    if scale == 1.0:
        return lambda state, times: velocity(state, times, condition)
    both = torch.cat([condition, empty])

    def guided(state: Tensor, times: Tensor) -> Tensor:
        made = velocity(torch.cat([state, state]), torch.cat([times, times]), both)
        wanted, plain = made.chunk(2)
        return plain + scale * (wanted - plain)

    return guided
