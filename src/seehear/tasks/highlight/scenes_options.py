"""Options of `prepare scenes`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ScenesOptions:
    """Build finished scenes from recordings and photos by the stated mixing rule.

    Args:
        source: CSV of recordings and photos with split and licence.
        output: folder for manifest.jsonl, stems and frames.
        split: which rows of the source manifest are used.
        count: number of scenes.
        seed: of all choices.
        frame_size: side of the stored square frames, pixels.
        unmatched: leave out the common low-pass, so that sounds keep their own bandwidth.
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
    count: Annotated[int, tyro.conf.arg(metavar="N")] = 168
    seed: int = 0
    frame_size: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 64
    unmatched: bool = False
    any_use_only: bool = False
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"--count must be 1 or more, not {self.count}")
        if not 16 <= self.frame_size <= 512:
            raise UsageError(f"--frame-size must be 16 to 512 pixels, not {self.frame_size}")
