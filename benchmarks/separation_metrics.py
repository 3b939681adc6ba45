"""SDR, SIR and SAR: our version against mir_eval, same pairs; writes benchmarks/METRICS.md.

    python -m benchmarks.separation_metrics [--pairs 100] [--rounds 1]

Pairs are seeded: two different sounds each (tones with harmonics over noise of random colour, 6 s at
11 025 Hz), estimates that leak into each other and carry noise. Each version runs in a process of its own
with one thread; they take turns, and the round with the least CPU time counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
import scipy
from benchmarks.peak import peak_mb
from numpy.typing import NDArray
from scipy.signal import lfilter

from seehear.metrics.separation import bss_eval

RATE = 11025
SAMPLES = 65280
"""What the inverse transform of a 6 s clip gives."""
PAGE = Path(__file__).parent / "METRICS.md"
WAYS = ("ours", "mir_eval")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> None:
    """Command line: measure both ways, or (inside) one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--scores", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.only:
        print(json.dumps(measure(told.only, told.pairs, told.scores)))
        return
    text = page(told.pairs, *compare(told.pairs, told.rounds))
    PAGE.write_text(text, encoding="utf-8")
    print(text)


def compare(
    pairs: int, rounds: int
) -> tuple[dict[str, dict[str, float]], float, tuple[float, float]]:
    """Best round of each way, largest difference in dB, smallest and largest score."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for way in WAYS:
                scores = Path(folder) / f"{way}.npy"
                command = [sys.executable, "-m", "benchmarks.separation_metrics"]
                command += ["--pairs", str(pairs), "--only", way, "--scores", str(scores)]
                done = subprocess.run(
                    command,
                    env=environment,
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                    cwd=PAGE.parent.parent,
                )
                found[way].append(json.loads(done.stdout.splitlines()[-1]))
        mine, theirs = (np.load(Path(folder) / f"{way}.npy") for way in WAYS)
    best = {way: min(facts, key=lambda f: f["cpu_s"]) for way, facts in found.items()}
    off = float(np.abs(mine - theirs).max())
    return best, off, (float(theirs.min()), float(theirs.max()))


def measure(way: str, pairs: int, scores: Path) -> dict[str, float]:
    """Score all pairs in this process; the scores [pairs, 3, 2] are left in a file."""
    mixtures = [make_pair(seed) for seed in range(pairs)]
    references, estimates = (np.stack([m[i] for m in mixtures]) for i in (0, 1))
    del mixtures
    # From here on the kernel counts the highest size anew.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = peak_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    if way == "ours":
        made = bss_eval(references, estimates)
        rows = np.stack([made.sdr, made.sir, made.sar], axis=1)
    else:
        rows = _mir_eval(references, estimates)
    facts = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    np.save(scores, rows)
    return {**facts, "peak_mb": peak_mb(), "before_mb": before}


def _mir_eval(references: Any, estimates: Any) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        rows = [
            mir_eval.separation.bss_eval_sources(r, e, False)[:3]
            for r, e in zip(references, estimates, strict=True)
        ]
    return np.array(rows)


def page(
    pairs: int, best: dict[str, dict[str, float]], off: float, reach: tuple[float, float]
) -> str:
    """The figures as Markdown."""
    ours, theirs = best["ours"], best["mir_eval"]
    lines = [
        "# Speed of SDR, SIR and SAR",
        "",
        "Made by `python -m benchmarks.separation_metrics`; every figure is measured, none is edited by "
        "hand.",
        "",
        f"- {pairs} pairs of two sounds of {SAMPLES / RATE:.1f} s at {RATE} Hz, 512 taps, order given; one "
        "thread each.",
        f"- {os.cpu_count()} cores, {platform.machine()}; Python {platform.python_version()}, NumPy "
        f"{np.__version__}, SciPy {scipy.__version__}, mir_eval {mir_eval.__version__}.",
        "- Memory: highest resident size of the whole process; `more` is what scoring adds to imports and "
        "sounds.",
        "",
        "| | CPU s | wall s | ms a pair | peak MB | more MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, facts in (("`seehear.metrics.separation`", ours), ("mir_eval", theirs)):
        more = facts["peak_mb"] - facts["before_mb"]
        lines.append(
            f"| {name} | {facts['cpu_s']:.2f} | {facts['wall_s']:.2f} | "
            f"{1000 * facts['cpu_s'] / pairs:.0f} | {facts['peak_mb']:.0f} | {more:.0f} |"
        )
    lines += [
        "",
        f"- mir_eval / ours: **{theirs['cpu_s'] / ours['cpu_s']:.1f}** in CPU time, "
        f"{theirs['wall_s'] / ours['wall_s']:.1f} in wall time.",
        f"- Largest difference of any score: **{off:.1e} dB**; scores from {reach[0]:.1f} to "
        f"{reach[1]:.1f} dB.",
    ]
    return "\n".join(lines) + "\n"


def make_pair(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """References and estimates [2, T] of one mixture."""
    random = np.random.RandomState(seed)
    references = np.stack([_sound(random), _sound(random)])
    leak = random.uniform(0.0, 0.4, size=2)
    estimates = np.stack(
        [
            references[0] + leak[0] * references[1],
            references[1] + leak[1] * references[0],
        ]
    )
    level = 10 ** random.uniform(-3, -1)
    return references, estimates + level * random.standard_normal(estimates.shape)


def _sound(random: np.random.RandomState) -> NDArray[np.float64]:
    t = np.arange(SAMPLES) / RATE
    hz = random.uniform(100, 900)
    tone = sum(np.sin(2 * np.pi * hz * k * t + random.uniform(0, 6.3)) / k for k in range(1, 6))
    noise = lfilter([1.0], [1.0, -random.uniform(-0.9, 0.97)], random.standard_normal(SAMPLES))
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * random.uniform(0.2, 2.0) * t)
    sound = envelope * tone + random.uniform(0.02, 0.5) * noise
    return np.asarray(sound / np.sqrt(np.square(sound).mean()), np.float64)


if __name__ == "__main__":
    main()
