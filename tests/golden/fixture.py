"""What a fixture is to the runner: a recipe that produces arrays and numbers, and its tolerances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Request:
    """What the runner asks for.

    Args:
        spec: parsed spec.json.
        stored: arrays of io.npz; recipes may only read stored *inputs* from it.
        seed_offset: added to every seed.
        name_prefix: put before every weight name when its seed is made.
    """

    spec: Mapping[str, Any]
    stored: Mapping[str, Array]
    seed_offset: int = 0
    name_prefix: str = ""


@dataclass
class Produced:
    """What the project computed.

    Args:
        arrays: by the names of io.npz.
        scalars: nested numbers with the names under `scalars` of the spec.
    """

    arrays: dict[str, Array] = field(default_factory=dict)
    scalars: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tolerance:
    """Limits on relative L2 error, and on the largest error relative to the largest value."""

    relative_l2: float
    relative_max: float = float("inf")


@dataclass(frozen=True)
class Fixture:
    """A fixture the project can produce.

    Args:
        produce: runs the project's real code.
        tolerance: limits by array or scalar name, after the spec's own words.
    """

    produce: Callable[[Request], Produced]
    tolerance: Callable[[str], Tolerance]


def as_array(value: Any) -> Array:
    """Tensors and numbers as float64 arrays."""
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value, float)
