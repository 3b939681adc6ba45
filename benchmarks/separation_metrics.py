"""SDR, SIR and SAR: our version against mir_eval, same pairs, one thread, CPU seconds.

    OMP_NUM_THREADS=1 python -m benchmarks.separation_metrics [--pairs 100]

Pairs are seeded: two different sounds each (tones with harmonics over noise of random colour, 6 s at
11 025 Hz), estimates that leak into each other and carry noise.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import mir_eval
import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from seehear.metrics.separation import bss_eval

RATE = 11025
SAMPLES = 65280
"""What the inverse transform of a 6 s clip gives."""


def main() -> None:
    """Print seconds, the ratio, and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100)
    pairs = parser.parse_args().pairs
    mixtures = [make_pair(seed) for seed in range(pairs)]
    references, estimates = (np.stack([m[i] for m in mixtures]) for i in (0, 1))
    begin = time.process_time()
    ours = bss_eval(references, estimates)
    our_seconds = time.process_time() - begin
    theirs, their_seconds = _mir_eval(mixtures)
    mine = np.stack([ours.sdr, ours.sir, ours.sar], axis=1)
    off = np.abs(mine - theirs).max()
    print(f"{pairs} pairs of {SAMPLES / RATE:.1f} s")
    print(f"ours      {our_seconds:7.2f} CPU s")
    print(f"mir_eval  {their_seconds:7.2f} CPU s   {their_seconds / our_seconds:.1f} x as long")
    print(f"largest difference {off:.1e} dB; scores from {theirs.min():.1f} to {theirs.max():.1f}")


def _mir_eval(mixtures: list[Any]) -> tuple[NDArray[np.float64], float]:
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        rows = [mir_eval.separation.bss_eval_sources(r, e, False)[:3] for r, e in mixtures]
    return np.array(rows), time.process_time() - begin


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
