"""Signs of speech or music in a sound, without a detector.

Two measures that speech and music drive up and most other sounds do not. They are proxies: barking has
syllables and a whistling kettle has pitch. They are meant for comparing sets of sounds of the same clips.

- `syllabic`: share of the modulation of the envelope (300-3400 Hz) between 0.5 and 32 Hz that lies between
  3 and 8 Hz, where syllables do, times the share of the sound's energy in that band.
- `pitched`: share of 40 ms frames, 10 ms apart, that have a pitch (normalised autocorrelation above 0.7
  at 70-1000 Hz) that stays within half a semitone for three frames and are not 40 dB below the loudest.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seehear.dsp.stft import hann, stft

BAND_HZ = (300.0, 3400.0)
SYLLABLES_HZ, MODULATION_HZ = (3.0, 8.0), (0.5, 32.0)
FRAME_S, HOP_S = 0.04, 0.01
PITCH_HZ = (70.0, 1000.0)
PERIODIC, STEADY, RANGE_DB = 0.7, 2 ** (1 / 24), 40.0


class Unwanted(NamedTuple):
    """Both measures, 0..1."""

    syllabic: float
    pitched: float


def unwanted(waveform: Tensor, sample_rate: int) -> Unwanted:
    """Measure a sound.

    Args:
        waveform: float [T], a second or more.
        sample_rate: Hz.
    """
    return Unwanted(syllabic_share(waveform, sample_rate), pitched_share(waveform, sample_rate))


def syllabic_share(waveform: Tensor, sample_rate: int) -> float:
    """See the module; 0 for silence."""
    hop = round(HOP_S * sample_rate)
    n_fft = 4 * hop
    power = stft(waveform, n_fft, hop, pad_mode="constant").abs().square()  # [F, N]
    hz = torch.arange(power.shape[0]) * sample_rate / n_fft
    inside = (hz >= BAND_HZ[0]) & (hz <= BAND_HZ[1])
    total = float(power.sum())
    if total < 1e-12:
        return 0.0
    envelope = power[inside].sum(0).sqrt()
    envelope = (envelope - envelope.mean()) * hann(len(envelope))
    spectrum = torch.fft.rfft(envelope, 4 * len(envelope)).abs().square()
    rate = torch.arange(len(spectrum)) / (4 * len(envelope) * HOP_S)
    every = spectrum[(rate >= MODULATION_HZ[0]) & (rate <= MODULATION_HZ[1])].sum()
    syllables = spectrum[(rate >= SYLLABLES_HZ[0]) & (rate <= SYLLABLES_HZ[1])].sum()
    if float(every) < 1e-12:
        return 0.0
    return float(syllables / every) * float(power[inside].sum()) / total


def pitched_share(waveform: Tensor, sample_rate: int) -> float:
    """See the module; 0 for silence."""
    size, hop = round(FRAME_S * sample_rate), round(HOP_S * sample_rate)
    frames = waveform.float().unfold(0, size, hop)  # [N, size]
    frames = (frames - frames.mean(1, keepdim=True)) * hann(size)
    energy = frames.square().sum(1)
    loud = energy > energy.max() * 10 ** (-RANGE_DB / 10)
    spectrum = torch.fft.rfft(frames, 2 * size).abs().square()
    likeness = torch.fft.irfft(spectrum)[:, :size]
    window = torch.fft.irfft(torch.fft.rfft(hann(size), 2 * size).abs().square())[:size]
    # Both are divided by their value at 0, so that a window's own decay is made up for.
    likeness = likeness / likeness[:, :1].clamp_min(1e-12) / (window / window[0]).clamp_min(1e-3)
    shortest = int(sample_rate / PITCH_HZ[1])
    longest = min(int(sample_rate / PITCH_HZ[0]), size // 2 + size // 4)
    part = likeness[:, shortest : longest + 1]
    peak = functional.max_pool1d(part[:, None], 3, 1, 1)[:, 0]
    # The first lag that is nearly as good as the best one: multiples of a period fit as well.
    best = part.amax(1, keepdim=True)
    good = (part >= peak) & (part >= 0.9 * best)
    period = (good.float().argmax(1) + shortest).float()
    voiced = (best[:, 0] > PERIODIC) & loud
    ratio = period[1:] / period[:-1]
    steady = (ratio < STEADY) & (ratio > 1 / STEADY) & voiced[1:] & voiced[:-1]
    three = steady[1:] & steady[:-1]
    if not bool(loud.any()):
        return 0.0
    return float(three.float().sum()) / max(len(frames) - 2, 1)
