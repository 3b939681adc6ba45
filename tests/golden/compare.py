"""Comparing what the project produces with what a fixture expects; nothing expected is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Numbers = Mapping[str, Any]
"""Numbers by name, possibly nested."""

_RELATIVE = re.compile(r"relative(?: L2)?(?: <=)? ([0-9.]+(?:e[+-]?[0-9]+)?)")
_ELEMENT = re.compile(r"\|diff\| <= ([0-9.]+(?:e[+-]?[0-9]+)?) \* max\|expected\|")


@dataclass(frozen=True)
class Tolerance:
    """What still counts as equal.

    Args:
        relative: largest |difference| / |expected|, both as L2 norm over the array.
        element: largest difference of one element as a share of max|expected|; None = any.
        absolute: largest difference of one element, in its own unit; None = any.
        ceiling: values above it are only rounding and count as equal; None = no such values.
    """

    relative: float
    element: float | None = None
    absolute: float | None = None
    ceiling: float | None = None

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Read a spec's sentence, e.g. `relative L2 <= 1e-4; |diff| <= 1e-3 * max|expected|`."""
        relative, element = _RELATIVE.search(text), _ELEMENT.search(text)
        if relative is None:
            raise ValueError(f"no tolerance can be read from {text!r}")
        return cls(float(relative[1]), float(element[1]) if element else None)


@dataclass(frozen=True)
class Produced:
    """What the project makes of a fixture.

    Args:
        arrays: by the names of IO.npz.
        scalars: by the names under the spec's `scalars`.
        statistics: by name as in the spec, compared only with the stored recipe.
        tolerances: tolerance by a pattern in an item's name, most special first; "" for the rest.
        phases: by name of an array of angles, what its angles weigh: the angle of nothing is noise.
    """

    arrays: Mapping[str, Array] = field(default_factory=dict)
    scalars: Numbers = field(default_factory=dict)
    statistics: Numbers = field(default_factory=dict)
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    phases: Mapping[str, Array] = field(default_factory=dict)

    def tolerance(self, name: str) -> Tolerance:
        """Tolerance of an array or number."""
        for pattern, tolerance in self.tolerances.items():
            if re.search(pattern, name):
                return tolerance
        return Tolerance(0.0)


@dataclass(frozen=True)
class Line:
    """Outcome of one comparison.

    Args:
        name: of the array or number.
        holds: whether it is within tolerance.
        relative: relative L2 error; None when there is nothing to compare.
        largest: largest absolute difference.
        tolerance: the relative one.
        note: why it does not hold, if it is not the error.
    """

    name: str
    holds: bool
    relative: float | None = None
    largest: float | None = None
    tolerance: float | None = None
    note: str = ""

    def __str__(self) -> str:
        state = "ok  " if self.holds else "FAIL"
        if self.relative is None:
            return f"{state} {self.name}: {self.note}"
        return (
            f"{state} {self.name}: relative L2 {self.relative:.2e} (tolerance "
            f"{self.tolerance:.0e}), largest difference {self.largest:.2e} {self.note}"
        ).rstrip()

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity."""
        told = asdict(self)
        if self.tolerance == float("inf"):
            told["tolerance"] = None
        return told


def compare(
    produced: Produced | None,
    arrays: Mapping[str, Array],
    scalars: Numbers,
    statistics: Numbers,
) -> list[Line]:
    """One line for every array and number that is expected.

    Args:
        produced: what the project made, None when it has nothing for this fixture.
        arrays: all arrays of IO.npz.
        scalars: everything under `scalars`.
        statistics: further numbers that are expected.
    """
    made = produced or Produced()
    lines = [
        compare_one(name, made.arrays.get(name), made, value) for name, value in arrays.items()
    ]
    for where, expected, ours in (
        ("scalars", scalars, made.scalars),
        ("statistics", statistics, made.statistics),
    ):
        found = dict(flatten(ours))
        for name, value in flatten(expected):
            lines.append(compare_one(f"{where}.{name}", found.get(name), made, value))
    return lines


def compare_one(name: str, made: Any, produced: Produced, expected: Any) -> Line:
    """Compare one array or number."""
    if made is None:
        return Line(name, False, note="cannot be produced by the project")
    ours, theirs = np.asarray(made, np.float64), np.asarray(expected, np.float64)
    if ours.shape != theirs.shape:
        return Line(name, False, note=f"shape {ours.shape} instead of {theirs.shape}")
    tolerance = produced.tolerance(name)
    if np.isnan(ours).any() or (tolerance.ceiling is None and np.isinf(ours).any()):
        return Line(name, False, note="not finite")
    if tolerance.ceiling is not None:
        ours, theirs = np.minimum(ours, tolerance.ceiling), np.minimum(theirs, tolerance.ceiling)
    if name in produced.phases:
        weight = np.asarray(produced.phases[name], np.float64)
        ours, theirs = (np.stack([weight * np.cos(x), weight * np.sin(x)]) for x in (ours, theirs))
    largest = float(np.abs(ours - theirs).max(initial=0.0))
    scale = float(np.linalg.norm(theirs))
    relative = float(np.linalg.norm(ours - theirs)) / scale if scale else largest
    holds = relative <= tolerance.relative
    note = ""
    if tolerance.element is not None:
        allowed = tolerance.element * float(np.abs(theirs).max(initial=0.0))
        if largest > allowed:
            holds, note = False, f"(one element may differ by {allowed:.2e})"
    if tolerance.absolute is not None and largest > tolerance.absolute:
        holds, note = False, f"(one element may differ by {tolerance.absolute:.2e})"
    return Line(name, holds, relative, largest, tolerance.relative, note)


def flatten(numbers: Numbers, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested numbers and lists of numbers as `a.b.c`, in order; texts are skipped."""
    for key, value in numbers.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        elif _is_number(value) or (isinstance(value, list) and all(map(_is_number, value))):
            yield f"{prefix}{key}", value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
