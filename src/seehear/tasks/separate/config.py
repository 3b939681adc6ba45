"""Options of `separate`: what the job can be told beyond `CommonOptions`. No torch here."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seehear.errors import UsageError
from seehear.tasks.options import CommonOptions

DEFAULT_MODEL = "separate/starter"
QUERIES = ("text", "image", "at", "box", "span", "all")
NUMBER = r"([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
SPAN = re.compile(rf"\s*{NUMBER}\s*-\s*{NUMBER}\s*")


@dataclass(frozen=True)
class Place:
    """Part of the displayed picture at one moment.

    Args:
        left: fraction of the width, from the left edge.
        top: fraction of the height, from the upper edge.
        width: fraction of the width; 0 for a click.
        height: fraction of the height; 0 for a click.
        at_s: seconds from the file's start; None for where the work begins.
    """

    left: float
    top: float
    width: float = 0.0
    height: float = 0.0
    at_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class SeparateOptions(CommonOptions):
    """Give the sound of the thing you point at, at full quality.

    Args:
        text: point by words, as in --text "barking dog".
        image: point by a picture of such a thing.
        at: point by a click: fractions of the displayed picture from its top left corner, and the
            second of the frame (without it, the first one).
        box: point by a box: left, top, width, height as fractions, and the second.
        span: point by time: what is heard there, seconds from the file's start.
        all: everything that is found, one stem each; needs --stems.
        remove: write the sound without what is pointed at.
        stems: folder for all stems, the residual, and pictures of where the sources are.
        model: id (see `seehear models list`) or path of a checkpoint folder.
        steps: for models that draw sounds in steps (DAVIS): how many; fewer are quicker.

    Raises:
        UsageError: not exactly one query, or a value out of range.
    """

    text: Annotated[str | None, tyro.conf.arg(metavar="WORDS")] = None
    image: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    at: Annotated[str | None, tyro.conf.arg(metavar="X,Y[@S]")] = None
    box: Annotated[str | None, tyro.conf.arg(metavar="X,Y,W,H[@S]")] = None
    span: Annotated[str | None, tyro.conf.arg(metavar="A-B")] = None
    all: bool = False
    remove: bool = False
    stems: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    model: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = DEFAULT_MODEL
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in QUERIES if getattr(self, name) not in (None, False)]
        if len(given) != 1:
            got = " and ".join(f"--{name}" for name in given) or "none"
            names = ", ".join(f"--{name}" for name in QUERIES)
            raise UsageError(f"separate needs exactly one of {names}; got {got}")
        if self.text is not None and not self.text.strip():
            raise UsageError("--text is empty; say what to listen for, as in --text dog")
        if self.all and self.stems is None:
            raise UsageError("--all needs --stems DIR, where every source gets a file")
        if not self.model:
            raise UsageError("--model is empty; see seehear models list")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"--steps must be 1 or more, not {self.steps}")
        _ = self.place, self.seconds  # checked when asked for

    @property
    def query(self) -> str:
        """Name of the option that points."""
        return next(name for name in QUERIES if getattr(self, name) not in (None, False))

    @property
    def place(self) -> Place | None:
        """What `--at` or `--box` points to, or None.

        Raises:
            UsageError: not of the right form, or outside the picture.
        """
        if self.at is not None:
            return _place("--at", self.at, 2)
        return None if self.box is None else _place("--box", self.box, 4)

    @property
    def seconds(self) -> tuple[float, float] | None:
        """What `--span` points to, or None.

        Raises:
            UsageError: not of the form A-B with A before B.
        """
        if self.span is None:
            return None
        match = SPAN.fullmatch(self.span)
        if match is None:
            raise UsageError(f"--span must be A-B in seconds, as in 12.5-14, not {self.span!r}")
        begin, end = float(match[1]), float(match[2])
        if not begin < end:
            raise UsageError(f"--span must end after it begins, not {self.span!r}")
        return begin, end


def _place(option: str, text: str, count: int) -> Place:
    where, at, moment = text.partition("@")
    form = "X,Y[@SECONDS]" if count == 2 else "X,Y,W,H[@SECONDS]"
    try:
        numbers = [float(part) for part in where.split(",")]
        at_s = float(moment) if at else None
    except ValueError:
        numbers, at_s = [], None
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise UsageError(f"{option} must be {form} with fractions 0..1, not {text!r}")
    if at_s is not None and not (at_s >= 0 and math.isfinite(at_s)):
        raise UsageError(f"{option} must name a second of the file after @, not {text!r}")
    left, top, width, height = (*numbers, 0.0, 0.0)[:4]
    place = Place(left, top, width, height, at_s)
    # Room for fractions that were rounded when they were written down.
    right, bottom = place.left + place.width - 1e-6, place.top + place.height - 1e-6
    if min(place.left, place.top) < 0 or max(right, bottom) > 1:
        raise UsageError(f"{option} {where} lies outside the picture, whose sides are 0..1")
    if count == 4 and min(place.width, place.height) <= 0:
        raise UsageError(f"{option} {where} is empty; width and height must be more than 0")
    return place
