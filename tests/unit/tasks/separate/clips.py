"""A made-up corpus of clips: each class has a colour and a pitch, so that a look tells what is heard."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from seehear.tasks.separate.corpora_options import CorpusOptions
from seehear.tasks.separate.prepare_corpora import prepare_videos

RATE = 11025
CLASSES = {"dog": (230, 40, 40, 330.0), "flute": (40, 230, 40, 1320.0), "rain": (40, 40, 230, 0.0)}
FPS = 5
SEED = 14
"""With it validation and test have all classes."""


def write_thing(path: Path, label: str, seconds: float, seed: int) -> None:
    """A clip of one colour with a steady sound."""
    *colour, pitch = CLASSES[label]
    rng = np.random.default_rng(seed)
    at = np.arange(round(seconds * RATE)) / RATE
    noise = rng.standard_normal(len(at))
    sound = 0.1 * noise if pitch == 0 else 0.3 * np.sin(2 * np.pi * pitch * at) + 0.002 * noise
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        picture: Any = container.add_stream("mpeg4", rate=FPS)
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        track: Any = container.add_stream("flac", rate=RATE)
        track.codec_context.layout = "mono"
        image = np.broadcast_to(np.array(colour, np.uint8), (32, 32, 3)).copy()
        for index in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        samples = np.round(sound * 32767).astype(np.int16)[None]
        block = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(track.encode(block))
        container.mux(track.encode(None))


def make_videos(root: Path, each: int = 8, seconds: float = 1.5) -> Path:
    """A folder of videos with one folder per class."""
    for label in CLASSES:
        for number in range(each):
            write_thing(root / label / f"{label}{number}.mkv", label, seconds, number)
    return root


def prepare(root: Path, output: Path, **told: Any) -> dict[str, Any]:
    """`prepare videos` on such a folder."""
    return prepare_videos(CorpusOptions(source=root, output=output, workers=1, seed=SEED, **told))
