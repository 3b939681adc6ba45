"""Change the spectrum of a long sound block by block, with exact reconstruction.

The output is `carry @ input + overlap-add of a change of the spectrum`: where nothing is to change, the
carried samples pass bit for bit. Analysis and synthesis windows are periodic Hann with 75 % overlap;
their product sums to 1.5. Every column is given with one neighbour on either side, so a rule may smooth
over three columns without knowing where blocks begin.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.stft import hann

Block = NDArray[np.float32]
# (index of the first inner column, spectra [C_in, F, K + 2]) -> change [C_out, F, K], None for none
ChangeRule = Callable[[int, Tensor], Tensor | None]

OVERLAP = 4
WINDOW_SUM = 1.5
WINDOW_S = 0.064
BATCH_S = 2.0


def transform_length(sample_rate: int, window_s: float = WINDOW_S) -> int:
    """Transform length in samples: the power of two nearest to `window_s`.

    >>> transform_length(48000), transform_length(16000)
    (4096, 1024)
    """
    return int(2 ** round(np.log2(sample_rate * window_s)))


class SpectrumStream:
    """Apply a change rule to a stream of blocks.

    Column k is centred on sample k · hop_length; the first one given to the rule is k = -1.

    Args:
        sample_rate: Hz; decides the transform length.
        carry: [C_out, C_in], how input channels pass to output channels unchanged.
        rule: the change of the spectrum.
        window_s: about the length of the transform, seconds.
    """

    def __init__(
        self, sample_rate: int, carry: Tensor, rule: ChangeRule, window_s: float = WINDOW_S
    ) -> None:
        self.n_fft = transform_length(sample_rate, window_s)
        self.hop_length = self.n_fft // OVERLAP
        self._carry = carry.numpy()
        self._identity = bool(
            carry.shape[0] <= carry.shape[1]
            and torch.equal(carry, torch.eye(carry.shape[1])[: carry.shape[0]])
        )
        self._rule = rule
        self._window = hann(self.n_fft)
        self._synthesis = self._window / WINDOW_SUM
        self._batch = max(int(BATCH_S * sample_rate) // self.hop_length, 8)
        # One neighbour column and the three columns that reach across sample 0 begin with silence.
        lead = self.n_fft
        self._pending = np.zeros((carry.shape[1], lead), np.float32)
        self._tail = np.zeros((carry.shape[0], self.n_fft - self.hop_length), np.float32)
        self._column = -1
        self._skip = lead - self.hop_length
        self._taken = self._given = 0

    def push(self, block: Block) -> Block:
        """Take [C_in, n]; return what is final, [C_out, m], possibly nothing."""
        self._taken += block.shape[1]
        self._pending = np.concatenate([self._pending, block], axis=1)
        return self._drain(self._batch)

    def finish(self) -> Block:
        """Return the rest; the total is as long as what was taken."""
        silence = np.zeros((self._pending.shape[0], self.n_fft + 2 * self.hop_length), np.float32)
        self._pending = np.concatenate([self._pending, silence], axis=1)
        rest = self._drain(1)
        return rest[:, : rest.shape[1] - max(self._given - self._taken, 0)]

    def _drain(self, at_least: int) -> Block:
        done: list[Block] = []
        hop = self.hop_length
        while True:
            # Inner columns available: their right neighbour must be complete too.
            ready = (self._pending.shape[1] - self.n_fft) // hop - 1
            if ready < max(at_least, 1):
                break
            count = min(ready, self._batch)
            done.append(self._columns(count))
        if not done:
            return np.zeros((self._tail.shape[0], 0), np.float32)
        out = np.concatenate(done, axis=1)
        skipped = min(self._skip, out.shape[1])
        self._skip -= skipped
        out = out[:, skipped:]
        self._given += out.shape[1]
        return out

    def _columns(self, count: int) -> Block:
        hop = self.hop_length
        used = self._pending[:, : (count + 1) * hop + self.n_fft]
        framed = torch.from_numpy(used).unfold(1, self.n_fft, hop)  # [C_in, K + 2, n_fft]
        spectra = torch.fft.rfft(framed * self._window).transpose(1, 2)  # [C_in, F, K + 2]
        change = self._rule(self._column, spectra)
        added = self._overlap_add(change, count)
        # The first inner column begins one hop into the pending samples.
        plain = used[:, hop : hop + count * hop]
        carried = plain[: self._tail.shape[0]] if self._identity else self._carry @ plain
        self._pending = self._pending[:, count * hop :]
        self._column += count
        out: Block = (carried + added).astype(np.float32, copy=False)
        return out

    def _overlap_add(self, change: Tensor | None, count: int) -> Block:
        """Sum the frames of K columns at hops; return the K·hop final samples, keep the tail."""
        channels = self._tail.shape[0]
        hop = self.hop_length
        total = np.zeros((channels, count + OVERLAP - 1, hop), np.float32)
        if change is not None:
            pieces = torch.fft.irfft(change.transpose(1, 2), n=self.n_fft)  # [C_out, K, n_fft]
            split = (pieces * self._synthesis).numpy().reshape(channels, count, OVERLAP, hop)
            for part in range(OVERLAP):
                total[:, part : part + count] += split[:, :, part]
        flat = total.reshape(channels, -1)
        flat[:, : self._tail.shape[1]] += self._tail
        self._tail = flat[:, count * hop :].copy()
        return flat[:, : count * hop]
