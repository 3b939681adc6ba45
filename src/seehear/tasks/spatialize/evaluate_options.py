"""Options of `evaluate spatialize`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score a model on simulated pairs of pictures and sounds in known places, or on recordings.

    Args:
        manifest: JSON lines file that `prepare pseudo-pairs` wrote, for bearings; or one of recordings of
            two ears (`prepare fair-play` and its like), for mono2binaural and apnet.
        output: folder for pairs.csv, pairs.jsonl, summary.json and summary.md.
        model: id or path of a checkpoint folder.
        heads: through which the truth is heard: kemar, sphere, or SOFA files; with more than one, each
            pair is also rendered through the first head and compared with the truth of the others.
        limit: score only the first N pairs of each number of sources, or N recordings; 0 means all.
        seed: of bootstrap draws.
        force: overwrite an earlier evaluation in the folder.
        json: print the summary as one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    manifest: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    model: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = "spatialize/starter"
    heads: Annotated[tuple[str, ...], tyro.conf.arg(metavar="HEAD")] = ("sphere",)
    limit: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not self.model:
            raise UsageError("--model is empty; give an id or a folder")
        if not self.heads:
            raise UsageError("--heads is empty; give kemar, sphere or SOFA files")
        if self.limit < 0:
            raise UsageError(f"--limit must be 0 (all pairs) or more, not {self.limit}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed must be between 0 and {2**32 - 1}, not {self.seed}")
