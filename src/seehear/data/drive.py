"""What drives a drawn motion: envelope and onsets of a sound, read at the times of frames, without lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.metrics.onsets import onset_times

Floats = NDArray[np.float64]

BLOCK_S = 0.01
FLOOR = 0.03
"""Of the envelope, relative to its maximum; below is silence."""


@dataclass(frozen=True)
class Drive:
    """Envelope and onsets of a sound.

    Args:
        level: square root of the RMS of blocks of 10 ms, 0..1 of the loudest, [N].
        onsets: seconds, increasing.
        strengths: of the onsets, 0.3..1: how loud the next 80 ms are.
    """

    level: Floats
    onsets: Floats
    strengths: Floats

    def envelope(self, times: Floats) -> Floats:
        """Level at the times of frames: the highest within 20 ms."""
        place = np.round(np.asarray(times) / BLOCK_S - 0.5).astype(int)[:, None]
        near = np.clip(place + np.arange(-2, 3), 0, len(self.level) - 1)
        return np.asarray(self.level[near].max(axis=1))

    def pulse(self, times: Floats, decay_s: float) -> Floats:
        """Jumps to the strength at each onset and decays, 0..1, [S].

        A frame shows an onset that comes at most half a frame after it, so that the jump is drawn in
        the frame next to the onset.
        """
        if not len(self.onsets):
            return np.zeros(len(times))
        age = times[:, None] - self.onsets  # [S, K]
        seen = age >= -frame_period(times) / 2
        fall = np.exp(-np.maximum(age, 0.0) / decay_s) * self.strengths
        return np.asarray(np.where(seen, fall, 0.0).max(axis=1))

    def passed(self, times: Floats) -> NDArray[np.int64]:
        """How many onsets frames have seen."""
        return np.searchsorted(self.onsets, times + frame_period(times) / 2, side="right")


def frame_period(times: Floats) -> float:
    """Mean seconds between frames."""
    return float((times[-1] - times[0]) / (len(times) - 1)) if len(times) > 1 else 0.05


def drive_of(waveform: Tensor, sample_rate: int) -> Drive:
    """Envelope and onsets of a sound.

    Args:
        waveform: float [T].
        sample_rate: Hz.
    """
    block = round(BLOCK_S * sample_rate)
    count = max(len(waveform) // block, 1)
    cut = torch.nn.functional.pad(waveform, (0, max(count * block - len(waveform), 0)))
    rms = cut[: count * block].reshape(count, block).square().mean(dim=1).sqrt().double().numpy()
    level = np.sqrt(rms / max(float(rms.max()), 1e-9))
    level = np.where(level > FLOOR**0.5, level, 0.0)
    onsets = onset_times(waveform, sample_rate)[0]
    first = np.clip((onsets / BLOCK_S).astype(int), 0, count - 1)[:, None]
    following = level[np.clip(first + np.arange(8), 0, count - 1)].max(axis=1, initial=0.0)
    return Drive(level, onsets, np.clip(following, 0.3, 1.0))


def frame_times(seconds: float, frame_rate: float, shot_rate: float = 0.0) -> Floats:
    """When the frames that are looked at were taken.

    Args:
        seconds: length.
        frame_rate: looks per second.
        shot_rate: frames per second of the film; 0 = the same. A look sees the latest frame.

    >>> frame_times(0.2, 20, 25)
    array([0.  , 0.04, 0.08, 0.12])
    """
    times = np.arange(round(seconds * frame_rate)) / frame_rate
    if shot_rate <= 0:
        return times
    return np.asarray(np.floor(times * shot_rate + 1e-6) / shot_rate)
