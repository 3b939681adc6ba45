"""Masks on a network's grid -> stems of the original, all channels, that add up to it.

A network hears one channel at a low rate and says, per band and column, which share of the sound
belongs to whom. Here these shares are applied to the spectrum of every channel of the original at its
own rate. The residual is what is left of the samples, so stems and residual are the mixture at
every length, whatever the masks are.

Above a network's band nothing is known. There the mask goes over, within half an octave, to the
share that the source has of the power of the highest octave that was heard: a single band's value
would flutter over everything above it.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.grid import ColumnGrid
from seehear.dsp.overlap import WINDOW_S, SpectrumStream, transform_length

Block = NDArray[np.float32]

FADE_RATIO = math.sqrt(2.0)
"""Width of the transition above the highest band, as a ratio of frequencies."""
TINY_POWER = 1e-12


def ratio_masks(magnitudes: Tensor, mixture: Tensor) -> Tensor:
    """Masks from separately estimated magnitudes of some of the sounds.

    Estimates that together exceed the mixture are scaled down to it; what they leave is the
    residual's.

    Args:
        magnitudes: [..., Q, F, N], not negative, on the mixture's scale.
        mixture: magnitudes [..., F, N].

    Returns:
        [..., Q, F, N] in 0..1 with a sum over Q of at most 1.
    """
    together = torch.maximum(magnitudes.sum(dim=-3), mixture)
    return magnitudes / together.clamp_min(TINY_POWER).unsqueeze(-3)


def wiener_masks(magnitudes: Tensor) -> Tensor:
    """Masks from the magnitudes of all sounds of a mixture: their shares of the power.

    An error that all magnitudes of a bin have in common cancels. Only for complete lists: where the
    rest is unknown, powers make it of every magnitude that is too small, and `ratio_masks` do better
    (docs/numbers.md, "The phase ceiling").

    Args:
        magnitudes: [..., Q, F, N], not negative.

    Returns:
        [..., Q, F, N] with a sum over Q of 1; 0 where all magnitudes vanish.
    """
    power = magnitudes.square()
    return power / power.sum(dim=-3, keepdim=True).clamp_min(TINY_POWER)


def with_upper_band(masks: Tensor, power: Tensor, centres_hz: Tensor) -> Tensor:
    """Append a band that stands for everything above the network's.

    Args:
        masks: [..., F, N].
        power: of the mixture in the same bands, broadcastable to it.
        centres_hz: [F], increasing.

    Returns:
        [..., F + 1, N]; its centre is the last one of `upper_centres`.
    """
    highest = centres_hz >= 0.5 * centres_hz[-1]
    heard = power[..., highest, :] + TINY_POWER
    share = (masks[..., highest, :] * heard).sum(dim=-2) / heard.sum(dim=-2)
    return torch.cat([masks, share[..., None, :]], dim=-2)


def upper_centres(centres_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centres with that of the band above, [F] -> [F + 1]."""
    return np.append(centres_hz, centres_hz[-1] * FADE_RATIO)


class MaskStems:
    """Apply masks to a stream of blocks; the stems and the residual add up to it.

    Args:
        centres_hz: of the bands, [F], increasing.
        columns_per_s: columns of the mask grid per second; column 0 is at second 0.
        sample_rate: of the original, Hz.
        num_channels: of the original.
        num_masks: number of stems without the residual.
        window_s: length of the network's own transform: what it parts, a much shorter one here would
            blur.
    """

    def __init__(
        self,
        centres_hz: NDArray[np.float64],
        columns_per_s: float,
        sample_rate: int,
        num_channels: int,
        num_masks: int,
        window_s: float = WINDOW_S,
    ) -> None:
        n_fft = transform_length(sample_rate, window_s)
        self._shape = (num_masks, num_channels)
        self._grid = ColumnGrid(centres_hz, columns_per_s, sample_rate, n_fft)
        self._ahead_s = 2 * n_fft / sample_rate
        self._columns_per_s, self._rate = columns_per_s, sample_rate
        carry = torch.zeros(num_masks * num_channels, num_channels)
        self._stream = SpectrumStream(sample_rate, carry, self._rule, window_s)
        self._held = np.zeros((num_channels, 0), np.float32)
        self._taken = 0

    def feed(self, masks: Block) -> None:
        """Append columns [num_masks, F, n] of values in 0..1."""
        self._grid.feed(masks)

    def needs_columns(self, num_samples: int) -> bool:
        """Whether more columns should be fed before the next `num_samples` are pushed."""
        until_s = (self._taken + num_samples) / self._rate + self._ahead_s
        return self._grid.fed_columns < until_s * self._columns_per_s

    def push(self, block: Block) -> Block:
        """Take [C, n]; return what is final, [num_masks + 1, C, m], the residual last."""
        self._taken += block.shape[1]
        self._held = np.concatenate([self._held, block], axis=1)
        return self._split(self._stream.push(block))

    def finish(self) -> Block:
        """Return the rest; in all as many samples as were taken."""
        return self._split(self._stream.finish())

    def _rule(self, first: int, spectra: Tensor) -> Tensor | None:
        masks = self._grid.read(first, spectra.shape[-1] - 2)  # [Q, F, K]
        if not bool(masks.any()):
            return None  # an absent source is silent to the bit
        return (masks[:, None] * spectra[None, :, :, 1:-1]).flatten(0, 1)  # [Q * C, F, K]

    def _split(self, ready: Block) -> Block:
        count = ready.shape[1]
        stems = ready.reshape(*self._shape, count)
        residual = self._held[:, :count] - stems.sum(axis=0)
        self._held = self._held[:, count:]
        return np.concatenate([stems, residual[None]]).astype(np.float32, copy=False)
