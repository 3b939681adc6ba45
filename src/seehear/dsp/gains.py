"""Carry what a mono model did over to all channels of the original, and mix down for it.

`downmix_stream` makes the mono sound that a model hears; `gain_stream` applies real gains to each
channel's spectrum, so stereo and surround images stay. Two rules make gains: `ratio_rule` from a mono
waveform that a model gave back, `band_rule` from decibels per band and column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.grid import ColumnGrid
from seehear.dsp.overlap import SpectrumStream

MIN_GAIN_DB, MAX_GAIN_DB = -30.0, 12.0
# A downmix this far below the channels' power sum has cancelled.
CANCELLED = 10.0 ** (-10.0 / 10.0)
# Power of a bin below which there is nothing to compare (about -170 dBFS).
NOTHING = 1e-14


def full_range_channels(channel_names: Sequence[str]) -> list[int]:
    """Indices of the channels that a downmix hears: all but LFE (unless there is nothing else)."""
    kept = [i for i, name in enumerate(channel_names) if not name.upper().startswith("LFE")]
    return kept or list(range(len(channel_names)))


def downmix_stream(sample_rate: int, channel_names: Sequence[str]) -> SpectrumStream | None:
    """Stream that averages the full-range channels into one.

    Where the average cancels (10 dB under the channels' power sum, per bin) it is replaced by the
    square root of that power with the phase of the strongest channel, so a model also hears what is
    out of phase. Averages that do not cancel pass bit for bit.

    Args:
        sample_rate: Hz.
        channel_names: FFmpeg's names, one per channel.

    Returns:
        A stream [C, n] -> [1, n]; None for a single channel, which needs no downmix.
    """
    if len(channel_names) == 1:
        return None
    kept = full_range_channels(channel_names)
    carry = torch.zeros(1, len(channel_names))
    carry[0, kept] = 1.0 / len(kept)

    def rule(_first: int, spectra: Tensor) -> Tensor | None:
        channels = spectra[kept][:, :, 1:-1]  # [C, F, K]
        mean = channels.mean(dim=0)
        powers = _power(channels)
        level = powers.sum(dim=0) / len(kept) ** 2  # of the mean, if the channels are unrelated
        cancelled = _power(mean) < CANCELLED * level
        if not bool(cancelled.any()):
            return None
        power, strongest = powers[:, cancelled].max(dim=0)  # [n]
        loud = channels[:, cancelled].gather(0, strongest[None])[0]
        change = torch.zeros_like(mean)
        change[cancelled] = (level[cancelled] / power).sqrt() * loud - mean[cancelled]
        return change[None]

    return SpectrumStream(sample_rate, carry, rule)


def _power(spectra: Tensor) -> Tensor:
    """Squared magnitude without the square root that `abs` would take."""
    parts = torch.view_as_real(spectra)
    return parts[..., 0].square() + parts[..., 1].square()


GainRule = Callable[[int, Tensor], Tensor]


def gain_stream(sample_rate: int, num_channels: int, guides: int, rule: GainRule) -> SpectrumStream:
    """Stream that multiplies each channel's spectrum by gains common to all channels.

    Args:
        sample_rate: Hz.
        num_channels: channels of the sound; they come first in every block.
        guides: further channels in every block that only the rule looks at.
        rule: (index of the first column, spectra [C + guides, F, K + 2]) -> gains [F, K].

    Returns:
        A stream [C + guides, n] -> [C, n]; gains of 1 pass the sound bit for bit.
    """

    def change(first: int, spectra: Tensor) -> Tensor:
        gains = rule(first, spectra)
        return spectra[:num_channels, :, 1:-1] * (gains - 1.0)

    carry = torch.eye(num_channels + guides)[:num_channels]
    return SpectrumStream(sample_rate, carry, change)


def ratio_rule(strength: float) -> GainRule:
    """Gains |Y|/|X| from the last two guide channels: the downmix X and the model's sound Y.

    Powers are averaged over three columns and three bins before the division, and the ratio is kept
    within -30..+12 dB: a mask may do more, but real gains on other channels must not ring.

    Args:
        strength: 0 leaves the sound alone, 1 is the model's full change; in between decibels scale.
    """

    lowest, highest = 10.0 ** (MIN_GAIN_DB / 10.0), 10.0 ** (MAX_GAIN_DB / 10.0)

    def rule(_first: int, spectra: Tensor) -> Tensor:
        smooth = torch.nn.functional.avg_pool2d(
            torch.nn.functional.pad(_power(spectra[-2:]), (0, 0, 1, 1), mode="replicate"),
            3,
            stride=1,
        )  # [2, F, K]
        heard, made = smooth[0], smooth[1]
        ratio = (made + NOTHING) / (heard + NOTHING)
        return ratio.clamp(lowest, highest).pow(strength / 2)

    return rule


class BandGains:
    """Decibels per band on a regular grid of columns -> gains per bin of another transform.

    Args:
        band_centres_hz: see `grid.ColumnGrid`, as are the next three.
        columns_per_s: columns of the band grid per second.
        sample_rate: Hz of the sound that the gains are for.
        n_fft: transform length of `gain_stream` at that rate.
        strength: see `ratio_rule`.
    """

    def __init__(
        self,
        band_centres_hz: NDArray[np.float64],
        columns_per_s: float,
        sample_rate: int,
        n_fft: int,
        strength: float,
    ) -> None:
        self._grid = ColumnGrid(band_centres_hz, columns_per_s, sample_rate, n_fft)
        self._strength = strength

    def feed(self, decibel: NDArray[np.float32]) -> None:
        """Append columns [B, n]."""
        self._grid.feed(decibel)

    @property
    def fed_columns(self) -> int:
        """Columns fed so far."""
        return self._grid.fed_columns

    def rule(self, first: int, spectra: Tensor) -> Tensor:
        """`GainRule`: gains [F, K] for the columns from `first` on."""
        decibel = self._grid.read(first, spectra.shape[-1] - 2)
        return torch.pow(10.0, decibel * (self._strength / 20.0))
