"""Bands on the ERB-rate scale: fine at low frequencies, wide at high ones.

`filterbank` gathers power of STFT bins into overlapping triangular bands; `expansion` spreads
values given per band back over bins by linear interpolation between band centres.

Source: ERB-rate scale of Glasberg and Moore (1990), 21.4 log10(1 + 0.00437 f).
"""

from __future__ import annotations

import torch
from torch import Tensor


def hz_to_erb(hz: Tensor) -> Tensor:
    """Frequency to ERB-rate (number of auditory filters below it)."""
    return 21.4 * torch.log10(1.0 + 0.00437 * hz)


def erb_to_hz(erb: Tensor) -> Tensor:
    """Inverse of `hz_to_erb`."""
    return (10.0 ** (erb / 21.4) - 1.0) / 0.00437


def band_centres(num_bands: int, lowest_hz: float, highest_hz: float) -> Tensor:
    """Centres evenly spaced on the ERB-rate scale, Hz, float64 [num_bands].

    >>> band_centres(3, 50.0, 8000.0)[[0, 2]].tolist()
    [50.0, 8000.0]
    """
    ends = hz_to_erb(torch.tensor([lowest_hz, highest_hz], dtype=torch.float64))
    centres = erb_to_hz(torch.linspace(float(ends[0]), float(ends[1]), num_bands).double())
    centres[0], centres[-1] = lowest_hz, highest_hz
    return centres


def bin_frequencies(n_fft: int, sample_rate: int) -> Tensor:
    """Frequencies of STFT bins, Hz, float64 [n_fft/2 + 1]."""
    return torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft


def filterbank(centres_hz: Tensor, n_fft: int, sample_rate: int) -> Tensor:
    """Weights that gather bin power into bands, float32 [bands, bins].

    Each bin's weights over all bands sum to 1, so band powers sum to the spectrum's power. A band
    narrower than the bin spacing would get nothing; it reads the interpolated nearest bins instead.

    Args:
        centres_hz: increasing band centres [bands].
        n_fft: transform length in samples.
        sample_rate: Hz.
    """
    gather = expansion(centres_hz, n_fft, sample_rate).double().T  # [bins, bands] -> [bands, bins]
    position = centres_hz.double() * n_fft / sample_rate
    left = position.floor().long().clamp(0, n_fft // 2 - 1)
    empty = gather.sum(1) < 0.5
    for band in torch.nonzero(empty).flatten().tolist():
        share = float(position[band] - left[band])
        gather[band, left[band]] = max(float(gather[band, left[band]]), 0.5 * (1 - share))
        gather[band, left[band] + 1] = max(float(gather[band, left[band] + 1]), 0.5 * share)
    return gather.float()


def expansion(centres_hz: Tensor, n_fft: int, sample_rate: int) -> Tensor:
    """Weights that spread band values over bins, float32 [bins, bands]; rows sum to 1.

    Linear in Hz between centres; below the first and above the last centre the end band continues.

    Args:
        centres_hz: increasing band centres [bands].
        n_fft: transform length in samples.
        sample_rate: Hz of the spectrum, which need not be that of the network.
    """
    hz = bin_frequencies(n_fft, sample_rate)
    centres = centres_hz.double()
    right = torch.searchsorted(centres, hz).clamp(1, len(centres) - 1)
    left = right - 1
    share = ((hz - centres[left]) / (centres[right] - centres[left])).clamp(0.0, 1.0)
    weights = torch.zeros(len(hz), len(centres), dtype=torch.float64)
    rows = torch.arange(len(hz))
    weights[rows, left] = 1.0 - share
    weights[rows, right] += share
    return weights.float()
