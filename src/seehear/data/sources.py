"""Recordings and photos that finished scenes are built from, read from a source manifest.

A source manifest is a CSV with the columns `path, class, split, source, licence, kind, source_id,
author, note`, paths relative to its folder. This file decides which rows may be used, to which stem
a sound belongs, and holds the sounds in memory at one rate. How scenes are made of them is in
`scenes.py`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from seehear.errors import InputError

STEMS = ("speech", "music", "effects")
SAMPLE_RATE = 16000
"""Hz; speech corpora stop there, and all sounds of a scene are band-matched below 8 kHz anyway."""

INSTRUMENTS = frozenset(
    (
        *("accordion", "acoustic_guitar", "banjo", "bassoon", "cello", "clarinet", "double_bass"),
        *("electric_guitar", "flute", "french_horn", "harmonica", "harp", "mandolin", "oboe"),
        *("organ", "piano", "saxophone", "trombone", "trumpet", "tuba", "violin"),
    )
)
EFFECTS = frozenset(
    (
        *("chainsaw", "clock_tick", "crackling_fire", "crying_baby", "dog"),
        *("helicopter", "rain", "rooster", "sea_waves", "sneeze"),
    )
)
ANY_USE = ("CC0", "PUBLIC DOMAIN", "CC-BY-3.0", "CC-BY-4.0", "MIT", "APACHE-2.0", "UNLICENSE")
SILENCE_DB = -45.0
"""Ends of a recording below this, relative to its loudest 50 ms, are cut off."""

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class SourceRow:
    """One row of a source manifest: a sound or a photo and where it comes from."""

    path: Path
    label: str
    split: str
    source: str
    licence: str
    kind: str
    source_id: str
    author: str
    note: str

    @property
    def stem(self) -> str | None:
        """Stem that the sound belongs to, or None if scenes do not use it."""
        if self.kind in ("speech", "music"):
            return self.kind
        if self.kind == "recording" and self.label in INSTRUMENTS:
            return "music"
        if self.kind == "recording" and self.label in EFFECTS:
            return "effects"
        return None


@dataclass(frozen=True)
class Sound:
    """A recording in memory: mono int16 at `SAMPLE_RATE`, silent ends cut off."""

    samples: Samples
    label: str
    source_id: str


@dataclass
class SoundLibrary:
    """Sounds by stem and group; a group holds what may be chained within one scene.

    Args:
        groups: stem -> group name (speaker, instrument, kind of effect, piece) -> recordings.
    """

    groups: dict[str, dict[str, list[Sound]]] = field(
        default_factory=lambda: {stem: {} for stem in STEMS}
    )

    def add(self, stem: str, group: str, sound: Sound) -> None:
        """Put one recording into a group."""
        self.groups[stem].setdefault(group, []).append(sound)

    def count(self, stem: str) -> int:
        """Number of independent recordings (speakers for speech) behind a stem."""
        ids = {s.source_id for sounds in self.groups[stem].values() for s in sounds}
        return len(ids)


def read_sources(manifest: Path) -> list[SourceRow]:
    """Read every row of a source manifest.

    Raises:
        InputError: the file is unreadable or lacks a column.
    """
    try:
        with manifest.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise InputError(f"cannot read the source manifest {manifest}: {error.strerror}") from error
    needed = {"path", "class", "split", "source", "licence", "kind", "source_id", "author"}
    missing = needed - set(rows[0] if rows else ())
    if missing:
        raise InputError(
            f"{manifest} lacks the column {sorted(missing)[0]!r}; a source manifest has "
            f"{', '.join(sorted(needed))}"
        )
    root = manifest.parent
    return [
        SourceRow(
            root / row["path"],
            row["class"],
            row["split"],
            row["source"],
            row["licence"],
            row["kind"],
            row["source_id"],
            row["author"],
            row.get("note") or "",
        )
        for row in rows
    ]


def allows_any_use(licence: str) -> bool:
    """Whether a licence puts no condition on what is made of the work beyond naming its author.

    >>> allows_any_use("CC-BY-4.0"), allows_any_use("CC-BY-SA-3.0"), allows_any_use("GPL-2.0")
    (True, False, False)
    """
    name = licence.upper()
    return name.startswith(ANY_USE) or "FREE FOR ANY PROJECT, NO RESTRICTION" in name


def load_sounds(rows: Iterable[SourceRow]) -> SoundLibrary:
    """Decode all sounds that scenes use.

    Speech is grouped by speaker, long pieces of music each form a group of their own, instruments
    and effects are grouped by class.

    Raises:
        InputError: a file cannot be decoded; the message names it.
    """
    library = SoundLibrary()
    for row in rows:
        stem = row.stem
        if stem is None:
            continue
        samples = read_sound(row.path)
        single = row.kind in ("speech", "music")
        group = row.source_id if single else f"{row.label}/{row.source.split(' ')[0]}"
        library.add(stem, group, Sound(samples, row.label, row.source_id))
    return library


def read_sound(path: Path) -> Samples:
    """Decode one file to mono int16 at `SAMPLE_RATE`, scaled to full scale, silent ends cut off.

    Raises:
        InputError: not a sound file.
    """
    try:
        waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"cannot decode {path}: {error}") from error
    mono = soxr.resample(waveform.mean(axis=1), rate, SAMPLE_RATE, quality="HQ")
    return to_int16(trim(np.asarray(mono, dtype=np.float32)))


def to_int16(waveform: NDArray[np.float32]) -> Samples:
    """Scale to a peak of 0.99 and round; levels inside scenes are set later."""
    peak = float(np.abs(waveform).max(initial=0.0))
    scaled = waveform * (0.99 * 32767.0 / peak) if peak > 0 else waveform
    return np.round(scaled).astype(np.int16)


def trim(waveform: NDArray[np.float32], below_db: float = SILENCE_DB) -> NDArray[np.float32]:
    """Cut ends that are quieter than `below_db` under the loudest 50 ms block."""
    block = SAMPLE_RATE // 20
    count = len(waveform) // block
    if count < 3:
        return waveform
    power = np.square(waveform[: count * block]).reshape(count, block).mean(axis=1)
    active = np.flatnonzero(power > power.max() * 10 ** (below_db / 10))
    if len(active) == 0:
        return waveform
    return waveform[active[0] * block : (active[-1] + 1) * block]


def photos_by_class(rows: Sequence[SourceRow]) -> dict[str, list[SourceRow]]:
    """Photos of a list of rows by class, each list in manifest order."""
    found: dict[str, list[SourceRow]] = {}
    for row in rows:
        if row.kind == "photo":
            found.setdefault(row.label, []).append(row)
    return found
