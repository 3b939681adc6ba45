"""Options of `prepare latents`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class LatentsOptions:
    """What the flow transformer learns from: latents of sounds beside features of videos, in tar files.

    Run the same command again after an interruption: tar files that are complete are kept.

    Args:
        source: manifest of clips with picture and sound (from one of the `generate` recipes).
        output: folder for latents.json, report.json and shards.
        vae: folder of the autoencoder's checkpoint.
        cavp: folder of the checkpoint of CAVP or QuickCAVP.
        splits: which splits to prepare.
        renders: how often each drawn clip is drawn, each time with other lots.
        window: clips shorter than this are repeated up to it, seconds; 0 leaves them as they are.
        shard_size: clips per tar file.
        engine: process pool on this machine, or Ray.
        workers: processes; 0 is one per core.
        device: where the networks run.
        precision: their number format; auto is bf16 on CUDA and fp32 on the CPU.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.

    Raises:
        UsageError: a value is out of range.
    """

    source: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="MANIFEST")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]
    vae: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    cavp: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    splits: tuple[str, ...] = ("train", "val")
    renders: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    window: Annotated[float, tyro.conf.arg(metavar="S")] = 8.0
    shard_size: Annotated[int, tyro.conf.arg(metavar="CLIPS")] = 64
    engine: Literal["pool", "ray"] = "pool"
    workers: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if self.renders < 1 or self.shard_size < 1:
            raise UsageError("--renders and --shard-size must be 1 or more")
        if self.workers < 0 or self.window < 0:
            raise UsageError("--workers and --window must be 0 or more")
        if not self.splits:
            raise UsageError("--splits needs at least one split, such as train")
