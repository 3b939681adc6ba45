"""Options of `prepare generate-vggsound|audioset|aist|landscape|mv100k|generate-videos`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ClipsOptions:
    """Make a manifest of clips with picture and sound from your own copy of a corpus, filtered.

    Args:
        source: folder of the corpus in its published layout.
        output: folder for manifest.jsonl, rejected.jsonl and report.json.
        splits: AIST++ only: songs apart, or the published lists, whose validation and test parts share
            songs (needs --drop-leaks).
        camera: AIST++ only: which camera's videos.
        parts: AudioSet only: lists to read.
        piece: clips are at most this long, seconds; a rest shorter than --shortest is dropped.
        shortest: clips below are rejected, seconds.
        silence: clips whose level is below are rejected, dBFS.
        mel_energy: clips whose mean normalised mel energy (0..1) is below are rejected.
        still: clips whose picture changes less than this from frame to frame (0..255) are rejected.
        sync: clips whose picture fits a shifted copy of their sound better by this much (difference of
            correlations) are rejected; 0 keeps them.
        no_filters: keep what is silent, still or apart; only what cannot be read is rejected.
        drop_leaks: take recordings that are in several splits out of all but the last of train, val
            and test; otherwise they are an error.
        limit: read only the first N clips of each split; 0 means all.
        engine: process pool on this machine, or Ray.
        workers: processes; 0 is one per core.
        seed: of splits where the corpus has none.
        force: overwrite an earlier manifest.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="FOLDER")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    splits: Literal["songs", "published"] = "songs"
    camera: Annotated[str, tyro.conf.arg(metavar="NAME")] = "c01"
    parts: tuple[Literal["balanced", "unbalanced", "eval"], ...] = ("balanced", "eval")
    piece: Annotated[float, tyro.conf.arg(metavar="S")] = 10.0
    shortest: Annotated[float, tyro.conf.arg(metavar="S")] = 2.0
    silence: Annotated[float, tyro.conf.arg(metavar="DBFS")] = -60.0
    mel_energy: Annotated[float, tyro.conf.arg(metavar="SHARE")] = 0.08
    still: Annotated[float, tyro.conf.arg(metavar="LEVELS")] = 0.2
    sync: Annotated[float, tyro.conf.arg(metavar="DIFFERENCE")] = 0.2
    no_filters: bool = False
    drop_leaks: bool = False
    limit: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    engine: Literal["pool", "ray"] = "pool"
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.shortest <= self.piece:
            raise UsageError(
                f"--shortest must be above 0 and at most --piece, not {self.shortest:g} and "
                f"{self.piece:g}"
            )
        if not 0 <= self.mel_energy <= 1 or min(self.still, self.sync) < 0:
            raise UsageError("--mel-energy must be 0 to 1, --still and --sync 0 or more")
        if not self.silence <= 0:
            raise UsageError(f"--silence must be 0 dBFS or less, not {self.silence:g}")
        if not self.parts:
            raise UsageError("--parts needs one of balanced, unbalanced, eval")
        if min(self.limit, self.workers) < 0:
            raise UsageError("--limit and --workers must be 0 or more")
