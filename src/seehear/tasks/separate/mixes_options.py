"""Options of `prepare mixes`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class MixesOptions:
    """Build a fixed list of mixtures of things of different classes.

    Args:
        source: CSV of recordings and photos with split and licence.
        output: folder for manifest.jsonl, stems and pictures.
        split: which rows of the source manifest are used.
        count: number of mixtures.
        sounds: sounds in each.
        seed: of all choices.
        fewest: sounds that a class needs in the split to take part.
        frame_size: side of the stored square pictures, pixels.
        as_recorded: keep each recording's bandwidth; otherwise all sounds of a mixture share one
            low-pass drawn between 5 and 8 kHz.
        any_use_only: use only rows whose licence puts no condition on what is made of them.
        force: overwrite what is there.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="SOURCE.csv")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    split: str = "test"
    count: Annotated[int, tyro.conf.arg(metavar="N")] = 300
    sounds: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    seed: int = 0
    fewest: Annotated[int, tyro.conf.arg(metavar="N")] = 5
    frame_size: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 128
    as_recorded: bool = False
    any_use_only: bool = False
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"--count must be 1 or more, not {self.count}")
        if not 2 <= self.sounds <= 8:
            raise UsageError(f"--sounds must be 2 to 8, not {self.sounds}")
        if self.fewest < 1:
            raise UsageError(f"--fewest must be 1 or more, not {self.fewest}")
        if not 16 <= self.frame_size <= 512:
            raise UsageError(f"--frame-size must be 16 to 512 pixels, not {self.frame_size}")
