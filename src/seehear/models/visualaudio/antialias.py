"""Periodic activations between an upsampler and a downsampler, so that their overtones do not alias.

Snake: x + sin(a x)^2 / a; snakebeta has a factor of its own for the height. Source: BigVGAN (Lee et al.
2023), section 3; the 12-tap Kaiser-windowed sinc of its public code.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

RATIO = 2
TAPS = 12
TINY = 1e-9
"""Added to a divisor, as in the public code."""


def kaiser_sinc(cutoff: float, half_width: float, taps: int) -> Tensor:
    """Low-pass of unit sum, float32 [taps], taps even.

    Args:
        cutoff: cycles per sample.
        half_width: half the width of the transition, cycles per sample.
        taps: length.
    """
    half = taps // 2
    attenuation = 2.285 * (half - 1) * math.pi * 4 * half_width + 7.95
    if attenuation > 50:
        beta = 0.1102 * (attenuation - 8.7)
    elif attenuation >= 21:
        beta = 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21)
    else:
        beta = 0.0
    window = torch.kaiser_window(taps, beta=beta, periodic=False)
    times = torch.arange(-half, half) + 0.5
    taps_ = 2 * cutoff * window * torch.sinc(2 * cutoff * times)
    return taps_ / taps_.sum()


class AntiAliased(nn.Module):
    """Twice the rate, an activation, back to the rate; [B, C, T] keeps its shape.

    Args:
        activation: works on every sample.
    """

    filter: Tensor

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.act = activation
        taps = kaiser_sinc(0.5 / RATIO, 0.6 / RATIO, TAPS)
        self.register_buffer("filter", taps[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self._down(self.act(self._up(x)))

    def _up(self, x: Tensor) -> Tensor:
        batch, channels, length = x.shape
        pad = TAPS // RATIO - 1
        # One channel at a time in the batch axis: a filter per channel is slow on CPUs.
        flat = functional.pad(x, (pad, pad), mode="replicate").reshape(batch * channels, 1, -1)
        wide = RATIO * functional.conv_transpose1d(flat, self.filter.to(x), stride=RATIO)
        cut = pad * RATIO + (TAPS - RATIO) // 2
        return wide[..., cut : wide.shape[-1] - cut].reshape(batch, channels, RATIO * length)

    def _down(self, x: Tensor) -> Tensor:
        batch, channels, length = x.shape
        flat = functional.pad(x, (TAPS // 2 - 1, TAPS // 2), mode="replicate")
        flat = flat.reshape(batch * channels, 1, -1)
        made = functional.conv1d(flat, self.filter.to(x), stride=RATIO)
        return made.reshape(batch, channels, length // RATIO)


class Snake(nn.Module):
    """x + sin(a x)^2 / b per channel; b = a without a height of its own.

    Args:
        channels: C.
        has_height: whether b is learned too (snakebeta).
        is_log: whether a and b are stored as logarithms.
    """

    def __init__(self, channels: int, has_height: bool, is_log: bool) -> None:
        super().__init__()
        start = torch.zeros(channels) if is_log else torch.ones(channels)
        self.is_log = is_log
        self.alpha = nn.Parameter(start.clone())
        self.beta = nn.Parameter(start.clone()) if has_height else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, T] -> [B, C, T]."""
        alpha = self.alpha[:, None]
        beta = alpha if self.beta is None else self.beta[:, None]
        if self.is_log:
            alpha, beta = alpha.exp(), beta.exp()
        return x + torch.sin(x * alpha).square() / (beta + TINY)
