"""Measure what a codec of `generate` keeps of real sounds.

    python -m benchmarks.reconstruction --sources SOURCES.csv --vae VAE --vocoder VOCODER --most 150

Sounds of the test split; one line per system (`seehear.tasks.generate.reconstruction` says which) with means
and 95 % intervals over recordings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from seehear.metrics.report import Interval
from seehear.runtime import choose_runtime
from seehear.tasks.generate.codec import load_codec
from seehear.tasks.generate.reconstruction import NUMBERS, measure_reconstruction


def shown(found: Interval | None) -> str:
    """A figure with its interval, or a dash."""
    return "-" if found is None else f"{found.value:.4f} ({found.low:.4f}..{found.high:.4f})"


def main() -> None:
    """Read options, measure, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True, help="source manifest")
    parser.add_argument("--vae", type=Path, required=True, help="checkpoint of the autoencoder")
    parser.add_argument("--vocoder", type=Path, required=True, help="checkpoint of the vocoder")
    parser.add_argument("--most", type=int, default=0, help="number of sounds, 0 = all")
    options = parser.parse_args()
    codec = load_codec(options.vae, options.vocoder, runtime=choose_runtime("cpu"))
    _, table = measure_reconstruction(codec, options.sources, options.most)
    one = table["codec"]["mel_l1"]
    print(f"{one.num_clips} sounds of {one.num_recordings} recordings\n")
    print(f"| system | {' | '.join(NUMBERS)} |\n|---|{'---|' * len(NUMBERS)}")
    for system, found in table.items():
        print(f"| {system} | {' | '.join(shown(found.get(number)) for number in NUMBERS)} |")


if __name__ == "__main__":
    main()
