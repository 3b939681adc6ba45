"""From waveforms to the spectra that the networks see, and back.

A spectrum is a real tensor [..., 2, F, N], real part first. Masks have one bin less than spectra: the
highest one (half the sample rate) stays zero, and is put back before the inverse transform.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from seehear.dsp.stft import istft, stft
from seehear.models.pseudobinaural.config import Mono2BinauralConfig


def to_spectrum(waveform: Tensor, config: Mono2BinauralConfig) -> Tensor:
    """Transform.

    Args:
        waveform: float [..., T], more than n_fft / 2 samples.

    Returns:
        float [..., 2, F, N].
    """
    made = stft(
        waveform, config.n_fft, config.hop_length, config.win_length, pad_mode=config.padding
    )
    return torch.view_as_real(made).movedim(-1, -3)


def to_waveform(spectrum: Tensor, config: Mono2BinauralConfig, length: int) -> Tensor:
    """Inverse transform.

    Args:
        spectrum: float [..., 2, F, N].
        length: samples to return.

    Returns:
        float [..., length].

    Deviation: with `config.short_inverse` the highest bin is cut off and the rest inverted as a transform
        of two points less, as the public code does: at best 15.5 dB (white noise) of the sound come back.
    """
    n_fft = config.n_fft
    if config.short_inverse:
        spectrum, n_fft = spectrum[..., :-1, :], n_fft - 2
    made = torch.view_as_complex(spectrum.float().movedim(-3, -1).contiguous())
    return istft(made, n_fft, config.hop_length, config.win_length, length)


def apply_mask(mask: Tensor, spectrum: Tensor) -> Tensor:
    """Complex product; the highest bin comes out as zero.

    Args:
        mask: float [..., 2, F - 1, N].
        spectrum: float [..., 2, F, N].

    Returns:
        float [..., 2, F, N].
    """
    real, imaginary = spectrum[..., :-1, :].unbind(-3)
    by_real, by_imaginary = mask.unbind(-3)
    made = torch.stack(
        [
            real * by_real - imaginary * by_imaginary,
            real * by_imaginary + imaginary * by_real,
        ],
        dim=-3,
    )
    return functional.pad(made, (0, 0, 0, 1))
