"""Shares of directions on a network's grid -> a sound with directions, block by block.

A network hears one channel at a low rate and says, per band and column, which share of the power comes
from which direction. Here the sound itself, at its own rate, is spread by these shares: every output
channel is a part of the input carried as it is, plus the input's spectrum times the shares' mean of one
gain per direction. Two ears carry the sound itself and get opposite changes, so their mean is the input
whatever the shares are; where all is heard from nowhere, nothing changes to the bit.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.grid import ColumnGrid
from seehear.dsp.overlap import SpectrumStream, transform_length

Block = NDArray[np.float32]


class SharePanner:
    """Spread one channel over directions.

    Args:
        centres_hz: of the bands of the shares, [F], increasing.
        columns_per_s: columns of shares per second; column 0 is at second 0.
        sample_rate: of the sound, Hz.
        gains: complex or real [G, A, bins or 1], what each of A directions is multiplied with.
        carry: [C], how the input passes to each output channel.
        mix: [C, G], how the G changes are added to the output channels.
    """

    def __init__(
        self,
        centres_hz: NDArray[np.float64],
        columns_per_s: float,
        sample_rate: int,
        gains: Tensor,
        carry: Tensor,
        mix: Tensor,
    ) -> None:
        n_fft = transform_length(sample_rate)
        self._grid = ColumnGrid(centres_hz, columns_per_s, sample_rate, n_fft)
        self._ahead_s = 2 * n_fft / sample_rate
        self._columns_per_s, self._rate = columns_per_s, sample_rate
        self._parts = [part.float() for part in _parts_of(gains)]
        self._mix = mix.to(torch.complex64)
        self._stream = SpectrumStream(sample_rate, carry[:, None].float(), self._rule)
        self._taken = 0

    def feed(self, shares: Block) -> None:
        """Append columns [A + 1, F, n] that sum to 1; the last share comes from nowhere."""
        self._grid.feed(shares)

    def needs_columns(self, num_samples: int) -> bool:
        """Whether more columns should be fed before the next `num_samples` are pushed."""
        until_s = (self._taken + num_samples) / self._rate + self._ahead_s
        return self._grid.fed_columns < until_s * self._columns_per_s

    def push(self, block: Block) -> Block:
        """Take [1, n]; return what is final, [C, m]."""
        self._taken += block.shape[1]
        return self._stream.push(block)

    def finish(self) -> Block:
        """Return the rest; in all as many samples as were taken."""
        return self._stream.finish()

    def _rule(self, first: int, spectra: Tensor) -> Tensor | None:
        shares = self._grid.read(first, spectra.shape[-1] - 2)[:-1]  # [A, bins, K]
        if not bool(shares.any()):
            return None
        changed = [torch.einsum("afk,gaf->gfk", shares, self._wide(g, shares)) for g in self._parts]
        gain = torch.complex(*changed) if len(changed) == 2 else changed[0].to(torch.complex64)
        made = gain * spectra[:1, :, 1:-1]  # [G, bins, K]
        return torch.einsum("cg,gfk->cfk", self._mix, made)

    @staticmethod
    def _wide(gain: Tensor, shares: Tensor) -> Tensor:
        return gain.expand(-1, -1, shares.shape[1])


def _parts_of(gains: Tensor) -> list[Tensor]:
    return [gains.real, gains.imag] if gains.is_complex() else [gains]


def ear_panner(
    centres_hz: NDArray[np.float64], columns_per_s: float, sample_rate: int, masks: Tensor
) -> SharePanner:
    """Panner to two ears whose mean is the input.

    Args:
        centres_hz: see `SharePanner`, as are the next two.
        columns_per_s: columns per second.
        sample_rate: Hz.
        masks: complex [A, bins] of `binaural.difference_masks` for `transform_length(sample_rate)`.
    """
    return SharePanner(
        centres_hz,
        columns_per_s,
        sample_rate,
        masks[None],
        torch.ones(2),
        torch.tensor([[1.0], [-1.0]]),
    )


def ambisonic_panner(
    centres_hz: NDArray[np.float64], columns_per_s: float, sample_rate: int, harmonics: Tensor
) -> SharePanner:
    """Panner to ambisonics whose first channel (W) is the input.

    Args:
        centres_hz: see `SharePanner`, as are the next two.
        columns_per_s: columns per second.
        sample_rate: Hz.
        harmonics: real [A, C] of `ambisonics.spherical_harmonics`, whose first column is 1.
    """
    count = harmonics.shape[1]
    carry = torch.zeros(count)
    carry[0] = 1.0
    mix = torch.eye(count)[:, 1:]
    gains = harmonics.T[1:, :, None].float()
    return SharePanner(centres_hz, columns_per_s, sample_rate, gains, carry, mix)
