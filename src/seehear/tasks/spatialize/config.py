"""Options of `spatialize`: what the job can be told beyond `CommonOptions`. No torch here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError
from seehear.tasks.options import CommonOptions

DEFAULT_MODEL = "spatialize/starter"
DEFAULT_SEPARATOR = "separate/starter"
FOA_SUFFIXES = (".wav", ".flac", ".mkv", ".mka", ".webm", ".opus", ".ogg", ".oga")
"""Files that can say which ambisonics they hold (Opus), or that hold nothing but four channels."""


@dataclass(frozen=True, kw_only=True)
class SpatializeOptions(CommonOptions):
    """Turn mono sound into binaural sound (or ambisonics) that comes from where it is seen.

    Args:
        model: id (see `seehear models list`) or path of a checkpoint folder; default
            spatialize/starter. With --per-source a model of separate, default separate/starter.
        positions: CSV or JSON with time, azimuth, elevation, distance and source; then no network
            is used.
        format: two ears for headphones, or four channels of first-order ambisonics (AmbiX).
        hrtf: head to hear with: kemar, sphere, or a SOFA file; default kemar if this machine has
            it, else sphere.
        fov: angle that the width of the picture covers, degrees.
        per_source: separate the sound first and put each source where it is seen.
        force_mono: mix any channels down to one, binaural ones too.
        explain: folder for pictures of where the sound was put.

    Raises:
        UsageError: a value out of range, or options that exclude each other.
    """

    model: Annotated[str | None, tyro.conf.arg(metavar="ID|FOLDER")] = None
    positions: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    format: Literal["binaural", "foa"] = "binaural"
    hrtf: Annotated[str | None, tyro.conf.arg(metavar="kemar|sphere|FILE.sofa")] = None
    fov: Annotated[float, tyro.conf.arg(metavar="DEG")] = 120.0
    per_source: bool = False
    force_mono: bool = False
    explain: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.positions is not None:
            self._refuse_beside_positions()
        elif self.model is None:
            # Filled in here so that receipts name the model that was meant.
            name = DEFAULT_SEPARATOR if self.per_source else DEFAULT_MODEL
            object.__setattr__(self, "model", name)
        if self.model == "":
            raise UsageError("--model is empty; see seehear models list")
        if not (0 < self.fov <= 360 and math.isfinite(self.fov)):
            raise UsageError(f"--fov must be more than 0 and at most 360 degrees, not {self.fov:g}")
        if self.hrtf is not None and self.format == "foa":
            raise UsageError("--hrtf belongs to --format binaural; ambisonics need no head")
        if self.hrtf == "":
            raise UsageError("--hrtf is empty; use kemar, sphere or a SOFA file")
        if self.format == "foa" and self.output.suffix.lower() not in FOA_SUFFIXES:
            raise UsageError(
                f"a {self.output.suffix} file cannot say that its sound is ambisonics; "
                f"use one of {' '.join(FOA_SUFFIXES)}"
            )

    def _refuse_beside_positions(self) -> None:
        for name in ("model", "per_source", "explain"):
            if getattr(self, name) not in (None, False):
                option = "--" + name.replace("_", "-")
                raise UsageError(f"--positions uses no network; leave {option} out")
