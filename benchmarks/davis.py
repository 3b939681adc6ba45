"""Measure how fast DAVIS draws and write benchmarks/DAVIS.md: python -m benchmarks.davis

Every figure comes from a process of its own, which this program starts with `--stage`. Ways that are
compared take turns, and the quickest round of each counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.own_process import in_own_process
from benchmarks.peak import peak_mb
from benchmarks.plain_davis import plain_draw
from benchmarks.run import factor, has_bf16, machine, table
from torch import Tensor

import seehear
from seehear.checkpoint import Checkpoint
from seehear.models.davis import Davis, DavisConfig, flow, narrow, paper_music
from seehear.models.davis.frontend import picture_of
from seehear.runtime import choose_runtime
from seehear.tasks.separate.drawing import DrawingListener, load_drawing
from seehear.tasks.separate.generate import draw_queries

HERE = Path(__file__).parent
Facts = dict[str, Any]

PRESETS: dict[str, Callable[[], DavisConfig]] = {
    "paper": lambda: flow(paper_music()),
    "narrow": narrow,
}
WAYS = {"plain": "fp32", "job": "fp32", "job, bf16": "bf16"}
STEPS = (2, 5, 15)
SECONDS = 10.0
SOURCES = 2


def make_listener(preset: str, precision: str) -> DrawingListener:
    """The job's way of running a seeded network; no parameter is left at a value that hides mistakes."""
    torch.manual_seed(0)
    model = Davis(PRESETS[preset]()).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    runtime = choose_runtime("cpu", precision)  # type: ignore[arg-type]
    return load_drawing(Checkpoint(model, "davis", "", {"id": preset}), runtime, None, 0)


def windows_of(listener: DrawingListener) -> tuple[Tensor, list[int]]:
    """Windows of a sound of `SECONDS`: chords and noise, never silent."""
    rate = listener.module.config.sample_rate
    count = round(SECONDS * rate)
    clock = torch.arange(-listener.plan.length, count + listener.plan.length) / rate
    generator = torch.Generator().manual_seed(1)
    sound = 0.02 * torch.randn(clock.shape, generator=generator)
    for pitch, level in ((110.0, 0.2), (277.2, 0.1), (659.3, 0.05), (1760.0, 0.02)):
        sound += level * torch.sin(2 * math.pi * pitch * clock) * (2 * clock).sin().abs()
    spans = listener.plan.spans(count)
    cuts = [sound[start + listener.plan.length :][: listener.plan.length] for start, _ in spans]
    return torch.stack(cuts), [start for start, _ in spans]


def stage(preset: str, way: str, steps: int, output: Path) -> Facts:
    """One measurement; what was drawn goes to a file. Loading and packing are not counted."""
    listener = make_listener(preset, WAYS[way])
    windows, starts = windows_of(listener)
    model, config = listener.module, listener.module.config
    frames = torch.randn(SOURCES, config.frame_dim, generator=torch.Generator().manual_seed(2))

    def draw(count: int) -> Tensor:
        if way == "plain":
            return plain_draw(model, windows, starts, frames, listener.noise, count)
        with torch.inference_mode():
            seen = model.look(frames[:, None]).expand(len(windows), -1, -1)
            mixture = picture_of(windows, config).compressed
            noise = listener.noise.at(starts)
            return draw_queries(model, mixture, seen, noise, count, network=listener.network)

    if way == "plain":
        with torch.inference_mode():
            model(
                torch.zeros(1, 1, 256, 256), torch.zeros(1), torch.zeros(1, 1, 256, 256), frames[:1]
            )
    else:
        draw(1)
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    made = draw(steps)
    wall_s, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    np.save(output, made.numpy())
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s, "peak_mb": peak_mb(), "windows": len(starts)}


def measure(preset: str, way: str, steps: int, output: Path) -> Facts:
    """`stage` in a process of its own."""
    words = ["--stage", preset, way, str(steps), str(output)]
    return in_own_process("benchmarks.davis", words, f"{preset}, {way}, {steps} steps")


