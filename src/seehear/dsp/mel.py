"""Mel spectrograms: one home for every front end that hears in mel bands.

Slaney's scale (linear below 1 kHz, logarithmic above) with triangles of unit area; frames are not
centred: the sound is mirrored by (n_fft - hop_length) / 2 at both ends, so that T samples give exactly
T // hop_length columns. Source: the front ends of BigVGAN and Make-An-Audio (VisualAudio's relatives).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seehear.dsp.stft import stft
from seehear.errors import InputError

LINEAR_HZ = 200.0 / 3
"""Hz per mel below the break."""
BREAK_HZ = 1000.0
LOG_STEP = math.log(6.4) / 27
"""Natural logarithm of the ratio of neighbouring mels above the break."""


@dataclass(frozen=True)
class MelConfig:
    """A mel front end.

    Args:
        sample_rate: Hz.
        n_fft: transform length, samples.
        hop_length: samples between columns.
        win_length: Hann window, samples.
        num_mels: bands.
        lowest_hz: where the lowest triangle begins.
        highest_hz: where the highest one ends; 0 = half the sample rate.
        log: `ln` or `log10` of the magnitude.
        floor: magnitudes below count as this.
    """

    sample_rate: int = 16000
    n_fft: int = 1024
    hop_length: int = 320
    win_length: int = 1024
    num_mels: int = 80
    lowest_hz: float = 0.0
    highest_hz: float = 8000.0
    log: Literal["ln", "log10"] = "log10"
    floor: float = 1e-5


def hz_to_mel(hz: Tensor) -> Tensor:
    """Frequency on Slaney's scale; 1000 Hz are 15 mel."""
    above = BREAK_HZ / LINEAR_HZ + torch.log(hz.clamp_min(1e-9) / BREAK_HZ) / LOG_STEP
    return torch.where(hz < BREAK_HZ, hz / LINEAR_HZ, above)


def mel_to_hz(mel: Tensor) -> Tensor:
    """Inverse of `hz_to_mel`."""
    start = BREAK_HZ / LINEAR_HZ
    return torch.where(mel < start, mel * LINEAR_HZ, BREAK_HZ * torch.exp((mel - start) * LOG_STEP))


@lru_cache(maxsize=16)
def mel_filterbank(
    sample_rate: int, n_fft: int, num_mels: int, lowest_hz: float, highest_hz: float
) -> Tensor:
    """Triangles of unit area on the mel scale, float32 [num_mels, n_fft / 2 + 1].

    Args:
        sample_rate: Hz.
        n_fft: transform length, samples.
        num_mels: bands.
        lowest_hz: where the lowest triangle begins.
        highest_hz: where the highest one ends; 0 = half the sample rate.
    """
    highest_hz = highest_hz or sample_rate / 2
    ends = hz_to_mel(torch.tensor([lowest_hz, highest_hz], dtype=torch.float64))
    corners = mel_to_hz(ends[0] + (ends[1] - ends[0]) * torch.arange(num_mels + 2) / (num_mels + 1))
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
    triangles = torch.minimum(rising, falling).clamp_min(0) * (2.0 / (high - low))
    return triangles.float()


def mel_magnitude(waveform: Tensor, config: MelConfig) -> Tensor:
    """Magnitudes in mel bands.

    Args:
        waveform: float [..., T], T > (n_fft - hop_length) / 2.
        config: front end.

    Returns:
        [..., num_mels, T // hop_length].

    Raises:
        InputError: the sound is too short to be mirrored.
    """
    pad = (config.n_fft - config.hop_length) // 2
    if waveform.shape[-1] <= pad:
        raise InputError(
            f"a mel spectrogram needs more than {pad} samples, not {waveform.shape[-1]}"
        )
    flat = waveform.reshape(-1, 1, waveform.shape[-1])
    padded = functional.pad(flat, (pad, pad), mode="reflect")[:, 0]
    spectrum = stft(padded, config.n_fft, config.hop_length, config.win_length, center=False)
    magnitude = (torch.view_as_real(spectrum).square().sum(-1) + 1e-9).sqrt()
    bank = mel_filterbank(
        config.sample_rate, config.n_fft, config.num_mels, config.lowest_hz, config.highest_hz
    )
    mel = bank.to(magnitude) @ magnitude
    return mel.reshape(*waveform.shape[:-1], *mel.shape[-2:])


def log_mel(waveform: Tensor, config: MelConfig) -> Tensor:
    """Logarithm of `mel_magnitude`, floored."""
    mel = mel_magnitude(waveform, config).clamp_min(config.floor)
    return mel.log() if config.log == "ln" else mel.log10()
