"""Levels: decibels, peak, RMS, loudness, the peak ceiling, and a stated compressor.

Levels in dB are amplitude decibels relative to 1.0 (dBFS); loudness is LUFS after ITU-R BS.1770.
Silence has the level -inf. Torch tensors in, except where a scalar is enough.
"""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import torch
from scipy.signal import lfilter
from torch import Tensor

from seehear.errors import InputError

CEILING_DB = -0.5
"""Peak ceiling of remixed sound, dBFS (0.94406 of full scale)."""
LOUDNESS_BLOCK_S = 0.4


def db_to_gain(db: float) -> float:
    """Amplitude factor of a level change in dB; -inf gives 0.

    >>> round(db_to_gain(6.0), 4)
    1.9953
    """
    return float(10.0 ** (db / 20.0))


def gain_to_db(gain: float) -> float:
    """Level change in dB of an amplitude factor >= 0; 0 gives -inf.

    >>> round(gain_to_db(0.5), 2)
    -6.02
    """
    return 20.0 * math.log10(gain) if gain > 0 else -math.inf


def peak(waveform: Tensor) -> float:
    """Largest absolute sample over everything (0 for no samples)."""
    return float(waveform.abs().max()) if waveform.numel() else 0.0


def rms(waveform: Tensor) -> float:
    """Root mean square over everything, computed in float64."""
    return float(waveform.double().square().mean().sqrt())


def integrated_loudness(waveform: Tensor, sample_rate: int) -> float:
    """Gated loudness after ITU-R BS.1770 in LUFS.

    Args:
        waveform: float [T] or [C, T] with C = 1, 2, 3 (3.0), 5 (5.0) or 6 (5.1, LFE left out as
            the standard says); channels in the order L R C [LFE] Ls Rs.
        sample_rate: Hz.

    Returns:
        LUFS; -inf for silence, also when every block is under the absolute gate of -70 LUFS.
        Sound shorter than the 0.4 s block is measured in one block of its own length.

    Raises:
        InputError: a channel count whose weights the standard does not settle.

    >>> integrated_loudness(torch.zeros(44100), 44100)
    -inf
    """
    samples = waveform.detach().cpu().double().reshape(-1, waveform.shape[-1]).numpy()
    if samples.shape[0] == 6:
        samples = np.delete(samples, 3, axis=0)
    if samples.shape[0] not in (1, 2, 3, 5):
        raise InputError(
            f"loudness is defined for 1, 2, 3, 5 or 6 channels, not {samples.shape[0]}; "
            f"measure a downmix"
        )
    own_block = samples.shape[1] / sample_rate
    if own_block * sample_rate > samples.shape[1]:
        own_block = math.nextafter(own_block, 0.0)
    meter = pyloudnorm.Meter(sample_rate, block_size=min(LOUDNESS_BLOCK_S, own_block))
    return float(meter.integrated_loudness(samples.T))


def loudness_gain(waveform: Tensor, sample_rate: int, loudness_lufs: float) -> float:
    """Factor that brings sound to an integrated loudness; 1 if either side is silent.

    Args:
        waveform: float [T] or [C, T].
        sample_rate: Hz.
        loudness_lufs: wanted loudness.
    """
    current = integrated_loudness(waveform, sample_rate)
    if not (math.isfinite(current) and math.isfinite(loudness_lufs)):
        return 1.0
    return db_to_gain(loudness_lufs - current)


def ceiling_gain(highest: float, ceiling_db: float = CEILING_DB) -> float:
    """Factor (at most 1) that brings a peak down to the ceiling.

    >>> ceiling_gain(0.5)
    1.0
    >>> round(ceiling_gain(2.0), 5)
    0.47203
    """
    ceiling = db_to_gain(ceiling_db)
    return ceiling / highest if highest > ceiling else 1.0


def compress(
    waveform: Tensor,
    sample_rate: int,
    threshold_db: float = -24.0,
    ratio: float = 4.0,
    attack_s: float = 0.005,
    release_s: float = 0.1,
) -> Tensor:
    """Feed-forward compressor without make-up gain: the stated baseline of `evaluate highlight`.

    Sample by sample, with L[n] the level of the loudest channel in dBFS:

        c[n] = max(L[n] - threshold, 0) * (1 - 1 / ratio)            hard knee, reduction in dB
        h[n] = max(c[n], r * h[n-1]),   r = exp(-1 / (release * rate))
        g[n] = a * g[n-1] + (1 - a) * h[n],   a = exp(-1 / (attack * rate))
        y[n] = x[n] * 10 ** (-g[n] / 20)

    with h and g starting from 0 and one gain for all channels. The peak hold h needs no loop:
    h[n] = max over k <= n of c[k] * r ** (n - k), which is a running maximum of ln c[k] - k ln r.

    Args:
        waveform: float [T] or [C, T].
        sample_rate: Hz.
        threshold_db: level where reduction begins, dBFS.
        ratio: dB in per dB out above the threshold, >= 1.
        attack_s: time constant with which reduction sets in, seconds.
        release_s: time constant with which reduction (in dB) fades, seconds.

    Returns:
        Same shape.

    Source: the decoupled peak detector in the log domain of Giannoulis, Massberg and Reiss,
        "Digital Dynamic Range Compressor Design", JAES 60 (2012), eq. 16 and fig. 7c.
    """
    samples = waveform.detach().cpu().double().reshape(-1, waveform.shape[-1]).numpy()
    with np.errstate(divide="ignore"):  # ln 0 = -inf is the right value for silence
        level_db = 20 * np.log10(np.abs(samples).max(axis=0))  # [C, T] -> [T]
        log_reduction = np.log(np.maximum(level_db - threshold_db, 0) * (1 - 1 / ratio))
    decay = np.arange(samples.shape[1]) / (release_s * sample_rate)
    held = np.exp(np.maximum.accumulate(log_reduction + decay) - decay)
    a = math.exp(-1 / (attack_s * sample_rate))
    reduction_db = lfilter([1 - a], [1, -a], held)
    gain = torch.from_numpy(10 ** (-reduction_db / 20)).to(waveform)
    return waveform * gain
