"""Scores of separated sources as the published systems are judged, on three mixtures made by rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter

from seehear.metrics.separation import bss_eval
from tests.golden.compare import Array, Produced, Tolerance
from tests.golden.recipe import Recipe

HEAD = 64
DECIBEL = Tolerance(np.inf, absolute=0.01, ceiling=60.0)
"""As the spec says: 0.01 dB, and what is above 60 dB is rounding."""


def bss_eval_pairs(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """All three mixtures in the given order and with the best order."""
    arrays: dict[str, Array] = {}
    scalars: dict[str, Any] = {}
    for name, (references, estimates) in _mixtures(recipe).items():
        arrays[f"{name}_ref_head"] = references[:, :HEAD].astype(np.float32)
        arrays[f"{name}_est_head"] = estimates[:, :HEAD].astype(np.float32)
        scalars[name] = {}
        for key, permute in (("given_order", False), ("permutation_search", True)):
            scores = bss_eval(references, estimates, permute)
            scalars[name][key] = {
                "SDR": scores.sdr,
                "SIR": scores.sir,
                "SAR": scores.sar,
                "perm": scores.permutation,
            }
    return Produced(
        arrays,
        _plain(scalars),
        tolerances={r"\.perm$": Tolerance(0.0), "^scalars": DECIBEL, "": Tolerance(1e-6)},
    )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays as lists, the way a spec writes them."""
    return {
        key: _plain(value) if isinstance(value, Mapping) else value.tolist()
        for key, value in values.items()
    }


def _mixtures(recipe: Recipe) -> dict[str, tuple[Array, Array]]:
    def noise(seed: int, *shape: int) -> Array:
        return recipe.random(seed).standard_normal(shape)

    def coloured(seed: int, length: int, pole: float) -> Array:
        return lfilter([1.0], [1.0, -pole], noise(seed, length))

    first = np.stack([coloured(901, 16384, 0.9), coloured(902, 16384, -0.5)])
    leaked = np.array([[0.9, 0.1], [0.2, 0.8]]) @ first + 0.05 * noise(903, 2, 16384)
    leaked[0] = lfilter([1.0, 0.3, -0.2], [1.0], leaked[0])
    white = np.stack([noise(904, 65280), noise(905, 65280)])
    three = np.stack(
        [coloured(906, 12000, 0.7), coloured(907, 12000, 0.2), coloured(908, 12000, -0.8)]
    )
    shuffled = np.stack(
        [
            three[2] + 0.3 * three[0],
            np.roll(three[0], 5) + 0.1 * noise(909, 12000),
            0.5 * three[1],
        ]
    )
    mean = np.stack([white.mean(axis=0)] * 2)
    return {"pair1": (first, leaked), "pair2": (white, mean), "pair3": (three, shuffled)}
