"""Measure speed and memory and write benchmarks/RESULTS.md: python -m benchmarks.run

Every figure comes from a process of its own (`stages.py`). Runs that are compared take turns, and the
quickest of each counts, so that other work on the machine does as little harm as possible.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from benchmarks.material import RATE, make_clip
from benchmarks.own_process import in_own_process
from benchmarks.paper_preset import make_paper_model
from benchmarks.stages import PLAIN_NETWORK, STAGES

import seehear

HERE = Path(__file__).parent
Facts = dict[str, Any]


@dataclass(frozen=True)
class Preset:
    """What is measured: a model on a clip."""

    name: str
    model: str
    clip: Path
    seconds: float


def run_stage(what: str, preset: Preset, *more: str) -> Facts:
    """One measurement; whole runs have the environment of a user who set nothing."""
    environment = dict(os.environ)
    if what in ("plain", "job"):
        environment.pop("OMP_WAIT_POLICY", None)
    words = [what, str(preset.clip), "--model", preset.model, *more]
    return in_own_process("benchmarks.stages", words, f"{what} of {preset.name}", environment)


def quickest(rounds: Sequence[Facts]) -> Facts:
    """The round with the least wall time."""
    return min(rounds, key=lambda facts: facts["wall_s"])


def compare(preset: Preset, folder: Path, rounds: int) -> dict[str, Facts]:
    """Plain and real runs in turns; outputs are kept as NAME.wav."""
    ways = {"plain": ("plain", "fp32"), "job": ("job", "fp32")}
    if has_bf16():
        ways["job, bf16"] = ("job", "bf16")
    found: dict[str, list[Facts]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (what, precision) in ways.items():
            out = folder / f"{preset.name} {name}.wav"
            more = ("--precision", precision, "-o", str(out))
            found[name].append(run_stage(what, preset, *more))
    return {name: quickest(facts) for name, facts in found.items()}


def compare_networks(preset: Preset, rounds: int) -> dict[str, Facts]:
    """The network alone in turns: as the paper has it, arranged for the processor, in bf16."""
    ways = {"plain": (PLAIN_NETWORK, "fp32"), "arranged": ("network", "fp32")}
    if has_bf16():
        ways["arranged, bf16"] = ("network", "bf16")
    found: dict[str, list[Facts]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (what, precision) in ways.items():
            found[name].append(run_stage(what, preset, "--precision", precision))
    return {name: quickest(facts) for name, facts in found.items()}


def networks(preset: Preset, found: dict[str, Facts]) -> str:
    """What arranging the network brings."""
    plain = found["plain"]
    rows = [
        [
            name,
            f"{facts['wall_s']:.2f}",
            factor(preset.seconds, facts["wall_s"]),
            f"{facts['cpu_s']:.2f}",
            f"{plain['wall_s'] / facts['wall_s']:.2f}",
            f"{plain['cpu_s'] / facts['cpu_s']:.2f}",
            f"{facts['peak_mb']:.0f}",
        ]
        for name, facts in found.items()
    ]
    header = ("network", "wall s", "x real time", "CPU s", "wall less", "CPU less", "peak MB")
    return table(header, rows)


def has_bf16() -> bool:
    """Whether the processor multiplies bf16 in hardware."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def snr_db(estimate: Path, reference: Path) -> float:
    """Signal over error, dB; inf for equal files."""
    made, wanted = (soundfile.read(p, always_2d=True)[0] for p in (estimate, reference))
    error = float(np.square(made - wanted).sum())
    return float("inf") if error == 0 else 10 * np.log10(float(np.square(wanted).sum()) / error)


def largest_difference(estimate: Path, reference: Path) -> float:
    """Largest difference of two files in dBFS."""
    made, wanted = (soundfile.read(p, always_2d=True)[0] for p in (estimate, reference))
    largest = float(np.abs(made - wanted).max())
    return float("-inf") if largest == 0 else 20 * np.log10(largest)


def help_seconds() -> float:
    """Median of five calls of `seehear --help`."""
    program = Path(sys.executable).with_name("seehear")
    spent = []
    for _ in range(5):
        begin = time.perf_counter()
        subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - begin)
    return statistics.median(spent)


# ---------------------------------------------------------------------------- the page


