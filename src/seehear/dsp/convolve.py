"""Convolution of whole sounds with impulse responses, by FFT."""

from __future__ import annotations

import torch
from scipy.fft import next_fast_len
from torch import Tensor


def convolve(waveform: Tensor, response: Tensor) -> Tensor:
    """Convolve along the last axis; other axes broadcast.

    Args:
        waveform: float [..., T].
        response: float [..., taps].

    Returns:
        float [..., T + taps - 1]; the first T samples are what a filter has given when the sound ends.

    >>> convolve(torch.tensor([1.0, 0.0, 2.0]), torch.tensor([1.0, -1.0])).round().tolist()
    [1.0, -1.0, 2.0, -2.0]
    """
    total = waveform.shape[-1] + response.shape[-1] - 1
    length = int(next_fast_len(total, real=True))
    spectrum = torch.fft.rfft(waveform, length) * torch.fft.rfft(response, length)
    made: Tensor = torch.fft.irfft(spectrum, length)
    return made[..., :total]
