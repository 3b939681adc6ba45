"""Statistics of a sound that tell its class: bands, how they spread and move, rhythm; level-free.

64 log-mel bands up to the common low-pass, relative to the loudest 1 %; per band mean, deviation, three
quantiles and mean absolute change over 20 and 160 ms; and for eight groups of bands the spectrum of the
envelope in six octaves from 0.5 to 32 Hz.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from seehear.dsp.mel import MelConfig, log_mel

SAMPLE_RATE = 16000
NUM_BANDS, GROUPS = 64, 8
RANGE_LOG = 4.0
"""Bands are floored this many powers of ten (of the magnitude) under the loudest."""
LEVEL = 0.1
QUANTILES = (0.1, 0.5, 0.9)
LAGS = (1, 8)
OCTAVES = tuple(0.5 * 2**k for k in range(7))  # 0.5 .. 32
"""Limits of bands of modulation, Hz."""


def front_end(band_hz: float) -> MelConfig:
    """Mel bands up to the low-pass that all sounds share."""
    highest = min(band_hz or 8000.0, 8000.0)
    return MelConfig(SAMPLE_RATE, 1024, 320, 1024, NUM_BANDS, 40.0, highest)


def sound_features(waveforms: Tensor, band_hz: float) -> Tensor:
    """Statistics of sounds of one length.

    Args:
        waveforms: float [B, T] at 16 kHz, a second or more.
        band_hz: common low-pass, 0 for none.

    Returns:
        float32 [B, F].
    """
    loud = waveforms.square().mean(1, keepdim=True).sqrt().clamp_min(1e-8)
    mel = log_mel(LEVEL * waveforms / loud, front_end(band_hz))  # [B, M, N]
    top = torch.quantile(mel.flatten(1), 0.99, dim=1)[:, None, None]
    mel = (mel - top).clamp_min(-RANGE_LOG) / RANGE_LOG
    parts = [mel.mean(2), mel.std(2)]
    parts += [torch.quantile(mel, q, dim=2) for q in QUANTILES]
    parts += [(mel[..., lag:] - mel[..., :-lag]).abs().mean(2) for lag in LAGS]
    return torch.cat([*parts, _rhythm(mel)], dim=1).float()


def _rhythm(mel: Tensor) -> Tensor:
    """Log energy of each group's envelope in bands of modulation, [B, GROUPS * (OCTAVES - 1)]."""
    groups = mel.unflatten(1, (GROUPS, -1)).mean(2)  # type: ignore[no-untyped-call]
    groups = groups - groups.mean(2, keepdim=True)
    power = torch.fft.rfft(groups, dim=2).abs().square() / groups.shape[2]
    hz = torch.arange(power.shape[2]) * (50.0 / groups.shape[2])
    found = []
    for low, high in pairwise(OCTAVES):
        inside = (hz >= low) & (hz < high)
        energy = power[..., inside].sum(2) / max(int(inside.sum()), 1)
        found.append((energy + 1e-6).log() / math.log(10))
    return torch.stack(found, dim=2).flatten(1)
