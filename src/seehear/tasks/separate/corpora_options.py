"""Options of `prepare music|ave|vggsound|videos`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """Make a manifest of your own copy of a corpus, checked and without leaks.

    Args:
        source: folder of the corpus in its published layout.
        output: folder for manifest.jsonl and report.json.
        drop_leaks: take recordings that are in several splits out of all but the last of train, val
            and test; otherwise they are an error.
        subset: VGGSound only: the ten classes of animals or of vehicles, or all classes.
        per_class: with a subset, how many training and test clips a class may have at most.
        seed: of the choice of clips, and of splits where the corpus has none.
        force: overwrite an earlier manifest.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    drop_leaks: bool = False
    subset: Literal["all", "animal10", "vehicle10"] = "all"
    per_class: tuple[int, int] = (100, 10)
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if min(self.per_class) < 1:
            raise UsageError(f"--per-class must be two counts of 1 or more, not {self.per_class}")
