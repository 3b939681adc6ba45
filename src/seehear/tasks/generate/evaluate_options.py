"""Options of `evaluate generate`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError
from seehear.tasks.options import DEVICE


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """Score sounds that a model gives to the silent clips of a manifest, beside baselines.

    Args:
        manifest: JSON lines file of clips, as `prepare` writes it.
        output: folder for tables, summary.json and summary.md.
        model: id or path of a generating model.
        split: which clips are scored; training clips serve the classifier and the copies.
        limit: score only N clips, spread over the classes; 0 means all.
        batch: clips generated at once.
        steps: steps of the sampler; 0 means the model's own.
        guidance: weight of the condition; none means the model's own.
        band: all sounds are low-passed here, Hz, so that bandwidth gives nothing away; 0 for none.
        gallery: items among which retrieval looks for one.
        classifier: folder of the classifier of sounds; trained there from the manifest's training
            sounds if it is not there yet. The default is `classifier` in the output folder.
        transfer: amounts, such as 0 0.25 0.5 0.75 1, at which the sound of another clip is carried over
            and likeness to the new picture is set against likeness to the old sound.
        transfers: clips of that sweep.
        ast: AudioSet classifier of transformers, by hub id or folder, for Frechet distance, KL and
            inception score; left out with a note where its weights are not on this machine; "" for none.
        clap: CLAP model, likewise, for likeness to the class in words.
        sounds: also write all sounds as WAV, level-matched as they were scored.
        device: auto, cpu, cuda or cuda:N.
        precision: number format of the networks; auto is bf16 on CUDA and fp32 on the CPU.
        seed: of the noise, of copies and of bootstrap draws.
        force: overwrite an earlier evaluation in the folder.
        json: print the summary as one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    manifest: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    model: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = "generate/starter"
    split: Literal["test", "val"] = "test"
    limit: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    batch: Annotated[int, tyro.conf.arg(metavar="N")] = 8
    steps: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    guidance: Annotated[float | None, tyro.conf.arg(metavar="G")] = None
    band: Annotated[float, tyro.conf.arg(metavar="HZ")] = 5500.0
    gallery: Annotated[int, tyro.conf.arg(metavar="N")] = 100
    classifier: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    transfer: Annotated[tuple[float, ...], tyro.conf.arg(metavar="A1 A2 ...")] = ()
    transfers: Annotated[int, tyro.conf.arg(metavar="N")] = 24
    ast: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = (
        "MIT/ast-finetuned-audioset-10-10-0.4593"
    )
    clap: Annotated[str, tyro.conf.arg(metavar="ID|FOLDER")] = "laion/clap-htsat-unfused"
    sounds: bool = False
    device: Annotated[str, tyro.conf.arg(metavar="auto|cpu|cuda[:N]")] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not self.model:
            raise UsageError("--model is empty; give an id or a folder")
        if min(self.limit, self.steps) < 0 or min(self.batch, self.transfers) < 1:
            raise UsageError(
                "--limit and --steps must be 0 or more, --batch and --transfers 1 or more"
            )
        if self.gallery < 2:
            raise UsageError(f"--gallery must be 2 or more, not {self.gallery}")
        if self.band and not 1000 <= self.band <= 8000:
            raise UsageError(f"--band must be 0 or between 1000 and 8000 Hz, not {self.band:g}")
        if not all(0 <= amount <= 1 for amount in self.transfer):
            raise UsageError("--transfer takes amounts between 0 and 1")
        if not DEVICE.fullmatch(self.device):
            raise UsageError(f"--device must be auto, cpu, cuda or cuda:N, not {self.device!r}")
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed must be between 0 and {2**32 - 1}, not {self.seed}")
