"""Short pieces of all kinds of sound for training the codec: any class, any level, any bandwidth.

Batch number n is a pure function of the seed and n, so a resumed run hears what an uninterrupted one would
have heard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.data.scenes import low_pass
from seehear.data.sounds import KINDS, rows_of_split
from seehear.data.sources import (
    SAMPLE_RATE,
    Samples,
    SourceRow,
    read_sound,
    read_sources,
    to_int16,
    trim,
)
from seehear.dsp.resample import resample
from seehear.errors import InputError
from seehear.media.read import read_audio
from seehear.tasks.generate.codec_options import Crops, SoundTraining

CODEC_KINDS = KINDS | {"note"}
"""Kinds of rows whose sound is used."""
SUFFIXES = frozenset(
    (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".mp4", ".mkv", ".mov", ".webm")
)
HELD_OUT = 20
"""One file of this many of a folder without its own split is for validation."""
SHORTEST = SAMPLE_RATE // 20
"""Samples; shorter sounds are passed over."""
SECOND_DB = (-18.0, 0.0)
"""Level of a second sound relative to the first one's."""

SoundsByClass = dict[str, list[Samples]]


@dataclass(frozen=True)
class SoundBatch:
    """Crops of sounds.

    Args:
        waveform: [B, T] at 16 kHz, within -1..1.
    """

    waveform: Tensor

    def to(self, device: torch.device) -> SoundBatch:
        """The same batch on another device."""
        return SoundBatch(self.waveform.to(device))


class SoundCrops:
    """Batch number -> crops.

    Args:
        sounds: class -> its sounds, int16 at 16 kHz.
        crops: how they are cut.
        batch: crops per batch.
        seed: of everything.

    Raises:
        InputError: there is no sound.
    """

    def __init__(self, sounds: SoundsByClass, crops: Crops, batch: int, seed: int) -> None:
        self.classes = sorted(sounds)
        if not self.classes:
            raise InputError("no sounds to train on; look at the sources' split, licence and kind")
        self.sounds, self.crops, self.batch, self.seed = sounds, crops, batch, seed
        self.length = round(crops.seconds * SAMPLE_RATE)
        # Rich classes come more often, but not as often as they are rich.
        amounts = np.array([sum(map(len, sounds[name])) for name in self.classes], dtype=np.float64)
        self.shares = np.sqrt(amounts) / np.sqrt(amounts).sum()

    def __call__(self, number: int) -> SoundBatch:
        rng = np.random.default_rng([self.seed, number])
        made = np.stack([self.draw(rng) for _ in range(self.batch)])
        return SoundBatch(torch.from_numpy(made))

    def draw(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """One crop [T]."""
        crops = self.crops
        wave = self._cut(rng)
        if rng.random() < crops.mixed:
            wave = wave + self._cut(rng) * np.float32(10 ** (rng.uniform(*SECOND_DB) / 20))
        if rng.random() < crops.low_pass:
            wave = low_pass(wave[None], rng.uniform(*crops.low_pass_hz))[0]
        peak = float(np.abs(wave).max())
        gain = 10 ** (rng.uniform(*crops.gain_db) / 20) / peak if peak > 0 else 0.0
        return (wave * gain).astype(np.float32)

    def _cut(self, rng: np.random.Generator) -> NDArray[np.float32]:
        sounds = self.sounds[self.classes[int(rng.choice(len(self.classes), p=self.shares))]]
        sound = sounds[int(rng.integers(len(sounds)))]
        if len(sound) < self.length:
            sound = np.resize(sound, self.length)
        start = int(rng.integers(len(sound) - self.length + 1))
        return sound[start : start + self.length].astype(np.float32) / np.float32(32768)


def load_split(config: SoundTraining, split: str) -> SoundsByClass:
    """Sounds of one split of a configuration's sources or folder, by class.

    Raises:
        InputError: nothing is there, or a file cannot be decoded.
    """
    if config.sources is not None:
        return sounds_of_rows(codec_rows(config.sources, split))
    assert config.sounds is not None, "checked by the configuration"
    return sounds_of_folder(config.sounds, split)


def sound_facts(sounds: SoundsByClass) -> dict[str, Any]:
    """What a checkpoint says about its sounds."""
    samples = sum(len(sound) for found in sounds.values() for sound in found)
    return {
        "classes": sorted(sounds),
        "recordings": sum(map(len, sounds.values())),
        "minutes_of_sound": round(samples / SAMPLE_RATE / 60, 1),
    }


def codec_rows(sources: Path, split: str) -> list[SourceRow]:
    """Rows of a split that the codec is trained or measured on."""
    rows = rows_of_split(read_sources(sources), split, any_use_only=split != "test")
    return [row for row in rows if row.kind in CODEC_KINDS]


def sounds_of_rows(rows: Iterable[SourceRow]) -> SoundsByClass:
    """Decode rows of a source manifest."""
    found: SoundsByClass = {}
    for row in rows:
        samples = read_sound(row.path)
        if len(samples) >= SHORTEST:
            found.setdefault(row.label, []).append(samples)
    return found


def read_floats(path: Path, peak: float) -> NDArray[np.float32]:
    """Decode one sound file: mono float32 at 16 kHz, silent ends cut off, at a given peak."""
    return read_sound(path).astype(np.float32) * np.float32(peak / (0.99 * 32767))


def sounds_of_folder(folder: Path, split: str) -> SoundsByClass:
    """Decode all sounds (and sound tracks) below a folder; the class is the folder a file lies in.

    Files below folders called train, val or test belong to these; of others one in twenty, chosen by a hash
    of its path, is for validation and the rest for training.

    Raises:
        InputError: not a folder, or a file cannot be decoded.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder; sounds= takes a folder of sounds or videos")
    found: SoundsByClass = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        if _split_of(path.relative_to(folder)) == split:
            audio = read_audio(path)
            mono = resample(audio.waveform.mean(0), audio.sample_rate, SAMPLE_RATE)
            samples = to_int16(trim(mono.numpy()))
            if len(samples) >= SHORTEST:
                found.setdefault(path.parent.name, []).append(samples)
    return found


def _split_of(path: Path) -> str:
    named = [part for part in path.parts[:-1] if part in ("train", "val", "test")]
    if named:
        return named[0]
    digest = hashlib.sha256(path.as_posix().encode()).digest()
    return "val" if int.from_bytes(digest[:4]) % HELD_OUT == 0 else "train"
