"""Loudness and true peak of sounds of any length, block by block.

Loudness is ITU-R BS.1770's (K weighting, blocks of 0.4 s every 0.1 s, both gates), with the filters of
`pyloudnorm`, so that `dsp.level.integrated_loudness` gives the same of a sound in memory. The true peak is the
largest sample of the sound at four times its rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyloudnorm
from numpy.typing import NDArray
from scipy.signal import lfilter

from seehear.dsp.resample import ResampleStream

Block = NDArray[np.float32]

STEP_S = 0.1
STEPS_PER_BLOCK = 4
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
OFFSET_LUFS = -0.691
OVERSAMPLING = 4
SURROUND = 1.41


def channel_weights(channel_names: Sequence[str]) -> list[float]:
    """BS.1770's weights by FFmpeg's channel names: LFE 0, side and back surrounds 1.41, others 1.

    >>> channel_weights(["FL", "FR", "FC", "LFE", "BL", "BR"])
    [1.0, 1.0, 1.0, 0.0, 1.41, 1.41]
    """
    weights = []
    for name in channel_names:
        upper = name.upper()
        behind = upper in ("BL", "BR", "SL", "SR")
        weights.append(0.0 if upper.startswith("LFE") else SURROUND if behind else 1.0)
    return weights


class LoudnessMeter:
    """Integrated loudness of blocks that follow each other.

    Args:
        sample_rate: Hz.
        weights: of the channels, see `channel_weights`.
    """

    def __init__(self, sample_rate: int, weights: Sequence[float] = (1.0,)) -> None:
        self._weights = np.asarray(weights, np.float64)[:, None]
        self._step = max(round(STEP_S * sample_rate), 1)
        # The library keeps its filters to itself; there is no public way to their numbers.
        filters = pyloudnorm.Meter(sample_rate)._filters.values()
        self._filters = [(np.asarray(f.b), np.asarray(f.a)) for f in filters]
        count = len(self._weights)
        self._states = [np.zeros((count, len(a) - 1)) for _, a in self._filters]
        self._held = np.zeros((count, 0))
        self._powers: list[float] = []

    def push(self, block: Block) -> None:
        """Take samples [C, n]."""
        weighted = block.astype(np.float64)
        for index, (b, a) in enumerate(self._filters):
            weighted, self._states[index] = lfilter(b, a, weighted, zi=self._states[index])
        joined = np.concatenate([self._held, weighted], axis=1)
        count = joined.shape[1] // self._step
        whole = joined[:, : count * self._step]
        power = (whole.reshape(len(whole), count, self._step) ** 2).mean(axis=2)
        self._powers += (power * self._weights).sum(axis=0).tolist()
        self._held = joined[:, count * self._step :]

    def loudness(self) -> float:
        """LUFS of everything so far; -inf for silence and for no sound.

        Sound shorter than a block is measured as one block of its own length.
        """
        steps = np.asarray(self._powers)
        if len(steps) < STEPS_PER_BLOCK:
            return self._short(steps)
        blocks = np.convolve(steps, np.full(STEPS_PER_BLOCK, 1 / STEPS_PER_BLOCK), "valid")
        heard = blocks[_lufs(blocks) >= ABSOLUTE_GATE_LUFS]
        if not len(heard):
            return -math.inf
        gate = float(_lufs(heard.mean())) + RELATIVE_GATE_LU
        return float(_lufs(heard[_lufs(heard) > gate].mean()))

    def _short(self, steps: NDArray[np.float64]) -> float:
        rest = self._held.shape[1]
        total = len(steps) * self._step + rest
        if not total:
            return -math.inf
        power = steps.sum() * self._step
        power += float(((self._held**2).sum(axis=1, keepdims=True) * self._weights).sum())
        level = float(_lufs(power / total))
        return level if level >= ABSOLUTE_GATE_LUFS else -math.inf


class TruePeakMeter:
    """Largest absolute value between and at the samples.

    Args:
        sample_rate: Hz.
        num_channels: of every block.
    """

    def __init__(self, sample_rate: int, num_channels: int = 1) -> None:
        self._resampler = ResampleStream(sample_rate, OVERSAMPLING * sample_rate, num_channels)
        self._highest = 0.0

    def push(self, block: Block) -> None:
        """Take samples [C, n]."""
        self._take(block)
        self._take(self._resampler.push(block))

    def finish(self) -> float:
        """Amplitude, 1 = full scale."""
        self._take(self._resampler.finish())
        return self._highest

    def _take(self, block: Block) -> None:
        if block.size:
            self._highest = max(self._highest, float(np.abs(block).max()))


def _lufs(power: NDArray[np.float64] | np.float64 | float) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):  # the level of silence is -inf
        return np.asarray(OFFSET_LUFS + 10 * np.log10(power))
