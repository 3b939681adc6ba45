"""How the fixtures make weights and inputs: seeded by names and numbers, nothing is stored.

Weights: one generator per tensor, seeded with the CRC of its published name. Inputs: legacy NumPy
generators by seed. The kinds are described in each `spec.json`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


def normal(shape: Sequence[int], seed: int) -> Array:
    """`standard_normal(shape), seed s` of the specs, float64."""
    return np.random.RandomState(seed).standard_normal(shape)


def float32(array: Array) -> Tensor:
    """Cast after the arithmetic, as the rule says."""
    return torch.from_numpy(np.asarray(array, np.float32))


def weights(rows: Sequence[Sequence[Any]], name_prefix: str) -> dict[str, Tensor]:
    """Tensors by published name; computed buffers (kind `keep`) are left out.

    Args:
        rows: `[name, shape, dtype, kind, gain]` in state-dict order.
        name_prefix: put before each name when its seed is made.
    """
    return {
        name: _fill(f"{name_prefix}{name}", shape, kind, gain)
        for name, shape, _dtype, kind, gain in rows
        if kind != "keep"
    }


def _fill(seed_name: str, shape: Sequence[int], kind: str, gain: float | None) -> Tensor:
    z = normal(shape, zlib.crc32(seed_name.encode("utf-8")))
    if kind == "mat":
        assert gain is not None, f"{seed_name}: a matrix needs a gain"
        return float32(z * gain / np.sqrt(np.prod(shape[1:])))
    made = {
        "norm": lambda: 1 + 0.1 * z,
        "bias": lambda: 0.05 * z,
        "rmean": lambda: 0.1 * z,
        "rvar": lambda: 1 + 0.1 * np.abs(z),
        "other": lambda: 0.1 * z,
    }
    return float32(made[kind]())
