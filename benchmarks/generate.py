"""Measure how fast sound is generated and write benchmarks/GENERATE.md: python -m benchmarks.generate

Every figure comes from a process of its own, which this program starts with `--stage`. The job is the whole
`seehear generate`: a silent clip of 8 s in, the same with sound out.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from benchmarks.own_process import in_own_process
from benchmarks.peak import peak_mb
from benchmarks.run import factor, machine, table
from examples.striking import draw, is_there, write_silent

import seehear
from seehear.checkpoint import tensors_sha256
from seehear.models.visualaudio.bigvgan import BigVGAN, va320
from seehear.models.visualaudio.cavp import CAVP, CAVPConfig
from seehear.models.visualaudio.denoiser import (
    Denoiser,
    DenoiserConfig,
    size_l,
    size_m,
    size_xl,
)
from seehear.models.visualaudio.vae import MelVAE, MelVAEConfig
from seehear.runtime import Runtime, choose_runtime
from seehear.tasks.generate.codec import Codec
from seehear.tasks.generate.config import GenerateOptions
from seehear.tasks.generate.infer import make_one
from seehear.tasks.generate.loading import System, load_system
from seehear.tasks.generate.sight import Sight
from seehear.tasks.progress import silent

HERE = Path(__file__).parent
Facts = dict[str, Any]

STARTER = "generate/starter"
SIZES: dict[str, Callable[[], DenoiserConfig]] = {"M": size_m, "L": size_l, "XL": size_xl}
SECONDS, STEPS, GUIDANCE = 8.0, 25, 4.5
STAGES = {
    "look": ("pictures", "shots", "features"),
    "compose": ("compose",),
    "decode": ("decode",),
    "vocode": ("vocode",),
    "write": ("level", "write", "verify", "hash_input"),
}
"""Column -> stages of the receipt."""


def published(size: str, runtime: Runtime) -> System:
    """All networks at published sizes, with random weights."""
    torch.manual_seed(0)
    denoiser = Denoiser(SIZES[size]()).eval().to(runtime.device)
    cavp = CAVP(CAVPConfig()).eval()
    sight = Sight(cavp, runtime, tensors_sha256(cavp))
    codec = Codec(MelVAE(MelVAEConfig()), BigVGAN(va320()), 1.0, runtime)
    null = torch.nn.functional.normalize(torch.ones(sight.dim), dim=0)
    described = {"id": size, "task": "generate", "sha256": "", "licence": "random"}
    return System(denoiser, sight, codec, null, {}, runtime, described)


def stage(name: str, precision: str, clip: Path, output: Path) -> Facts:
    """One measurement. Loading is not counted; a run of one step goes before."""
    runtime = choose_runtime("cpu", precision)  # type: ignore[arg-type]
    is_starter = name == "starter"
    system = load_system(STARTER, runtime) if is_starter else published(name, runtime)

    def run(steps: int) -> Facts:
        options = GenerateOptions(
            input=str(clip),
            output=output,
            # Only its existence is looked at: the networks are handed over.
            model=STARTER if is_starter else "generate/tiny",
            steps=steps,
            guidance=GUIDANCE,
            precision=precision,  # type: ignore[arg-type]
            force=True,
        )
        return make_one(options, silent, system).record

    run(1)
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    timings = run(STEPS)["timings"]
    wall_s, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    counts = {
        "look": system.sight.module,
        "compose": system.denoiser,
        "decode": system.codec.vae,
        "vocode": system.codec.vocoder,
    }
    return {
        "wall_s": wall_s,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_mb": peak_mb(),
        "stages": {
            column: sum(timings.get(part, 0.0) for part in parts)
            for column, parts in STAGES.items()
        },
        "parameters": {
            part: sum(p.numel() for p in module.parameters()) for part, module in counts.items()
        },
    }


def measure(name: str, precision: str, clip: Path, output: Path) -> Facts:
    """`stage` in a process of its own."""
    words = ["--stage", name, precision, str(clip), str(output)]
    return in_own_process("benchmarks.generate", words, f"{name}, {precision}")


def best_of(name: str, precision: str, rounds: int, folder: Path) -> Facts:
    """The quickest of several measurements."""
    clip, output = folder / "clip.mp4", folder / "out.mp4"
    found = [measure(name, precision, clip, output) for _ in range(rounds)]
    return min(found, key=lambda facts: float(facts["wall_s"]))


def page(rows: dict[tuple[str, str], Facts], rounds: int) -> str:
    """The whole report."""
    lines = []
    for (name, precision), facts in rows.items():
        whole = facts["wall_s"]
        shares = [f"{100 * facts['stages'][column] / whole:.0f} %" for column in STAGES]
        lines.append(
            [
                f"{name}, {precision}",
                f"{whole:.2f}",
                factor(SECONDS, whole),
                f"{facts['cpu_s']:.1f}",
                *shares,
                f"{facts['peak_mb']:.0f}",
            ]
        )
    header = ("size", "wall s for 8 s", "x real time", "CPU s", *STAGES, "peak MB")
    sizes = [
        [name, *(f"{facts['parameters'][part] / 1e6:.2f}" for part in facts["parameters"])]
        for (name, precision), facts in rows.items()
        if precision == "fp32"
    ]
    parts = ("size", "eyes, M", "flow transformer, M", "autoencoder, M", "vocoder, M")
    text = INTRODUCTION.format(
        machine=machine(), version=seehear.__version__, steps=STEPS, rounds=rounds
    )
    return f"{text}\n{table(header, lines)}\n\nParameters in millions:\n\n{table(parts, sizes)}\n"


INTRODUCTION = """# How fast sound is generated

Made by `python -m benchmarks.generate` (`make bench` runs it too); every figure is measured, none is
edited by hand.

- Machine: {machine}.
- Version: seehear {version}.
- Job: `seehear generate` on a silent clip of 8 s (one window), {steps} steps with guidance (two sequences per step),
  from file to file. Loading weights is not counted. Shares are of the wall time.
- `starter` is the model that is shipped, if it is there; M, L and XL are the published sizes with random weights,
  the published CAVP at 4 frames a second, the autoencoder of 213 M and the vocoder `va320` of 113 M.
- Each figure has a process of its own; {rounds} round(s), the quickest counts. Peak memory is that of the whole process,
  Python and torch included.
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=["starter", *SIZES])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--stage", nargs=4, metavar=("SIZE", "PRECISION", "CLIP", "OUTPUT"))
    parser.add_argument("-o", "--output", type=Path, default=HERE / "GENERATE.md")
    arguments = parser.parse_args()
    if arguments.stage:
        name, precision, clip, output = arguments.stage
        print(json.dumps(stage(name, precision, Path(clip), Path(output))))
        return
    names = arguments.only or [*(["starter"] if is_there(STARTER) else []), *SIZES]
    with tempfile.TemporaryDirectory() as folder:
        write_silent(Path(folder) / "clip.mp4", draw())
        rows = {
            (name, precision): best_of(name, precision, arguments.rounds, Path(folder))
            for name in names
            for precision in arguments.precisions
        }
    arguments.output.write_text(page(rows, arguments.rounds), encoding="utf-8")
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
