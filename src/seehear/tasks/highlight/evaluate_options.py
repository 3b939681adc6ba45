"""Options of `evaluate highlight`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError
from seehear.tasks.highlight.config import DEFAULT_MODEL
from seehear.tasks.options import DEVICE


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score a highlight model and the baselines on a manifest.

    Args:
        manifest: JSON lines file that `prepare muddy-mix` or a training recipe wrote.
        output: folder for clips.csv, clips.jsonl, summary.json and summary.md.
        model: id or path of a checkpoint folder; none scores the baselines only.
        split: which clips of the manifest.
        context: what the network is shown beside the sound.
        by_level: score each clip also at low, moderate and high, with the seed of its row.
        swaps: how many other scenes' contexts each clip is tried with.
        limit: score only the first N clips; 0 means all.
        kld: transformers id or folder of an audio classifier (AST) for the semantic distance; its
            weights must be on this machine.
        clip: transformers id or folder of a CLIP model; with `kld` it gives an image-audio score.
        seed: of bootstrap draws and of the choice of swapped scenes.
        device: auto, cpu, cuda or cuda:N.
        precision: number format of the network; auto is bf16 on CUDA and fp32 on the CPU.
        force: overwrite an earlier evaluation in the folder.
        json: print the summary as one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    manifest: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    model: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER|none")] = DEFAULT_MODEL
    split: str = "test"
    context: Literal["frames", "captions", "both", "none"] = "frames"
    by_level: bool = False
    swaps: Annotated[int, tyro.conf.arg(metavar="N")] = 5
    limit: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    kld: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = ""
    clip: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = ""
    seed: int = 0
    device: Annotated[str, tyro.conf.arg(metavar="auto|cpu|cuda[:N]")] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not self.model:
            raise UsageError("--model is empty; give an id, a folder, or none")
        if not 0 <= self.swaps <= 100:
            raise UsageError(f"--swaps must be between 0 and 100, not {self.swaps}")
        if self.limit < 0:
            raise UsageError(f"--limit must be 0 (all clips) or more, not {self.limit}")
        if self.clip and not self.kld:
            raise UsageError("--clip needs --kld: the image is compared with what is heard")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed must be between 0 and {2**32 - 1}, not {self.seed}")
        if not DEVICE.fullmatch(self.device):
            raise UsageError(f"--device must be auto, cpu, cuda or cuda:N, not {self.device!r}")
