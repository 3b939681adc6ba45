"""A tiny source corpus made of noise, tones and coloured squares, for tests of scenes and training."""

import csv
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

COLUMNS = ("path", "class", "split", "source", "licence", "kind", "source_id", "author", "note")
SOUNDS = (
    ("speech", "speech", "speech"),
    ("piano", "recording", "solo"),
    ("theme", "music", "piece"),
    ("dog", "recording", "bark"),
    ("rain", "recording", "rain"),
)
PHOTOS = ("face", "piano", "accordion", "dog", "background")
RATE = 16000


def make_corpus(root: Path, splits: tuple[str, ...] = ("train", "val"), copies: int = 2) -> Path:
    """Write sounds and photos of every class in every split; returns the manifest."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, str]] = []

    def add(name: str, label: str, split: str, kind: str, licence: str = "CC0-1.0") -> Path:
        values = (name, label, split, "made here", licence, kind, f"id:{name}", "nobody", "")
        rows.append(dict(zip(COLUMNS, values, strict=True)))
        return root / name

    for split in splits:
        for n in range(copies):
            for label, kind, name in SOUNDS:
                path = add(f"{split}-{name}{n}.wav", label, split, kind)
                at = np.arange(int(RATE * rng.uniform(1.0, 3.0))) / RATE
                tone = np.sin(2 * np.pi * rng.uniform(100, 2000) * at) * np.exp(-at)
                sound = tone + 0.1 * rng.standard_normal(len(at))
                soundfile.write(path, 0.3 * sound, RATE)
            for label in PHOTOS:
                path = add(f"{split}-{label}{n}.png", label, split, "photo")
                colour = rng.integers(0, 256, size=3, dtype=np.uint8)
                Image.fromarray(np.broadcast_to(colour, (20, 30, 3)).copy()).save(path)
    add("missing.wav", "dog", splits[0], "recording", "CC-BY-SA-3.0")
    manifest = root / "sources.csv"
    with manifest.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return manifest
