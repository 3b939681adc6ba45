"""Above the band of a network that gives differences: the pan that it ends with, continued by geometry.

The networks hear up to 8 kHz. The levels of the two ears in the highest octave that they know well name an
azimuth of the head; above, that azimuth's own mask makes the difference.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.binaural import difference_masks
from seehear.dsp.hrir import HrirSet
from seehear.dsp.overlap import SpectrumStream, transform_length
from seehear.tasks.rendering import WaveformReader

Block = NDArray[np.float32]

HEARD_HZ = (3500.0, 7000.0)
FADE_HZ = (7000.0, 7800.0)
"""Between these the network's difference goes over into the geometric one."""
SMOOTH_S = 0.1
STEP_DEG = 1.0
NOTHING = 1e-12


class HighBand:
    """Mono sound and difference -> left and right, [1, n] -> [2, m].

    Args:
        difference: left minus right at the sound's rate.
        sample_rate: Hz.
        head: whose mask continues the pan, at that rate.
    """

    def __init__(self, difference: WaveformReader, sample_rate: int, head: HrirSet) -> None:
        self._difference = difference
        n_fft = transform_length(sample_rate)
        hz = torch.fft.rfftfreq(n_fft, 1 / sample_rate)
        low, high = FADE_HZ
        self._fade = ((hz - low) / (high - low)).clamp(0, 1)[:, None]
        self._heard = (hz >= HEARD_HZ[0]) & (hz <= HEARD_HZ[1])
        self._above = bool((self._fade > 0).any())
        half = math.ceil(90 / STEP_DEG)
        azimuth = np.linspace(-90.0, 90.0, 2 * half + 1)
        self._masks = difference_masks(head, azimuth, n_fft)  # [A, F]
        heard = self._masks[:, self._heard].to(torch.complex128)
        # Left is 1 + M and right 1 - M of the mono sound, as in `_follow`.
        level = 2 * heard.real.sum(dim=1) / (1 + heard.abs().square()).sum(dim=1)
        self._pans, self._sides = _rising(np.nan_to_num(level.numpy()))
        self._keep = math.exp(-(n_fft // 4) / (SMOOTH_S * sample_rate))
        self._state = np.zeros(2)
        carry = torch.tensor([[1.0, 0.5], [1.0, -0.5]])
        self._stream = SpectrumStream(sample_rate, carry, self._rule)

    def push(self, mono: Block) -> Block:
        """Take [1, n]; return what is final."""
        made = self._difference.read(mono.shape[1])
        return self._stream.push(np.concatenate([mono, made]))

    def finish(self) -> Block:
        """Return the rest."""
        return self._stream.finish()

    def _rule(self, _first: int, spectra: Tensor) -> Tensor | None:
        if not self._above:
            return None
        mono, made = spectra[:, :, 1:-1]  # [F, K] each
        pans = self._follow(mono[self._heard], made[self._heard])
        place = np.interp(pans, self._pans, self._sides)
        low = np.floor(place).astype(np.int64).clip(max=len(self._masks) - 2)
        part = torch.from_numpy((place - low).astype(np.float32))[:, None]
        first = torch.from_numpy(low)
        gain = self._masks[first] * (1 - part) + self._masks[first + 1] * part  # [K, F]
        change = self._fade * (mono * gain.T - 0.5 * made)
        return torch.stack([change, -change])

    def _follow(self, mono: Tensor, made: Tensor) -> NDArray[np.float64]:
        """Power of left minus power of right over the power of both, smoothed over time, [K]."""
        power = mono.abs().square() + made.abs().square() / 4
        parts = torch.stack([(made * mono.conj()).real, power])
        pans = []
        for column in parts.double().sum(dim=1).T.numpy():
            self._state = self._keep * self._state + (1 - self._keep) * column
            pans.append(self._state[0] / (self._state[1] + NOTHING))
        return np.array(pans)


def _rising(
    pans: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A table that can be read backwards: rising pans and the indices of their azimuths.

    Levels fall again towards the very side, so only azimuths whose pan exceeds all nearer to the front stay.

    Args:
        pans: by azimuth, from right to left, [A] with the front in the middle.
    """
    front = len(pans) // 2
    left = np.arange(front, len(pans))
    right = left[::-1] - front
    keep = [front]
    for way, sign in ((left, 1.0), (right, -1.0)):
        most = np.maximum.accumulate(sign * pans[way])
        keep += [k for k, new in zip(way[1:], np.diff(most) > 0, strict=True) if new]
    chosen = np.sort(keep)
    return pans[chosen], chosen.astype(np.float64)
