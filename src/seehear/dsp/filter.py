"""Linear-phase low-pass for band matching: sounds of one scene get one bandwidth.

Recordings of different origin differ in bandwidth (speech at 16 kHz, effects at 22 or 48 kHz),
which would tell a network what it hears without listening.
"""

from __future__ import annotations

import math

import torch
from scipy.fft import next_fast_len
from torch import Tensor


def low_pass(
    waveform: Tensor, sample_rate: int, cutoff_hz: float, transition: float = 0.2
) -> Tensor:
    """Take away what lies above a frequency, softly and without delay.

    The amplitude response is a raised cosine: 1 below `cutoff_hz * (1 - transition / 2)`, 1/2 at
    the cutoff, 0 above `cutoff_hz * (1 + transition / 2)`. The filter is applied in the frequency
    domain over the whole sound, zero-padded by 16 / (transition * cutoff) seconds so that the end
    does not ring into the beginning.

    Args:
        waveform: float [..., T].
        sample_rate: Hz.
        cutoff_hz: frequency of half amplitude (-6 dB).
        transition: width of the slope as a fraction of the cutoff, 0 to 2.

    Returns:
        Same shape; unchanged if the slope begins above half the sample rate.
    """
    begin = cutoff_hz * (1 - transition / 2)
    if begin >= sample_rate / 2:
        return waveform
    num_samples = waveform.shape[-1]
    guard = math.ceil(16 * sample_rate / (transition * cutoff_hz))
    length = int(next_fast_len(num_samples + guard, real=True))
    hz = torch.fft.rfftfreq(length, 1 / sample_rate, device=waveform.device)
    slope = ((hz - begin) / (transition * cutoff_hz)).clamp(0, 1)
    response = (0.5 + 0.5 * torch.cos(math.pi * slope)).to(waveform.dtype)
    spectrum = torch.fft.rfft(waveform, length) * response  # [..., T] -> [..., F]
    filtered: Tensor = torch.fft.irfft(spectrum, length)
    return filtered[..., :num_samples]
