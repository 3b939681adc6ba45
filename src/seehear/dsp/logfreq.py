"""Log-frequency warp of magnitude pictures and their logarithmic compression, both with inverses.

A picture [..., rows, columns] is read at fractional places by bilinear interpolation. Row i of n warped
rows stands at u = i / (n - 1) of the way up and reads the linear picture at the share
(base^u - 1) / (base - 1) of its rows: with base 21 the low bins are read about three times as often as
they are there, the top ones a sixth as often, without a filter against aliasing. Columns stay evenly
spaced; their number may change on the way. So the pair of warps loses detail: with the source's own phase
about 24 dB SDR remain (reference figures in docs/numbers.md).

Source: the front end of Sound-of-Pixels (ECCV 2018), in the settings of DAVIS (ACCV 2024).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from seehear.errors import InputError

BASE = 21.0


def warped_positions(rows: int, bins: int, base: float = BASE) -> Tensor:
    """Fractional linear bin that each warped row reads, float64 [rows], from 0 to bins - 1.

    >>> warped_positions(256, 512)[[0, 64, 255]].round(decimals=3).tolist()
    [0.0, 29.308, 511.0]
    """
    share = torch.linspace(0.0, 1.0, rows, dtype=torch.float64)
    return (base**share - 1.0) / (base - 1.0) * (bins - 1)


def linear_positions(bins: int, rows: int, base: float = BASE) -> Tensor:
    """Fractional warped row that each linear bin reads, float64 [bins], from 0 to rows - 1.

    >>> linear_positions(512, 256)[[0, 1, 511]].round(decimals=4).tolist()
    [0.0, 3.2156, 255.0]
    """
    share = torch.linspace(0.0, 1.0, bins, dtype=torch.float64)
    return torch.log1p((base - 1.0) * share) / math.log(base) * (rows - 1)


def warp(magnitude: Tensor, rows: int, columns: int | None = None, base: float = BASE) -> Tensor:
    """Linear bins -> log-frequency rows.

    Args:
        magnitude: [..., bins, T], at least two bins.
        rows: rows of the result.
        columns: columns of the result; default T.
        base: ratio of the scale's densities at its two ends, > 1.

    Returns:
        [..., rows, columns].

    Raises:
        InputError: fewer than two bins.
    """
    places = warped_positions(rows, _size(magnitude), base)
    return _resample_columns(_read(magnitude, places, -2), columns)


def unwarp(warped: Tensor, bins: int, columns: int | None = None, base: float = BASE) -> Tensor:
    """Log-frequency rows -> linear bins: the picture of `warp` read back.

    Args:
        warped: [..., rows, T], at least two rows.
        bins: bins of the result.
        columns: columns of the result; default T.
        base: that of `warp`.

    Returns:
        [..., bins, columns].

    Raises:
        InputError: fewer than two rows.
    """
    places = linear_positions(bins, _size(warped), base)
    return _resample_columns(_read(warped, places, -2), columns)


def compress(magnitude: Tensor, sigma: float) -> Tensor:
    """ln(1 + magnitude) * sigma, cut off at 1: magnitudes >= 0 -> 0..1.

    >>> round(float(compress(torch.tensor(784.772), 0.15)), 5)
    1.0
    """
    return (torch.log1p(magnitude) * sigma).clamp(0.0, 1.0)


def expand(compressed: Tensor, sigma: float) -> Tensor:
    """Inverse of `compress` below the cut; the sign of what a network drew is dropped."""
    return torch.expm1(compressed.abs() / sigma)


def _size(picture: Tensor) -> int:
    if picture.ndim < 2 or picture.shape[-2] < 2:
        raise InputError(f"a warp needs at least two rows, not a picture {tuple(picture.shape)}")
    return picture.shape[-2]


def _resample_columns(picture: Tensor, columns: int | None) -> Tensor:
    if columns is None or columns == picture.shape[-1]:
        return picture
    last = picture.shape[-1] - 1
    return _read(picture, torch.linspace(0.0, last, columns, dtype=torch.float64), -1)


def _read(picture: Tensor, places: Tensor, axis: int) -> Tensor:
    """Linear interpolation at fractional places along an axis.

    Places are rounded to float32 on the scale -1..1, which is how the published networks' grid sampling
    sees them: some 1e-5 of a bin, but numbers can be compared.
    """
    last = picture.shape[axis] - 1
    grid = (places * (2.0 / last) - 1.0).float()
    places = (grid + 1.0) / 2.0 * last
    low = places.floor().long().clamp(0, picture.shape[axis] - 1)
    high = (low + 1).clamp_max(picture.shape[axis] - 1)
    part = (places - low).to(picture)
    if axis == -2:
        part = part[:, None]
    low, high = low.to(picture.device), high.to(picture.device)
    below = picture.index_select(axis, low)
    return torch.lerp(below, picture.index_select(axis, high), part)