def machine() -> str:
    """Cores, memory and instruction sets; no names."""
    flags = set()
    info = Path("/proc/cpuinfo")
    if info.exists():
        line = next((x for x in info.read_text().splitlines() if x.startswith("flags")), "")
        wanted = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
        flags = {f for f in wanted if f in line.split()}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, "
        f"{' '.join(sorted(flags)) or 'instruction sets unknown'}; Python "
        f"{platform.python_version()}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table; all but the first column to the right."""
    lines = [f"| {' | '.join(header)} |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def factor(seconds: float, spent: float) -> str:
    """How many times faster than real time."""
    return f"{seconds / spent:.1f}"


def end_to_end(preset: Preset, runs: dict[str, Facts], folder: Path) -> str:
    """Whole runs, and what follows from comparing them."""
    rows = []
    for name, facts in runs.items():
        rows.append(
            [
                name,
                f"{facts['wall_s']:.2f}",
                factor(preset.seconds, facts["wall_s"]),
                f"{facts['cpu_s']:.1f}",
                f"{facts['peak_mb']:.0f}",
            ]
        )
    out = {name: folder / f"{preset.name} {name}.wav" for name in runs}
    lines = [table(("run", "wall s", "x real time", "CPU s", "peak MB"), rows), ""]
    ratio = runs["plain"]["wall_s"] / runs["job"]["wall_s"]
    lines.append(
        f"- plain / job: {ratio:.2f} in all; largest difference of the two outputs "
        f"{largest_difference(out['job'], out['plain']):.0f} dBFS."
    )
    lines.append(f"- Wall seconds inside, features and network: {inside(runs)}.")
    timings = runs["job"]["timings"]
    media = timings["hear"] + timings["write"] + timings["verify"] + timings["hash_input"]
    media -= timings.get("features", 0.0) + timings["network"]
    lines.append(
        f"- Everything but features and network (decoding, downmix, resampling, gains, encoding, "
        f"copying, hashing): {100 * media / runs['job']['wall_s']:.0f} % of the job's wall time."
    )
    if "job, bf16" in runs:
        error = snr_db(out["job, bf16"], out["job"])
        lines.append(f"- bf16 against fp32: output SNR {error:.1f} dB.")
    return "\n".join(lines)


def inside(runs: dict[str, Facts]) -> str:
    """What the encoders of frames and the network took in each run."""
    return "; ".join(
        f"{name} {facts['timings'].get('features', 0.0):.2f} and {facts['timings']['network']:.2f}"
        for name, facts in runs.items()
    )


def stages(preset: Preset, found: dict[str, Facts]) -> str:
    """Stages by themselves."""
    rows = [
        [
            name,
            f"{facts['wall_s']:.2f}",
            factor(preset.seconds, facts["wall_s"]),
            f"{facts['cpu_s']:.2f}",
            f"{facts['peak_mb']:.0f}",
        ]
        for name, facts in found.items()
        if name != "idle"
    ]
    whole = sum(facts["wall_s"] for name, facts in found.items())
    media = found["decode"]["wall_s"] + found["encode"]["wall_s"]
    return "\n".join(
        [
            table(("stage", "wall s", "x real time", "CPU s", "peak MB"), rows),
            "",
            f"- Media (decode and encode) take {100 * media / whole:.0f} % of the sum of stages.",
            f"- A process with the model loaded and nothing done: {found['idle']['peak_mb']:.0f} MB.",
        ]
    )


INTRODUCTION = """# Speed and memory

Made by `make bench`; every figure is measured, none is edited by hand.

- Machine: {machine}.
- Version: seehear {version}.
- Material: the example clips again and again, 640 x 360 at 25 frames/s, stereo AAC at {rate} Hz; {clips}.
- `plain` is `benchmarks/plain.py`: the same windows and weights, fp32, one window at a time, nothing shared,
  the whole file in memory. `job` is `seehear highlight` to a WAV file. Loading the model is left out of both;
  each run and each stage has a process of its own. Runs that are compared took turns, {rounds} rounds, the
  quickest counts.
- `decode` is sound to mono and frames to squares; `render` is cross-fades and gains on two channels;
  `encode` is decoding the sound once more, AAC, copying the video, reading the result again and hashing.
- `plain` and `job` run as called by a user who set nothing; single stages run with
  `OMP_WAIT_POLICY={waiting}` (see docs/decisions/0014-waiting-threads.md).
- Peak memory is that of the whole process, Python and torch included.
- `seehear --help`: {help_s:.2f} s (median of five).
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="clip for the starter")
    parser.add_argument(
        "--paper-seconds", type=float, default=30.0, help="clip for the paper preset"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("starter", "paper"))
    parser.add_argument("-o", "--output", type=Path, default=HERE / "RESULTS.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        presets = []
        if arguments.only != "paper":
            clip = folder / "starter.mp4"
            make_clip(clip, arguments.seconds)
            presets.append(Preset("starter", "highlight/starter", clip, arguments.seconds))
        if arguments.only != "starter":
            clip = folder / "paper.mp4"
            make_clip(clip, arguments.paper_seconds)
            model = str(make_paper_model(folder))
            presets.append(Preset("paper", model, clip, arguments.paper_seconds))
        page = INTRODUCTION.format(
            machine=machine(),
            version=seehear.__version__,
            rate=RATE,
            clips=", ".join(f"{p.seconds:.0f} s for {p.name}" for p in presets),
            rounds=arguments.rounds,
            waiting=os.environ.get("OMP_WAIT_POLICY", "unset"),
            help_s=help_seconds(),
        )
        for preset in presets:
            runs = compare(preset, folder, arguments.rounds)
            found = {
                what: quickest([run_stage(what, preset) for _ in range(arguments.rounds)])
                for what in ("idle", *STAGES)
            }
            page += f"\n## {TITLES[preset.name]}\n\n### Whole runs\n\n"
            page += end_to_end(preset, runs, folder)
            page += f"\n\n### Stages\n\n{stages(preset, found)}\n"
            if preset.name == "paper":
                alone = networks(preset, compare_networks(preset, arguments.rounds))
                page += f"\n### The network alone\n\n{alone}\n"
    arguments.output.write_text(page, encoding="utf-8")
    print(page)


TITLES = {
    "starter": "highlight/starter",
    "paper": "Paper preset: VisAH with frames through CLIP ViT-L/14 (random weights)",
}


if __name__ == "__main__":
    main()
