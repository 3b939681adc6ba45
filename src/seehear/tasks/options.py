"""Options that every file job shares; the command line and the Python calls build the same objects.

Frozen dataclasses that check themselves when made, so that a wrong value is refused before anything
is opened. Nothing here imports torch. `tyro` turns the fields into options and the `Args` sections
into their help.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError

MAX_SEED = 2**63 - 1
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """What any job that turns one file into another can be told.

    Args:
        input: file to work on, kept as it was given.
        output: file to write; its suffix decides between a video container and sound alone.
        seed: of all random numbers.
        device: auto, cpu, cuda or cuda:N.
        precision: number format of the network; auto is bf16 on CUDA and fp32 on the CPU.
        start: where to begin in the input, seconds.
        duration: how much to process, seconds; to the end if not given.
        track: audio stream to work on, counted from 0.
        keep_original: add the old sound behind the new one.
        force: overwrite the output if it exists.
        resume: go on with an interrupted run of the same job.
        dry_run: say what would be done and write nothing.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    input: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="INPUT")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="OUT")]
    seed: int = 0
    device: Annotated[str, tyro.conf.arg(metavar="auto|cpu|cuda[:N]")] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    start: Annotated[float, tyro.conf.arg(metavar="S")] = 0.0
    duration: Annotated[float | None, tyro.conf.arg(metavar="S")] = None
    track: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    keep_original: bool = False
    force: bool = False
    resume: bool = False
    dry_run: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not self.input:
            raise UsageError("INPUT is empty; name a file to work on")
        if not self.output.name:
            raise UsageError(f"-o/--output must name a file, not {str(self.output)!r}")
        if not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"--seed must be between 0 and {MAX_SEED}, not {self.seed}")
        if not DEVICE.fullmatch(self.device):
            raise UsageError(f"--device must be auto, cpu, cuda or cuda:N, not {self.device!r}")
        if not (self.start >= 0 and math.isfinite(self.start)):
            raise UsageError(f"--start must be 0 s or later, not {self.start:g}")
        if self.duration is not None and not (self.duration > 0 and math.isfinite(self.duration)):
            raise UsageError(f"--duration must be more than 0 s, not {self.duration:g}")
        if self.track < 0:
            raise UsageError(f"--track counts audio streams from 0; {self.track} is none of them")
