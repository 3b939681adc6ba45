"""What `tasks/output.py` asks of a job: blocks of the old sound in, blocks of the new sound out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.resample import ResampleStream

Block = NDArray[np.float32]


class Renderer(Protocol):
    """A pure function of the original's blocks and the results of windows."""

    def push(self, block: Block) -> Block:
        """Take a block [C, n]; return what is ready [C, m]."""

    def finish(self) -> Block:
        """Return the rest; in all as many samples as were taken."""


class WaveformReader:
    """A network's joined mono waveform at the original's rate, read in any pieces.

    Args:
        stream: float32 [n] blocks.
        from_rate: theirs, Hz.
        to_rate: the original's, Hz.
    """

    def __init__(self, stream: Iterator[Block], from_rate: int, to_rate: int) -> None:
        self._stream = stream
        self._resampler = ResampleStream(from_rate, to_rate, 1)
        self._held = np.zeros((1, 0), np.float32)
        self._ended = False

    def read(self, num_samples: int) -> Block:
        """The next samples [1, n]; silence after the end (rounding of lengths between rates)."""
        parts = [self._held]
        have = self._held.shape[1]
        while have < num_samples and not self._ended:
            block = next(self._stream, None)
            if block is None:
                self._ended = True
                part = self._resampler.finish()
            else:
                part = self._resampler.push(np.ascontiguousarray(block[None]))
            parts.append(part)
            have += part.shape[1]
        joined = np.concatenate(parts, axis=1)
        joined = np.pad(joined, ((0, 0), (0, max(num_samples - joined.shape[1], 0))))
        self._held = joined[:, num_samples:]
        return joined[:, :num_samples]
