"""Sound -> the picture that DAVIS sees, and back with the mixture's phase.

    waveform -> STFT magnitude -> log-frequency rows -> compressed to 0..1

The mixture of a training pair is the mean of its sources, while the targets are the magnitudes of the
sources undivided, so a target may be N times as loud as the same sound in the mixture. Phase is not
generated: with true magnitudes and the mixture's phase about 13 dB SDR are reached, 12 through the warp.

Source: public code of DAVIS. Letters: B batch, L samples, F bins, T columns.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seehear.dsp.logfreq import compress, expand, unwarp, warp
from seehear.dsp.stft import istft, stft
from seehear.errors import InputError
from seehear.models.davis.config import DavisConfig

FLOOR = 1e-10
"""Added to the magnitude of a mixture, as published."""


class Picture(NamedTuple):
    """What the network sees, and what is needed to come back.

    Args:
        compressed: [B, 1, rows, columns] in 0..1.
        spectrum: complex [B, F, T].
    """

    compressed: Tensor
    spectrum: Tensor


def spectrum_of(waveform: Tensor, config: DavisConfig) -> Tensor:
    """Transform with zeros beyond the ends: [..., L] -> complex [..., F, 1 + L // hop]."""
    padded = functional.pad(waveform, (config.n_fft // 2, config.n_fft // 2))
    return stft(padded, config.n_fft, config.hop_length, center=False)


def picture_of(waveform: Tensor, config: DavisConfig) -> Picture:
    """The picture of mixtures.

    Args:
        waveform: [B, L] at `config.sample_rate`.
        config: sizes.

    Raises:
        InputError: not a batch of mono sounds.
    """
    if waveform.ndim != 2 or waveform.shape[1] == 0:
        raise InputError(f"a picture is made of mono sounds [B, L], not {tuple(waveform.shape)}")
    spectrum = spectrum_of(waveform, config)
    return Picture(compress_magnitude(spectrum.abs() + FLOOR, config)[:, None], spectrum)


def compress_magnitude(magnitude: Tensor, config: DavisConfig) -> Tensor:
    """[..., F, T] -> [..., rows, columns] in 0..1."""
    return compress(warp(magnitude, config.rows, config.columns), config.sigma)


def expand_magnitude(compressed: Tensor, config: DavisConfig, columns: int) -> Tensor:
    """[..., rows, columns] -> magnitude [..., F, columns of the transform]."""
    return unwarp(expand(compressed, config.sigma), config.bins, columns)


def resynthesise(magnitude: Tensor, spectrum: Tensor, config: DavisConfig) -> Tensor:
    """Magnitudes with the phase of a mixture -> sound.

    Args:
        magnitude: [..., F, T].
        spectrum: complex [..., F, T] of the mixture.
        config: sizes.

    Returns:
        [..., hop * (T - 1)], clipped to -1..1 as published.
    """
    # The angle, not the quotient: where a bin is exactly zero it is 0, as in the public code.
    made = torch.polar(magnitude, spectrum.angle())
    return istft(made, config.n_fft, config.hop_length).clamp(-1.0, 1.0)
