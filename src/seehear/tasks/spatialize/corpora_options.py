"""Options of `prepare fair-play|music-stereo|youtube-asmr|stereo-videos`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class StereoOptions:
    """Make a manifest of your own copy of a corpus with two recorded ears, checked and without leaks.

    Args:
        source: folder of the corpus in its published layout.
        output: folder for manifest.jsonl and report.json.
        splits: FAIR-Play only: the ten published splits, which share scenes, or the five without.
        split_number: FAIR-Play only: which of them.
        mono_list: FAIR-Play only: list of clips in which one thing sounds; those of this split's
            validation and test parts are passed over.
        drop_leaks: take recordings that are in several splits out of all but the last of train, val
            and test; otherwise they are an error.
        seed: of splits where the corpus has none.
        force: overwrite an earlier manifest.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: there is no such split.
    """

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    splits: Literal["leak-free", "published"] = "leak-free"
    split_number: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    mono_list: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    drop_leaks: bool = False
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        most = 5 if self.splits == "leak-free" else 10
        if not 1 <= self.split_number <= most:
            raise UsageError(
                f"--split-number must be 1 to {most} for {self.splits} splits, not "
                f"{self.split_number}"
            )
