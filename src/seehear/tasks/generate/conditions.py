"""What is seen, as the flow transformer is told it: features window by window, of one video or between two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from seehear.errors import InputError
from seehear.tasks.generate.looking import Seen


class Condition(Protocol):
    """Features at a fixed rate, in shots."""

    @property
    def rate(self) -> float:
        """Rows per second."""

    def __len__(self) -> int:
        """Number of rows."""

    def features(self, start: int, stop: int) -> Tensor:
        """Unit rows [stop - start, dim]."""

    def shot_of(self, rows: Tensor) -> Tensor:
        """Numbers of the shots of rows, int64."""


@dataclass(frozen=True)
class WindowSight:
    """What one window is told.

    Args:
        features: [Tv, dim].
        shots: number of each row's shot, [Tv].
    """

    features: Tensor
    shots: Tensor


def seen_in(condition: Condition, start: int, count: int, window: int) -> WindowSight:
    """Rows of a window that may reach beyond the video's end.

    A video shorter than one window is shown again and again, every time as a new shot (so are short clips in
    training); after a longer one the last row stays.

    Args:
        condition: what is seen.
        start: first row.
        count: rows.
        window: rows of a full window.
    """
    length = len(condition)
    rows = torch.arange(start, start + count)
    if length < window:
        known, turn = rows % length, rows // length
    else:
        known, turn = rows.clamp_max(length - 1), torch.zeros_like(rows)
    begin, stop = int(known.min()), int(known.max()) + 1
    features = condition.features(begin, stop)[known - begin]
    shots = condition.shot_of(known)
    most = int(condition.shot_of(torch.tensor([length - 1]))[0]) + 1
    return WindowSight(features, shots + most * turn)


class Between:
    """A point on the way from one video's features to another's.

    Args:
        first: where the way begins; its length counts.
        second: where it ends; stretched to that length.
        weight: 0 = the first, 1 = the second.
        slerp: go along the sphere instead of straight; both give unit rows.

    Raises:
        InputError: features of different rates.
    """

    def __init__(self, first: Seen, second: Seen, weight: float, slerp: bool = False) -> None:
        if first.rate != second.rate:
            raise InputError("features of two videos must have one rate")
        self._first, self._second, self._weight, self._slerp = first, second, weight, slerp

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self._first.rate

    def __len__(self) -> int:
        return len(self._first)

    def features(self, start: int, stop: int) -> Tensor:
        """Unit rows [stop - start, dim]; at the ends those of one video, bit for bit."""
        if self._weight == 0.0:
            return self._first.features(start, stop)
        places = self._places(torch.arange(start, stop))
        begin, end = int(places.min()), int(places.max()) + 2
        near = self._second.features(begin, min(end, len(self._second)))
        below = places.floor().long() - begin
        above = (below + 1).clamp_max(len(near) - 1)
        part = (places - places.floor())[:, None].float()
        other = torch.where(part > 0, near[below] * (1 - part) + near[above] * part, near[below])
        if self._weight == 1.0:
            return _unit_where(other, part)
        one = self._first.features(start, stop)
        return _between(one, functional.normalize(other, dim=1), self._weight, self._slerp)

    def shot_of(self, rows: Tensor) -> Tensor:
        """A new shot where either video has one that counts."""
        number = torch.zeros_like(rows)
        if self._weight < 1.0:
            number = number + self._first.shot_of(rows)
        if self._weight > 0.0:
            number = number + self._second.shot_of(self._places(rows).round().long())
        return number

    def _places(self, rows: Tensor) -> Tensor:
        """Rows of the second video that belong to rows of the first, fractions allowed."""
        ours, theirs = len(self._first), len(self._second)
        if ours == theirs:
            return rows.double()
        return rows.double() * (theirs - 1) / max(ours - 1, 1)


def _unit_where(rows: Tensor, part: Tensor) -> Tensor:
    """Rows between two rows get their length back; rows themselves stay as they are."""
    return torch.where(part > 0, functional.normalize(rows, dim=1), rows)


def _between(one: Tensor, other: Tensor, weight: float, slerp: bool) -> Tensor:
    straight = functional.normalize((1 - weight) * one + weight * other, dim=1)
    if not slerp:
        return straight
    angle = (one * other).sum(dim=1, keepdim=True).clamp(-1.0, 1.0).arccos()
    sine = angle.sin()
    turned = ((1 - weight) * angle).sin() * one + (weight * angle).sin() * other
    # Rows that are nearly the same, or opposite, have no arc of their own.
    return torch.where(
        sine > 1e-4, functional.normalize(turned / sine.clamp_min(1e-4), dim=1), straight
    )
