"""Procedural clips by lot: which picture, which recording, which motion; one seed says it all.

A `Stock` holds the sounds and photos of one split. Classes with photos are shown by photos, the others of
`CLASSES` are drawn. `ClipFolder` opens clips that were written down (`prepare generate procedural`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from seehear.data.clip_manifest import GenerateClip
from seehear.data.drawn import DRAWINGS
from seehear.data.drive import Floats, drive_of
from seehear.data.melodies import render_melodies
from seehear.data.photos import read_photo
from seehear.data.placed_sounds import place_sound
from seehear.data.procedural import MOTIONS, Pictures, Scene, render, scene_of
from seehear.data.sources import SAMPLE_RATE, Sound, SourceRow, read_sound
from seehear.errors import InputError

PHOTO_LABELS = {
    "dog": "dog",
    "rooster": "rooster",
    "helicopter": "helicopter",
    "saxophone": "saxophone",
    "piano": "piano",
    "electric_guitar": "electric_guitar",
    "face": "speech",
    "watch": "clock_tick",
    "metronome": "clock_tick",
}
"""Class of a photo -> class of the sound that goes with it."""
CLASSES = tuple(sorted({*PHOTO_LABELS.values(), *DRAWINGS}))
BACKDROP = "background"
KINDS = ("recording", "speech")
SPANS = {"train": (0.0, 0.7), "val": (0.65, 0.8), "test": (0.7, 1.0)}
"""From which part of its numbers' spans a split's drawings come."""
PHOTO_SIDE = 128
CUT_OUT = 0.5
"""Share of photos that are shown as an oval part."""
PLAIN = 0.3
"""Share of plain grounds."""


@dataclass(frozen=True)
class Stock:
    """Sounds and photos of one split.

    Args:
        split: train, val or test.
        sounds: class -> recordings.
        photos: class -> names of its photos; `BACKDROP` for grounds.
        pixels: name -> uint8 [3, S, S].
    """

    split: str
    sounds: dict[str, list[Sound]]
    photos: dict[str, list[str]]
    pixels: dict[str, Tensor]

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes that can be shown and heard."""
        shown = {*self.photos, *DRAWINGS}
        return tuple(name for name in sorted(self.sounds) if name in shown)

    def picture(self, name: str) -> Tensor:
        """One photo."""
        return self.pixels[name]


def load_stock(rows: Sequence[SourceRow], split: str, melodies: int = 0, seed: int = 0) -> Stock:
    """Decode the sounds and photos of all classes.

    Args:
        rows: source rows of the split.
        split: its name.
        melodies: phrases per instrument made from single notes, for training.
        seed: of these.

    Raises:
        InputError: a file cannot be decoded, or no class is there.
    """
    sounds: dict[str, list[Sound]] = {}
    photos: dict[str, list[str]] = {}
    pixels: dict[str, Tensor] = {}
    for row in rows:
        label = "speech" if row.kind == "speech" else row.label
        if row.kind in KINDS and label in CLASSES:
            sounds.setdefault(label, []).append(Sound(read_sound(row.path), label, row.source_id))
        elif row.kind == "photo" and (row.label in PHOTO_LABELS or row.label == BACKDROP):
            name = f"{row.label}/{row.path.stem}"
            photos.setdefault(PHOTO_LABELS.get(row.label, BACKDROP), []).append(name)
            pixels[name] = read_photo(row.path, PHOTO_SIDE)
    if melodies:
        for sound in render_melodies(rows, melodies, seed):
            if sound.label in sounds:
                sounds[sound.label].append(sound)
    stock = Stock(split, sounds, photos, pixels)
    if not stock.labels:
        raise InputError(f"the split {split!r} has no class that can be both shown and heard")
    return stock


@dataclass(frozen=True)
class DrawnClip:
    """A clip by lot: scene, its sound float32 [T] at 16 kHz, and the recording behind it."""

    scene: Scene
    waveform: Tensor
    source_id: str


def draw_clip(
    stock: Stock,
    label: str,
    seed: int,
    seconds: float,
    low_pass_hz: float,
    sound: int = -1,
    photo: int = -1,
) -> DrawnClip:
    """Choose everything about a clip.

    Args:
        stock: what there is.
        label: class of the clip.
        seed: of all choices.
        seconds: length.
        low_pass_hz: bandwidth of the sound.
        sound: which recording, -1 = by lot.
        photo: which photo, -1 = by lot.
    """
    rng = np.random.default_rng([seed, 3])
    sounds, names = stock.sounds[label], stock.photos.get(label, [])
    chosen = sounds[sound if sound >= 0 else int(rng.integers(len(sounds)))]
    name = names[photo if photo >= 0 else int(rng.integers(len(names)))] if names else ""
    grounds = stock.photos.get(BACKDROP, [])
    behind = ""
    if grounds and rng.random() >= PLAIN:
        behind = grounds[int(rng.integers(len(grounds)))]
    motion = MOTIONS[int(rng.integers(len(MOTIONS)))]
    oval = rng.random() < CUT_OUT
    kind = ("cutout" if oval else "photo") if name else "drawn"
    low, high = SPANS[stock.split]
    scene = Scene(label, kind, name, behind, motion, seed, low, high)  # type: ignore[arg-type]
    waveform = place_sound(chosen, seconds, low_pass_hz, rng)
    return DrawnClip(scene, waveform, chosen.source_id)


def film(scene: Scene, waveform: Tensor, times: Floats, pictures: Pictures, size: int) -> Tensor:
    """Frames of a scene that move as a sound does, uint8 [S, 3, size, size]."""
    return render(scene, drive_of(waveform, SAMPLE_RATE), times, pictures, size)


class ClipFolder:
    """Opens clips whose scenes were written down.

    Args:
        root: folder of the manifest; photos lie in `photos/` under it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.picture: Pictures = lru_cache(maxsize=1024)(self._read)

    def _read(self, name: str) -> Tensor:
        return read_photo(self.root / "photos" / f"{name}.png", PHOTO_SIDE)

    def waveform(self, clip: GenerateClip) -> Tensor:
        """The sound, float32 [T] at 16 kHz.

        Raises:
            InputError: it cannot be read, or has another rate.
        """
        path = self.root / clip.sound
        try:
            wave, rate = soundfile.read(path, dtype="float32")
        except (soundfile.LibsndfileError, OSError) as error:
            raise InputError(f"cannot read the sound of {clip.id}: {error}") from error
        if rate != SAMPLE_RATE or wave.ndim != 1:
            raise InputError(f"{path} must be mono at {SAMPLE_RATE} Hz, prepare the clips again")
        return torch.from_numpy(wave)

    def frames(self, clip: GenerateClip, times: Floats, size: int) -> Tensor:
        """Frames at some times, drawn anew, uint8 [S, 3, size, size].

        Raises:
            InputError: the clip is not a drawn one.
        """
        if clip.scene is None:
            raise InputError(f"clip {clip.id} has no scene to draw; decode {clip.video}")
        return film(scene_of(clip.scene), self.waveform(clip), times, self.picture, size)
