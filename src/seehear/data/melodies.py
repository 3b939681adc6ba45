"""Short random melodies played on single recorded notes: more music for training, never for tests.

Real solo performances that allow any use are few; notes are many. A phrase is a random walk on a
scale with chords now and then; each note is a recording, moved by at most two semitones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from seehear.data.sources import SAMPLE_RATE, Samples, Sound, SourceRow, read_sound, to_int16

SCALE = (0, 2, 4, 5, 7, 9, 11)
PHRASE_S = 12.0
MAX_SHIFT = 2


def render_melodies(rows: Iterable[SourceRow], per_class: int, seed: int) -> list[Sound]:
    """Play phrases on the `note` rows of a source manifest.

    Args:
        rows: source rows; others than notes with `midi=` in their note field are passed over.
        per_class: phrases per instrument.
        seed: of all choices.

    Returns:
        One sound per phrase, labelled with the instrument.
    """
    notes: dict[str, dict[int, list[Samples]]] = {}
    for row in rows:
        pitch = re.search(r"midi=(\d+)", row.note)
        if row.kind == "note" and pitch:
            by_pitch = notes.setdefault(row.label, {})
            by_pitch.setdefault(int(pitch[1]), []).append(read_sound(row.path))
    rng = np.random.default_rng(seed)
    return [
        Sound(to_int16(_phrase(by_pitch, rng)), label, f"melody:{label}:{index}")
        for label, by_pitch in sorted(notes.items())
        for index in range(per_class)
    ]


def _phrase(by_pitch: dict[int, list[Samples]], rng: np.random.Generator) -> NDArray[np.float32]:
    out = np.zeros(int(PHRASE_S * SAMPLE_RATE), dtype=np.float32)
    root = int(rng.integers(0, 12))
    reachable = [
        p
        for p in range(min(by_pitch) - MAX_SHIFT, max(by_pitch) + MAX_SHIFT + 1)
        if (p - root) % 12 in SCALE and min(abs(p - have) for have in by_pitch) <= MAX_SHIFT
    ]
    place = int(rng.integers(0, len(reachable)))
    beat = rng.uniform(0.15, 0.45)
    time = 0.0
    while time < PHRASE_S - beat:
        length = beat * rng.choice([1, 1, 2, 2, 3])
        for step in [0, 2, 4] if rng.random() < 0.25 else [0]:
            index = min(place + step, len(reachable) - 1)
            note = _note(by_pitch, reachable[index], length * rng.uniform(0.9, 2.0), rng)
            start = int(time * SAMPLE_RATE)
            note = note[: len(out) - start] * np.float32(rng.uniform(0.5, 1.0))
            out[start : start + len(note)] += note
        place = int(np.clip(place + rng.integers(-3, 4), 0, len(reachable) - 1))
        time += length
    return out


def _note(
    by_pitch: dict[int, list[Samples]], pitch: int, length_s: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    nearest = min(by_pitch, key=lambda have: abs(have - pitch))
    source = by_pitch[nearest][int(rng.integers(0, len(by_pitch[nearest])))]
    ratio = 2 ** ((pitch - nearest) / 12)
    count = min(int(length_s * SAMPLE_RATE), int((len(source) - 1) / ratio))
    # Linear interpolation: a shift of two semitones at most keeps its images below hearing here.
    moved = np.interp(np.arange(count) * ratio, np.arange(len(source)), source) / 32768.0
    fade = min(count, SAMPLE_RATE // 20)
    moved[count - fade :] *= np.linspace(1, 0, fade)
    return np.asarray(moved, dtype=np.float32)
