"""When things sound: onsets of a waveform, and how far those of two sounds lie apart.

Strength: mel magnitudes (40 bands from 30 Hz, windows of 32 ms) relative to the loudest value of the
sound, floored 60 dB below it, in log10; half-wave rectified rise over 20 ms, averaged over bands. A
value of 0.1 is a rise of 2 dB in every band. It does not depend on the level.

Onset: a local maximum of the strength within +-30 ms that exceeds the mean of the strength within
+-150 ms by `THRESHOLD`; moved back to the preceding local minimum, at most 50 ms, where the rise begins.
Onsets less than 60 ms apart count as one.

Distance: onsets of the estimate are assigned to those of the reference one to one so that the sum of
distances, each capped at 500 ms, is smallest; neither order nor surplus onsets change a distance. A
reference onset without a partner counts as 500 ms. `onset_f1` also punishes surplus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from seehear.dsp.mel import MelConfig, mel_magnitude
from seehear.errors import InputError

HOP_S = 0.01
WINDOW_S, NUM_BANDS, LOWEST_HZ = 0.032, 40, 30.0
RISE_S, RANGE = 0.02, 1e-3
PEAK_S, MEAN_S, BACK_S, APART_S = 0.03, 0.15, 0.05, 0.06
THRESHOLD = 0.07
CAP_MS = 500.0
WITHIN_MS = 50.0

Floats = NDArray[np.float64]


class OnsetError(NamedTuple):
    """How far the onsets of an estimate lie from those of the reference.

    Args:
        median_ms: median distance over the reference's onsets; NaN where it has none.
        within: share of the reference's onsets matched within 50 ms; NaN where it has none.
    """

    median_ms: float
    within: float


def onset_strength(waveform: Tensor, sample_rate: int, hop_s: float = HOP_S) -> Tensor:
    """How much begins, in every column; see the module.

    Args:
        waveform: float [..., T].
        sample_rate: Hz.
        hop_s: seconds between columns.

    Returns:
        float32 [..., T // hop]; column i is centred on (i + 1/2) hop_s.

    Raises:
        InputError: shorter than one window.
    """
    hop = max(round(hop_s * sample_rate), 1)
    n_fft = 2 ** round(np.log2(WINDOW_S * sample_rate))
    n_fft = max(n_fft, 2 ** int(np.ceil(np.log2(hop))))
    config = MelConfig(sample_rate, n_fft, hop, n_fft, NUM_BANDS, LOWEST_HZ, 0.0)
    if waveform.shape[-1] < n_fft:
        raise InputError(
            f"onsets need {n_fft} samples or more, not {waveform.shape[-1]}; take a longer clip"
        )
    mel = mel_magnitude(waveform.float(), config)
    loudest = mel.amax(dim=(-2, -1), keepdim=True).clamp_min(1e-4)
    level = (mel / loudest).clamp_min(RANGE).log10()
    lag = max(round(RISE_S / hop_s), 1)
    rise = (level[..., lag:] - level[..., :-lag]).clamp_min(0).mean(-2)
    return functional.pad(rise, (lag, 0))


def onset_times(waveform: Tensor, sample_rate: int, hop_s: float = HOP_S) -> list[Floats]:
    """Onsets of every waveform of a batch; see the module.

    Args:
        waveform: float [B, T] or [T].
        sample_rate: Hz.
        hop_s: seconds between columns of the strength.

    Returns:
        Per waveform, increasing times in seconds.

    Raises:
        InputError: shorter than one window.
    """
    batch = waveform.reshape(-1, waveform.shape[-1])
    strength = onset_strength(batch, sample_rate, hop_s)
    peaks = _peaks(strength, hop_s).numpy()
    start = _rise_begins(strength, hop_s).numpy()
    # The rise begins where the window's end, not its middle, meets the sound.
    ahead = WINDOW_S / 2
    found = []
    for row, columns in zip(start, peaks, strict=True):
        times = np.unique((row[np.flatnonzero(columns)] + 0.5) * hop_s + ahead)
        keep: list[float] = []
        for moment in times:
            if not keep or moment - keep[-1] >= APART_S:
                keep.append(float(moment))
        found.append(np.asarray(keep, dtype=np.float64))
    return found


def onset_distances(reference_times: Sequence[float], estimate_times: Sequence[float]) -> Floats:
    """Distance of each onset of the reference to its partner in the estimate, ms, capped.

    Args:
        reference_times: seconds, in any order.
        estimate_times: seconds, in any order.

    Returns:
        One distance per onset of the reference, in increasing order of distance.
    """
    reference = np.asarray(reference_times, dtype=np.float64).reshape(-1)
    estimate = np.asarray(estimate_times, dtype=np.float64).reshape(-1)
    apart = np.full(len(reference), CAP_MS)
    if len(reference) and len(estimate):
        table = np.minimum(1000 * np.abs(reference[:, None] - estimate[None]), CAP_MS)
        rows, columns = linear_sum_assignment(table)
        apart[rows] = table[rows, columns]
    return np.sort(apart)


def onset_error(reference_times: Sequence[float], estimate_times: Sequence[float]) -> OnsetError:
    """Median distance and share within 50 ms, over the onsets of the reference; see the module.

    >>> onset_error([0.5, 1.0, 2.0], [2.02, 0.5, 1.01])
    OnsetError(median_ms=10.0, within=1.0)
    """
    apart = onset_distances(reference_times, estimate_times)
    if not len(apart):
        return OnsetError(float("nan"), float("nan"))
    return OnsetError(round(float(np.median(apart)), 6), float(np.mean(apart <= WITHIN_MS + 1e-6)))


def onset_f1(reference_times: Sequence[float], estimate_times: Sequence[float]) -> float:
    """F-measure of onsets matched within 50 ms; 1 where both have none."""
    total = len(reference_times) + len(estimate_times)
    if total == 0:
        return 1.0
    hits = int((onset_distances(reference_times, estimate_times) <= WITHIN_MS + 1e-6).sum())
    return 2 * hits / total


def _peaks(strength: Tensor, hop_s: float) -> Tensor:
    """Whether a column is an onset's peak, bool like `strength` [B, N]."""
    near, wide = max(round(PEAK_S / hop_s), 1), max(round(MEAN_S / hop_s), 1)
    rows = strength[:, None]
    highest = functional.max_pool1d(rows, 2 * near + 1, 1, near)[:, 0]
    mean = functional.avg_pool1d(rows, 2 * wide + 1, 1, wide, count_include_pad=False)[:, 0]
    return (strength >= highest) & (strength > mean + THRESHOLD)


def _rise_begins(strength: Tensor, hop_s: float) -> Tensor:
    """Per column the preceding local minimum of the strength, at most `BACK_S` before, [B, N]."""
    index = torch.arange(strength.shape[-1]).expand_as(strength)
    place = index.clone()
    for _ in range(max(round(BACK_S / hop_s), 1)):
        before = (place - 1).clamp_min(0)
        falls = strength.gather(1, before) < strength.gather(1, place)
        place = torch.where(falls, before, place)
    return place
