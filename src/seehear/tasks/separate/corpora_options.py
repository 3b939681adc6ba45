"""Options of `prepare music|ave|vggsound|videos`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """Make a manifest of your own copy of a corpus, checked and without leaks, and fixed lists of pairs.

    Args:
        source: folder of the corpus in its published layout.
        output: folder for manifest.jsonl, pairs-val.jsonl, pairs-test.jsonl, report.json and shards.
        drop_leaks: take recordings that are in several splits out of all but the last of train, val
            and test; otherwise they are an error.
        subset: VGGSound only: the ten classes of animals or of vehicles, or all classes.
        per_class: with a subset, how many training and test clips a class may have at most.
        pairs: fixed mixtures that each test and validation clip begins; 0 = as published (10 for MUSIC,
            else 1).
        shards: clips per tar file for webdataset; 0 writes none. Training reads them much faster.
        sample_rate: of the sound in shards, Hz.
        frame_rate: frames per second in shards.
        frame_size: side of the square frames in shards, pixels.
        engine: process pool on this machine, or Ray, for shards.
        workers: processes; 0 is one per core.
        seed: of the choice of clips, of pairs, and of splits where the corpus has none.
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
    pairs: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    shards: Annotated[int, tyro.conf.arg(metavar="CLIPS")] = 0
    sample_rate: Annotated[int, tyro.conf.arg(metavar="HZ")] = 11025
    frame_rate: Annotated[float, tyro.conf.arg(metavar="HZ")] = 2.0
    frame_size: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 256
    engine: Literal["pool", "ray"] = "pool"
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if min(self.per_class) < 1:
            raise UsageError(f"--per-class must be two counts of 1 or more, not {self.per_class}")
        if min(self.pairs, self.shards, self.workers) < 0:
            raise UsageError("--pairs, --shards and --workers must be 0 or more")
        if not 8000 <= self.sample_rate <= 192000:
            raise UsageError(
                f"--sample-rate must be between 8000 and 192000, not {self.sample_rate}"
            )
        if not 0 < self.frame_rate <= 30:
            raise UsageError(
                f"--frame-rate must be above 0 and at most 30, not {self.frame_rate:g}"
            )
        if not 8 <= self.frame_size <= 1024:
            raise UsageError(f"--frame-size must be between 8 and 1024, not {self.frame_size}")
