"""Options of `prepare muddy-mix`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError

MAX_FRAME_RATE = 8.0


@dataclass(frozen=True, kw_only=True)
class MuddyMixOptions:
    """Build a corpus of finished mixes in stems, to be muddied when it is read.

    SOURCE is one of: folders that each hold speech, music and effects files (stems); the authors'
    released data set with its lists (released); films or film clips, taken apart with a separator
    of your own (clips).

    Args:
        source: folder to read; nothing in it is changed.
        output: folder for manifest.jsonl, report.json and clips/.
        layout: what SOURCE is; auto looks.
        separator: how clips are taken apart: a command with {input} and {output_dir}, or a Python
            function package.module:function(input, output_dir); either writes speech, music and
            effects as wav or flac.
        lists: folder of the released lists (train.csv, val.csv, test_filter.csv) if not in SOURCE.
        sample_rate: of the stems, Hz.
        channels: mono averages the channels as published; keep keeps them.
        piece: length of the consecutive pieces that a source is cut into, seconds.
        frame_rate: frames per second of picture, 1 to 8; 0 leaves the picture out.
        frame_size: side of the square frames in pixels.
        mode: how the muddy mixes are made: paper (constant gains) or continuous.
        level: how far gains change.
        silent_may_rise: compatibility with the published data, where a silent stem may be the one
            that is raised.
        val: share of sources for validation, where SOURCE has no folders train, val, test.
        test: share of sources for testing, likewise.
        seed: of the muddy mixes and of the split.
        shards: clips per tar file for webdataset; 0 writes none.
        engine: process pool on this machine, or Ray.
        workers: processes; 0 is one per core.
        force: start anew in a folder that was prepared with other options.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="SOURCE")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    layout: Literal["auto", "stems", "released", "clips"] = "auto"
    separator: Annotated[str, tyro.conf.arg(metavar="COMMAND|FUNCTION")] = ""
    lists: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    sample_rate: Annotated[int, tyro.conf.arg(metavar="HZ")] = 44100
    channels: Literal["mono", "keep"] = "mono"
    piece: Annotated[float, tyro.conf.arg(metavar="S")] = 10.0
    frame_rate: Annotated[float, tyro.conf.arg(metavar="0..8")] = 1.0
    frame_size: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 224
    mode: Literal["paper", "continuous"] = "paper"
    level: Literal["low", "moderate", "high", "mixed"] = "mixed"
    silent_may_rise: bool = False
    val: Annotated[float, tyro.conf.arg(metavar="0..1")] = 0.1
    test: Annotated[float, tyro.conf.arg(metavar="0..1")] = 0.1
    seed: int = 0
    shards: Annotated[int, tyro.conf.arg(metavar="CLIPS")] = 0
    engine: Literal["pool", "ray"] = "pool"
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not 8000 <= self.sample_rate <= 192000:
            raise UsageError(
                f"--sample-rate must be between 8000 and 192000, not {self.sample_rate}"
            )
        if not 1 <= self.piece <= 600:
            raise UsageError(f"--piece must be between 1 and 600 s, not {self.piece:g}")
        if self.frame_rate != 0 and not 1 <= self.frame_rate <= MAX_FRAME_RATE:
            raise UsageError(f"--frame-rate must be 0 or between 1 and 8, not {self.frame_rate:g}")
        if not 8 <= self.frame_size <= 1024:
            raise UsageError(f"--frame-size must be between 8 and 1024, not {self.frame_size}")
        if self.val < 0 or self.test < 0 or self.val + self.test > 1:
            raise UsageError(
                f"--val and --test are shares that leave some for training, "
                f"not {self.val:g} and {self.test:g}"
            )
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed must be between 0 and {2**32 - 1}, not {self.seed}")
        if self.shards < 0 or self.workers < 0:
            raise UsageError("--shards and --workers must be 0 or more")
        if self.separator and not (
            "{input}" in self.separator and "{output_dir}" in self.separator
        ):
            module, _, function = self.separator.partition(":")
            if not all(part.isidentifier() for part in (*module.split("."), function)):
                raise UsageError(
                    f"--separator is a command with {{input}} and {{output_dir}}, or "
                    f"package.module:function, not {self.separator!r}"
                )
