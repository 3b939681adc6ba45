"""How weights and inputs of the fixtures come about: by rule, from names and seeds.

Every tensor has its own generator, seeded by the CRC-32 of its published name, so a tensor that is
mapped to the wrong place or turned the wrong way cannot go unnoticed. Seeds and names can be shifted,
for checks with other numbers than the stored ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ParameterRow = Sequence[Any]
"""[name, shape, dtype, kind, gain] as in a spec's list `parameters`."""


@dataclass(frozen=True)
class Recipe:
    """Generator of weights and inputs.

    Args:
        seed_offset: added to every seed of an input.
        name_prefix: put before every name that seeds a weight.
        stored: arrays of IO.npz, for inputs that have no rule but are stored.
    """

    seed_offset: int = 0
    name_prefix: str = ""
    stored: Mapping[str, Array] = field(default_factory=dict, compare=False)

    @property
    def is_stored(self) -> bool:
        """Whether this is the recipe of the stored fixtures."""
        return self == Recipe()

    def random(self, seed: int) -> np.random.RandomState:
        """Generator of one input."""
        return np.random.RandomState(seed + self.seed_offset)

    def normal(self, shape: Sequence[int], seed: int, factor: float = 1.0) -> Array:
        """Standard normal numbers times a factor, rounded to float32 at the end."""
        return (factor * self.random(seed).standard_normal(tuple(shape))).astype(np.float32)

    def weight(self, row: ParameterRow) -> Array | None:
        """Tensor of one row, or None for a buffer that stays as it was constructed."""
        name, shape, dtype, kind, gain = row
        code = zlib.crc32((self.name_prefix + name).encode("utf-8"))
        z = np.random.RandomState(code).standard_normal(tuple(shape))
        values: Array
        if kind == "keep":
            return None
        if kind == "mat":
            values = z * gain / sqrt(prod(shape[1:]))
        elif kind in ("norm", "rvar"):
            values = 1 + 0.1 * (z if kind == "norm" else np.abs(z))
        elif kind in ("bias", "rmean", "other"):
            values = (0.05 if kind == "bias" else 0.1) * z
        else:
            raise ValueError(f"{name}: no rule for parameters of kind {kind!r}")
        return values.astype(dtype)

    def weights(self, rows: Sequence[ParameterRow]) -> dict[str, Array]:
        """All filled tensors by published name, in the order of the list."""
        made = ((row[0], self.weight(row)) for row in rows)
        return {name: value for name, value in made if value is not None}


def sinusoid_table(shape: Sequence[int], base: float = 10000.0) -> Array:
    """Table of positions as the originals construct it: [1, rows, width], sine on even columns."""
    _, rows, width = shape
    rates = base ** (-np.arange(0, width, 2) / width)
    angles = np.arange(rows)[:, None] * rates
    table = np.zeros((rows, width))
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)
    return table[None].astype(np.float32)
