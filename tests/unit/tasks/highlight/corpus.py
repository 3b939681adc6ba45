"""A small corpus of three-stem scenes on disk, for tests of preparation and evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from seehear.data.manifest import ClipRow, write_manifest
from seehear.data.muddy import STEMS, Level, MuddySpec

RATE = 16000
SECONDS = 1.0
FRAME_SIZE = 16
COLOURS = {"speech": (200, 20, 20), "music": (20, 200, 20), "effects": (20, 20, 200)}


def stem_waves(rng: np.random.Generator, seconds: float = SECONDS, rate: int = RATE) -> np.ndarray:
    """Three different sounds float32 [3, T]: gated noise, chords, clicks."""
    t = np.arange(round(seconds * rate)) / rate
    gate = np.sin(2 * np.pi * 3 * t + rng.uniform(0, 6)) > 0
    speech = 0.05 * gate * rng.standard_normal(len(t))
    music = 0.03 * sum(np.sin(2 * np.pi * hz * t) for hz in rng.uniform(200, 900, 3))
    clicks = 0.2 * (rng.random(len(t)) < 0.002) + 0.005 * rng.standard_normal(len(t))
    return np.stack([speech, music, clicks]).astype(np.float32)


def write_corpus(folder: Path, count: int = 6, seed: int = 0) -> Path:
    """Write clips whose picture has the colour of what is in focus; returns the manifest."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        name = f"clip{number}"
        (folder / name).mkdir(parents=True)
        for stem, wave in zip(STEMS, stem_waves(rng), strict=True):
            soundfile.write(folder / name / f"{stem}.wav", wave, RATE, subtype="FLOAT")
        focus = STEMS[number % 3]
        frames = np.empty((2, 3, FRAME_SIZE, FRAME_SIZE), np.uint8)
        frames[:] = np.array(COLOURS[focus], np.uint8)[None, :, None, None]
        np.savez(folder / name / "frames.npz", frames=frames, times=np.array([0.0, 0.5]))
        (folder / name / "captions.txt").write_text(f"{focus} is heard\n{focus} goes on\n")
        level: Level = ("low", "moderate", "high")[number % 3]
        rows.append(
            ClipRow(
                id=name,
                split="test",
                duration_s=SECONDS,
                sample_rate=RATE,
                stems={stem: f"{name}/{stem}.wav" for stem in STEMS},
                frames=f"{name}/frames.npz",
                captions=f"{name}/captions.txt",
                focus=(focus,),
                muddy=MuddySpec("paper", level, seed=number),
                sources={"speech": (f"s{number % 4}",), "music": (f"m{number}",)},
            )
        )
    path = folder / "manifest.jsonl"
    write_manifest(path, rows)
    return path
