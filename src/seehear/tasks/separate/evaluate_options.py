"""Options of `evaluate separate`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError
from seehear.tasks.options import DEVICE

SWEEPS = ("steps", "frames", "model")


def sweep_values(text: str) -> tuple[str, list[int | str]]:
    """Read `--sweep`: the option's name and its values.

    Raises:
        UsageError: not NAME=V1,V2,... with a known name, or numbers that are not positive.

    >>> sweep_values("steps=2,15")
    ('steps', [2, 15])
    """
    name, _, rest = text.partition("=")
    words = [word for word in rest.split(",") if word]
    if name not in SWEEPS or not words:
        raise UsageError(
            f"--sweep takes NAME=V1,V2,... with NAME one of {', '.join(SWEEPS)}, not {text!r}"
        )
    if name == "model":
        return name, list(words)
    if not all(word.isdigit() and int(word) > 0 for word in words):
        raise UsageError(f"--sweep {name} takes numbers of 1 or more, not {rest!r}")
    return name, [int(word) for word in words]


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score a separation model on a fixed list of mixtures.

    Args:
        manifest: JSON lines file: mixtures that `prepare mixes` wrote, or pairs of clips that the
            other recipes wrote (pairs-test.jsonl).
        output: folder for tables, summary.json and summary.md.
        model: id or path of a checkpoint folder.
        limit: score only the first N mixtures; 0 means all.
        quick: leave out SDR, SIR and SAR (BSS Eval), which take most of the time.
        protocol: published (at the model's own rate; DAVIS with the phase of the mixture, for pairs in
            one window) or full (as the file job delivers it, at the rate of the clips).
        steps: network calls per query, for models that draw; 0 means the model's own.
        frames: frames that each sound is asked for by, for pairs; 0 means as in training.
        words: for pairs: ask for each sound by the name of its class too, in place of its frames.
        clap: CLAP model, by hub id or folder, for likeness to the class in words, for pairs; left out
            with a note where its weights are not on this machine; "" for none.
        sweep: NAME=V1,V2,...: evaluate several times and write one table and one plot; NAME is steps,
            frames, or model (checkpoints, such as one trained with l1 and one with l2).
        device: auto, cpu, cuda or cuda:N.
        seed: of bootstrap draws, and of the noise that models draw from.
        force: overwrite an earlier evaluation in the folder.
        json: print the summary as one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    manifest: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    model: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = "separate/starter"
    limit: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    quick: bool = False
    protocol: Literal["published", "full"] = "published"
    steps: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    frames: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    words: bool = False
    clap: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = "laion/clap-htsat-unfused"
    sweep: Annotated[str, tyro.conf.arg(metavar="NAME=V1,V2,...")] = ""
    device: Annotated[str, tyro.conf.arg(metavar="auto|cpu|cuda[:N]")] = "auto"
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not self.model:
            raise UsageError("--model is empty; give an id or a folder")
        if self.limit < 0:
            raise UsageError(f"--limit must be 0 (all mixtures) or more, not {self.limit}")
        if min(self.steps, self.frames) < 0:
            raise UsageError("--steps and --frames must be 0 or more")
        if not DEVICE.fullmatch(self.device):
            raise UsageError(f"--device must be auto, cpu, cuda or cuda:N, not {self.device!r}")
        if self.sweep:
            sweep_values(self.sweep)
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed must be between 0 and {2**32 - 1}, not {self.seed}")
