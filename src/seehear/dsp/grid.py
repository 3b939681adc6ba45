"""Values per band on a regular grid of columns, read at the bins and hops of another transform.

A network speaks in its own bands and columns; the original has another rate. Between columns and band
centres values are interpolated linearly; below the lowest and above the highest centre, and before
the first and after the last column, the outermost value holds.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class ColumnGrid:
    """A stream of columns that is fed as they become known and forgotten when passed.

    Args:
        band_centres_hz: [B], increasing.
        columns_per_s: columns of the grid per second; column 0 is at second 0.
        sample_rate: Hz of the sound that the values are for.
        n_fft: transform length there; its hop is a quarter of it.
    """

    def __init__(
        self,
        band_centres_hz: NDArray[np.float64],
        columns_per_s: float,
        sample_rate: int,
        n_fft: int,
    ) -> None:
        bins_hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)
        place = np.interp(bins_hz, band_centres_hz, np.arange(len(band_centres_hz)))
        self._low = torch.from_numpy(np.floor(place).astype(np.int64))
        self._high = (self._low + 1).clamp_max(len(band_centres_hz) - 1)
        self._part = torch.from_numpy((place - np.floor(place)).astype(np.float32))[:, None]
        self._step = columns_per_s * (n_fft // 4) / sample_rate
        self._columns: NDArray[np.float32] | None = None
        self._first = 0

    def feed(self, values: NDArray[np.float32]) -> None:
        """Append columns [..., B, n]."""
        if self._columns is None:
            self._columns = values
        else:
            self._columns = np.concatenate([self._columns, values], axis=-1)

    @property
    def fed_columns(self) -> int:
        """Columns fed so far."""
        return self._first + (0 if self._columns is None else self._columns.shape[-1])

    def read(self, first: int, count: int) -> Tensor:
        """Values [..., F, count] for hops `first`, `first` + 1, ...; never before an earlier call."""
        if self._columns is None:
            raise ValueError("the grid has no columns yet")
        place = (np.arange(first, first + count) * self._step).clip(min=0)
        place = np.minimum(place - self._first, self._columns.shape[-1] - 1).clip(min=0)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, self._columns.shape[-1] - 1)
        part = (place - low).astype(np.float32)
        bands = self._columns[..., low] * (1 - part) + self._columns[..., high] * part
        self._drop(int(low[-1]) - 1)
        grid = torch.from_numpy(bands)  # [..., B, K]
        lower, upper = grid[..., self._low, :], grid[..., self._high, :]
        return lower * (1 - self._part) + upper * self._part

    def _drop(self, count: int) -> None:
        if count > 0 and self._columns is not None:
            self._columns = self._columns[..., count:]
            self._first += count
