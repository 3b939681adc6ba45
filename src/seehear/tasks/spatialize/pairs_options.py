"""Options of `prepare pseudo-pairs`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError

Pictures = Literal["photos", "cutouts", "boxes", "detector"]


@dataclass(frozen=True, kw_only=True)
class PairsOptions:
    """Build a fixed list of pseudo visual-stereo pairs: things seen and heard in the same places.

    Args:
        source: CSV of recordings and photos with split and licence.
        output: folder for manifest.jsonl, dry sounds and canvases.
        split: which rows of the source manifest are used.
        count: number of pairs for each number of sources.
        sources: numbers of sources.
        seed: of all choices.
        pictures: what is pasted: whole photos, cut-outs with opacity, given boxes of photos, or what
            a detector finds in photos.
        boxes: CSV with path, left, top, width, height (shares of the picture), for --pictures boxes.
        detector: id or folder of a detection model of transformers, for --pictures detector.
        backdrop: what lies behind: black, photo, blend (photo with crops blended in), or all in turn.
        fov: field of view of the canvas, degrees.
        duration: length of a pair, seconds.
        fewest: sounds that a class needs in the split to take part.
        as_recorded: keep each recording's bandwidth; otherwise all sounds of a pair share one
            low-pass drawn between 5 and 8 kHz.
        any_use_only: use only rows whose licence puts no condition on what is made of them.
        force: overwrite what is there.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range, or a file that the choice needs is not given.
    """

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="SOURCE.csv")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    split: str = "test"
    count: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    sources: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = (1, 2, 3)
    seed: int = 0
    pictures: Pictures = "photos"
    boxes: Annotated[Path | None, tyro.conf.arg(metavar="FILE.csv")] = None
    detector: Annotated[str | None, tyro.conf.arg(metavar="ID|FOLDER")] = None
    backdrop: Literal["all", "black", "photo", "blend"] = "all"
    fov: Annotated[float, tyro.conf.arg(metavar="DEG")] = 120.0
    duration: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 5.0
    fewest: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    as_recorded: bool = False
    any_use_only: bool = False
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"--count must be 1 or more, not {self.count}")
        if not self.sources or not all(1 <= n <= 3 for n in self.sources):
            raise UsageError(f"--sources must be numbers from 1 to 3, not {self.sources}")
        if not 10 <= self.fov <= 360:
            raise UsageError(f"--fov must be 10 to 360 degrees, not {self.fov:g}")
        if not 0.5 <= self.duration <= 60:
            raise UsageError(f"--duration must be 0.5 to 60 seconds, not {self.duration:g}")
        if self.fewest < 1:
            raise UsageError(f"--fewest must be 1 or more, not {self.fewest}")
        for name in ("boxes", "detector"):
            if (getattr(self, name) is None) == (self.pictures == name):
                raise UsageError(f"--{name} and --pictures {name} belong together; give both")
