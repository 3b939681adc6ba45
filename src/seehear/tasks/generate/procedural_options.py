"""Options of `prepare procedural`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ProceduralOptions:
    """Clips with drawn pictures that move as their sounds do, from recordings and photos.

    Training clips are a sound and a scene, drawn when they are used; the others are a silent video file
    and its sound. No recording or photo is in two splits.

    Args:
        source: CSV of recordings and photos with split and licence.
        output: folder for manifest.jsonl, sounds, photos and videos.
        train: number of training clips, 0 for none.
        val: of validation clips.
        test: of test clips.
        seconds: length of each clip.
        frame_rate: frames per second of the video files.
        frame_size: side of their square frames, pixels.
        low_pass: bandwidth of validation and test sounds, Hz.
        train_low_pass: range from which each training sound's bandwidth is drawn, Hz.
        melodies: phrases per instrument made from single notes, for training.
        any_use_only: also for validation and test, use only rows whose licence puts no condition on what
            is made of them; training clips never use others.
        seed: of all choices.
        force: overwrite what is there.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="SOURCE.csv")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    train: Annotated[int, tyro.conf.arg(metavar="N")] = 1400
    val: Annotated[int, tyro.conf.arg(metavar="N")] = 140
    test: Annotated[int, tyro.conf.arg(metavar="N")] = 210
    seconds: Annotated[float, tyro.conf.arg(metavar="S")] = 8.0
    frame_rate: Annotated[int, tyro.conf.arg(metavar="FPS")] = 25
    frame_size: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 128
    low_pass: Annotated[float, tyro.conf.arg(metavar="HZ")] = 5500.0
    train_low_pass: tuple[float, float] = (5000.0, 8000.0)
    melodies: Annotated[int, tyro.conf.arg(metavar="N")] = 12
    any_use_only: bool = False
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if min(self.train, self.val, self.test, self.melodies) < 0:
            raise UsageError("--train, --val, --test and --melodies must be 0 or more")
        if not self.train + self.val + self.test:
            raise UsageError("nothing to do: --train, --val and --test are all 0")
        if not 1 <= self.seconds <= 60:
            raise UsageError(f"--seconds must be 1 to 60, not {self.seconds:g}")
        if not 5 <= self.frame_rate <= 60:
            raise UsageError(f"--frame-rate must be 5 to 60, not {self.frame_rate}")
        if not 32 <= self.frame_size <= 512 or self.frame_size % 2:
            raise UsageError(f"--frame-size must be even, 32 to 512, not {self.frame_size}")
        low, high = self.train_low_pass
        if not min(low, self.low_pass) >= 500 or high < low:
            raise UsageError("--low-pass and --train-low-pass start at 500 Hz, lower end first")
