"""The only place where sound changes its sample rate (soxr, very high quality).

`resample` is for sound in memory, `ResampleStream` for blocks of a long file; both give the same
samples. Output sample k belongs to input time k / to_rate: there is no delay to make up for.
"""

from __future__ import annotations

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

Block = NDArray[np.float32]

QUALITY = "VHQ"


def resampled_length(num_samples: int, from_rate: int, to_rate: int) -> int:
    """Samples after a change of rate: duration kept, rounded to nearest.

    >>> resampled_length(441000, 44100, 16000)
    160000
    """
    return round(num_samples * to_rate / from_rate)


def resample(waveform: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Change the sample rate of sound in memory.

    Args:
        waveform: float32 [..., T] on the CPU.
        from_rate: Hz.
        to_rate: Hz.

    Returns:
        float32 [..., resampled_length(T)].
    """
    if from_rate == to_rate:
        return waveform
    stream = ResampleStream(from_rate, to_rate, int(np.prod(waveform.shape[:-1])) or 1)
    flat = waveform.reshape(-1, waveform.shape[-1]).numpy()
    out = np.concatenate([stream.push(flat), stream.finish()], axis=1)
    return torch.from_numpy(out).reshape(*waveform.shape[:-1], out.shape[1])


class ResampleStream:
    """Resample a long sound block by block.

    Args:
        from_rate: Hz.
        to_rate: Hz.
        num_channels: channels of every block.
    """

    def __init__(self, from_rate: int, to_rate: int, num_channels: int) -> None:
        self._rates = (from_rate, to_rate)
        self._same = from_rate == to_rate
        self._num_channels = num_channels
        self._taken = 0
        self._given = 0
        if not self._same:
            self._stream = soxr.ResampleStream(
                from_rate, to_rate, num_channels, dtype="float32", quality=QUALITY
            )

    def push(self, block: Block) -> Block:
        """Take a block [C, n]; return what is ready [C, m], possibly nothing."""
        if self._same:
            return block
        self._taken += block.shape[1]
        out = self._run(block, last=False)
        self._given += out.shape[1]
        return out

    def finish(self) -> Block:
        """Return the rest, so that the total is `resampled_length` of what was taken."""
        empty = np.zeros((self._num_channels, 0), dtype=np.float32)
        if self._same:
            return empty
        rest = self._run(empty, last=True)
        wanted = resampled_length(self._taken, *self._rates) - self._given
        # soxr rounds the length its own way; one sample more or less is silence, not content.
        missing = max(wanted - rest.shape[1], 0)
        return np.pad(rest, ((0, 0), (0, missing)))[:, :wanted]

    def _run(self, block: Block, last: bool) -> Block:
        # soxr wants [n, C], or [n] for one channel.
        shaped = np.ascontiguousarray(block.T)
        flat = shaped[:, 0] if self._num_channels == 1 else shaped
        out = self._stream.resample_chunk(flat, last=last)
        return np.ascontiguousarray(out.reshape(-1, self._num_channels).T)
