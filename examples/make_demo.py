"""Repair and take apart the example clips: python -m examples.make_demo [-o FOLDER]

Runs `seehear.highlight` on every muddy clip in `examples/clips` and writes FOLDER/index.html: players
before and after, spectrograms, distances to the mix as it should be (known, because the stems are).
Then `seehear.separate` on the duet, see `pointing.py`, `seehear.spatialize` on the walk, see `following.py`,
and `seehear.generate` on a silent drum, see `striking.py`.
The folder needs nothing from outside, not even a network.
"""

from __future__ import annotations

import argparse
import html
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import soundfile
import torch
from examples import following, pointing, striking
from examples.spectrogram import compare

import seehear
from seehear.data.manifest import ClipRow, Manifest, read_manifest
from seehear.data.muddy import STEMS
from seehear.dsp.resample import resample
from seehear.media.read import read_audio, read_frames
from seehear.metrics.remix import envelope_distance, magnitude_distance, wasserstein_distance
from seehear.types import Audio, Result

CLIPS = Path(__file__).parent / "clips"
METRIC_RATE = 44100
WAYS: dict[str, dict[str, Any]] = {
    "--model spatialize/starter": {"model": "spatialize/starter"},
    "--per-source": {"per_source": True},
}
"""How the walk is spatialized: words of the command line, and the same as keywords."""
DISTANCES = {"MAG": magnitude_distance, "ENV": envelope_distance, "W-dis": wasserstein_distance}


@dataclass(frozen=True)
class Shown:
    """What the page says about one clip."""

    name: str
    before: dict[str, float]
    after: dict[str, float]
    seconds: float
    took_s: float
    result: Result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"))
    parser.add_argument("--model", default="highlight/starter")
    parser.add_argument("--separator", default="separate/starter")
    parser.add_argument("--generator", default="generate/starter")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    manifest = read_manifest(CLIPS / "manifest.jsonl")
    shown = [repair(manifest, row, arguments.output, arguments.model) for row in manifest.rows]
    page = arguments.output / "index.html"
    answers = pointing.take_apart(arguments.output, arguments.separator)
    walk = following.follow(arguments.output, WAYS)
    drum = striking.strike(arguments.output, arguments.generator)
    sections = {
        "parts": pointing.write_section(answers),
        "walk": following.write_section(walk),
        "drum": striking.write_section(drum, arguments.generator),
    }
    page.write_text(write_page(shown, sections), encoding="utf-8")
    print(f"done; open {page.resolve().as_uri()}")


def repair(manifest: Manifest, row: ClipRow, folder: Path, model: str) -> Shown:
    """Run one clip and write its files into the folder."""
    before = folder / f"{row.id}.before.mp4"
    after = folder / f"{row.id}.after.mp4"
    shutil.copyfile(CLIPS / f"{row.id}.mp4", before)
    started = time.monotonic()
    result = seehear.highlight(before, after, model=model, force=True)
    took_s = time.monotonic() - started
    target = target_of(manifest, row)
    sounds = {"before": read_audio(before), "after": read_audio(after), "as it should be": target}
    compare(sounds, read_frames(before, 2.0), row.focus).save(folder / f"{row.id}.png")
    scores = [score(sounds[name], target) for name in ("before", "after")]
    changes = (f"{n} {scores[0][n]:.2f} -> {scores[1][n]:.2f}" for n in DISTANCES)
    print(f"{row.id}: {', '.join(changes)}; {took_s:.1f} s")
    return Shown(row.id, scores[0], scores[1], row.duration_s, took_s, result)


def target_of(manifest: Manifest, row: ClipRow) -> Audio:
    """The finished mix: the sum of the stems."""
    assert row.stems is not None, "example clips have stems"
    paths = [manifest.resolve(row.stems[stem]) for stem in STEMS]
    stems = [soundfile.read(path, dtype="float32", always_2d=True)[0].T for path in paths]
    return Audio(torch.from_numpy(sum(stems)), row.sample_rate)


def score(audio: Audio, target: Audio) -> dict[str, float]:
    """Distances to the target x 100, mono at the metrics' rate."""
    length = min(audio.num_samples, target.num_samples)
    mono = [
        resample(a.waveform[:, :length].mean(0), a.sample_rate, METRIC_RATE)[None]
        for a in (audio, target)
    ]
    return {name: 100 * float(distance(*mono)) for name, distance in DISTANCES.items()}


def write_page(shown: list[Shown], sections: dict[str, str]) -> str:
    """The whole page: the clips of `highlight`, then the sections of the other verbs by name."""
    folder = Path(__file__).parent
    page = Template((folder / "page.html").read_text(encoding="utf-8"))
    clip = Template((folder / "clip.html").read_text(encoding="utf-8"))
    blocks = [
        clip.substitute(
            name=html.escape(one.name),
            rows="".join(
                f"<tr><td>{name}</td><td>{one.before[name]:.2f}</td>"
                f"<td>{one.after[name]:.2f}</td>"
                f"<td>{100 * (one.after[name] / one.before[name] - 1):+.0f} %</td></tr>"
                for name in DISTANCES
            ),
            length=f"{one.seconds:.0f}",
            took=f"{one.took_s:.1f}",
            notes=html.escape(" ".join(one.result.warnings)),
        )
        for one in shown
    ]
    return page.substitute(
        clips="\n".join(blocks),
        **sections,
        version=html.escape(seehear.__version__),
    )


if __name__ == "__main__":
    main()