def section(
    preset: str, ways: Sequence[str], lengths: Sequence[int], rounds: int, folder: Path
) -> str:
    """Table and differences of one preset, for runs of several numbers of steps."""
    found: dict[tuple[str, int], Facts] = {}
    for _, steps, way in itertools.product(range(rounds), lengths, ways):
        facts = measure(preset, way, steps, folder / f"{way}-{steps}.npy")
        best = found.get((way, steps))
        if best is None or facts["wall_s"] < best["wall_s"]:
            found[way, steps] = facts
    lines = []
    for steps, way in itertools.product(lengths, ways):
        facts, plain = found[way, steps], found["plain", steps]
        lines.append(
            [
                f"{way}, {steps} steps",
                f"{facts['wall_s']:.2f}",
                factor(SECONDS, facts["wall_s"]),
                f"{facts['cpu_s']:.2f}",
                f"{plain['wall_s'] / facts['wall_s']:.2f}",
                f"{plain['cpu_s'] / facts['cpu_s']:.2f}",
                f"{facts['peak_mb']:.0f}",
            ]
        )
    header = (
        *("way", "wall s", "x real time", "CPU s"),
        *("plain's wall by this", "plain's CPU by this", "peak MB"),
    )
    return "\n".join([table(header, lines), "", *differences(ways, lengths, folder)])


def differences(ways: Sequence[str], lengths: Sequence[int], folder: Path) -> list[str]:
    """How far pictures are from the plain ones; random weights draw beyond 0..1, hence shares."""
    said = []
    for way in ways[1:]:
        worst, ratios = 0.0, []
        for steps in lengths:
            made, plain = (np.load(folder / f"{name}-{steps}.npy") for name in (way, "plain"))
            error = made.astype("f8") - plain
            worst = max(worst, float(np.abs(error).max() / np.abs(plain).max()))
            ratios.append(
                10 * math.log10(float((plain.astype("f8") ** 2).sum() / (error**2).sum()))
            )
        spread = f"{min(ratios):.0f} to {max(ratios):.0f} dB"
        said.append(
            f"- {way} against plain: pictures differ by at most {worst:.1e} of the largest value; "
            f"signal to error {spread}."
        )
    return said


INTRODUCTION = """# How fast DAVIS draws

Made by `python -m benchmarks.davis` (`make bench` runs it too); every figure is measured, none is
edited by hand.

- Machine: {machine}.
- Version: seehear {version}.
- Material: {seconds:.0f} s of sound in the windows of `seehear separate`, {sources} sources; random weights,
  because speed does not depend on them. Front end and network; loading and packing weights are left
  out, as are decoding and rendering (benchmarks/RESULTS.md).
- `plain` is `benchmarks/plain_davis.py`: fp32, one source and one step at a time, nothing shared, the network as
  its paper has it. `job` is what `seehear separate` runs (`models/davis/fast.py`).
- `paper` is the published U-Net (36,549,603 parameters), `narrow` a quarter of its width ({narrow:,}).
- Each figure has a process of its own; ways took turns, {rounds} round(s), the quickest counts. Peak
  memory is that of the whole process, Python and torch included.
"""


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=PRESETS)
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS)
    parser.add_argument("--stage", nargs=4, metavar=("PRESET", "WAY", "STEPS", "FILE"))
    parser.add_argument("-o", "--output", type=Path, default=HERE / "DAVIS.md")
    arguments = parser.parse_args()
    if arguments.stage:
        preset, way, steps, file = arguments.stage
        print(json.dumps(stage(preset, way, int(steps), Path(file))))
        return
    ways = [way for way, precision in WAYS.items() if precision == "fp32" or has_bf16()]
    page = INTRODUCTION.format(
        machine=machine(),
        version=seehear.__version__,
        seconds=SECONDS,
        sources=SOURCES,
        narrow=sum(p.numel() for p in Davis(narrow()).unet.parameters()),
        rounds=arguments.rounds,
    )
    for preset in [arguments.only] if arguments.only else PRESETS:
        with tempfile.TemporaryDirectory() as name:
            page += f"\n## {preset}\n\n{section(preset, ways, arguments.steps, arguments.rounds, Path(name))}\n"
    arguments.output.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
