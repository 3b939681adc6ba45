"""Options of `seehear generate`: what the job can be told beyond `CommonOptions`. No torch here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seehear.errors import UsageError
from seehear.tasks.options import CommonOptions

DEFAULT_MODEL = "generate/starter"
DEFAULT_AMOUNT = 0.5
DEFAULT_LOUDNESS_LUFS = -23.0
MOST_CANDIDATES = 64
MOST_STEPS = 1000
LOUDNESS_RANGE = (-70.0, -5.0)


@dataclass(frozen=True, kw_only=True)
class GenerateOptions(CommonOptions):
    """Make fitting, synchronous sound for a video.

    Args:
        input2: second video, whose sound is the other end of a path.
        like: reference whose sound is carried over onto the video: any file with sound.
        amount: how far to go from the reference, 0 = the reference as the model hears it, 1 = as
            without it; default 0.5.
        interpolate: write this many files OUT-01, OUT-02, ... on INPUT's picture, from the sound for
            INPUT to the sound for INPUT2.
        between: one point of that path, 0 = INPUT, 1 = INPUT2.
        slerp: go between the videos along the sphere instead of straight.
        model: id (see `seehear models list`) or path of a checkpoint folder.
        steps: steps from noise to sound; default as the model says.
        guidance: how strongly the picture decides, 1 = as it is; default as the model says.
        mix: put the new sound beneath the old one instead of beside it.
        replace: put the new track in the old one's place.
        candidates: make this many and take the one that fits the picture best.
        loudness: of the new track, LUFS; with --mix the old sound decides too.
        explain: folder for pictures of what the network looks at.

    Raises:
        UsageError: a value out of range, or options that exclude each other.
    """

    input2: tyro.conf.Positional[Annotated[str | None, tyro.conf.arg(metavar="INPUT2")]] = None
    like: Annotated[str | None, tyro.conf.arg(metavar="REF.wav")] = None
    amount: Annotated[float | None, tyro.conf.arg(metavar="0..1")] = None
    interpolate: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    between: Annotated[float | None, tyro.conf.arg(metavar="0..1")] = None
    slerp: bool = False
    model: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = DEFAULT_MODEL
    steps: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    guidance: Annotated[float | None, tyro.conf.arg(metavar="G")] = None
    mix: bool = False
    replace: bool = False
    candidates: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    loudness: Annotated[float, tyro.conf.arg(metavar="LUFS")] = DEFAULT_LOUDNESS_LUFS
    explain: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.model:
            raise UsageError("--model is empty; see seehear models list")
        if self.mix and self.replace:
            raise UsageError("--mix and --replace exclude each other; leave one of them out")
        self._check_reference()
        self._check_path()
        self._check_numbers()

    def _check_reference(self) -> None:
        if self.like is None:
            if self.amount is not None:
                raise UsageError("--amount needs a reference; name one with --like FILE")
            return
        if not self.like:
            raise UsageError("--like is empty; name a sound file")
        if self.input2 is not None:
            raise UsageError("--like and a second video exclude each other; leave one of them out")
        if self.amount is None:
            # Filled in here so that receipts name the amount that was meant.
            object.__setattr__(self, "amount", DEFAULT_AMOUNT)
        if not 0.0 <= self.amount <= 1.0:  # type: ignore[operator]
            raise UsageError(f"--amount must be between 0 and 1, not {self.amount:g}")

    def _check_path(self) -> None:
        given = [name for name in ("interpolate", "between") if getattr(self, name) is not None]
        if self.input2 is None:
            if given or self.slerp:
                name = given[0] if given else "slerp"
                raise UsageError(f"--{name} needs a second video: INPUT INPUT2 -o OUT")
            return
        if len(given) != 1:
            raise UsageError(
                "a second video needs --interpolate N (a path of N files) or --between A (one of them)"
            )
        if self.interpolate is not None and not 2 <= self.interpolate <= 99:
            raise UsageError(f"--interpolate takes 2 to 99 files, not {self.interpolate}")
        if self.between is not None and not 0.0 <= self.between <= 1.0:
            raise UsageError(f"--between must be between 0 and 1, not {self.between:g}")
        if self.interpolate is not None and self.explain is not None:
            raise UsageError("--explain shows one sound; use --between A instead of --interpolate")

    def _check_numbers(self) -> None:
        if self.steps is not None and not 1 <= self.steps <= MOST_STEPS:
            raise UsageError(f"--steps must be between 1 and {MOST_STEPS}, not {self.steps}")
        if self.guidance is not None and not (
            math.isfinite(self.guidance) and 0.0 <= self.guidance <= 100.0
        ):
            raise UsageError(f"--guidance must be between 0 and 100, not {self.guidance:g}")
        if not 1 <= self.candidates <= MOST_CANDIDATES:
            raise UsageError(
                f"--candidates must be between 1 and {MOST_CANDIDATES}, not {self.candidates}"
            )
        low, high = LOUDNESS_RANGE
        if not low <= self.loudness <= high:
            raise UsageError(
                f"--loudness must be between {low:g} and {high:g} LUFS, not {self.loudness:g}"
            )
