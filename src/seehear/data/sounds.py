"""Sounds of things by class, for mixtures of things: who may be asked for, who only disturbs.

Unlike `sources.py`, which sorts sounds into speech, music and effects, this keeps every class of a
source manifest apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from seehear.data.sources import Sound, SourceRow, allows_any_use, read_sound
from seehear.errors import InputError

KINDS = frozenset(("recording", "speech", "oneshot", "effect", "music"))
GENERIC = frozenset(("ambience", "effects", "music", "music_loop"))
"""Classes that say nothing about the thing that sounds; like whole pieces of music they only disturb."""
FEWEST = 4
"""A class with fewer sounds than this disturbs, but cannot be asked for."""


@dataclass
class ThingLibrary:
    """Sounds by class.

    Args:
        things: class -> its sounds, for classes that may be asked for.
        others: class -> its sounds, for the rest.
    """

    things: dict[str, list[Sound]] = field(default_factory=dict)
    others: dict[str, list[Sound]] = field(default_factory=dict)

    def recordings(self, label: str) -> int:
        """Number of independent recordings behind a class."""
        return len({sound.source_id for sound in self.things[label]})


def load_things(
    rows: Iterable[SourceRow], extra: Iterable[Sound] = (), fewest: int = FEWEST
) -> ThingLibrary:
    """Decode all sounds of a list of rows.

    Args:
        rows: source rows; photos, notes and other kinds are passed over.
        extra: further sounds, such as rendered melodies.
        fewest: sounds that a class needs to be asked for.

    Raises:
        InputError: a file cannot be decoded; the message names it.
    """
    sounds: dict[str, list[Sound]] = {}
    generic = set(GENERIC)
    for row in rows:
        if row.kind in KINDS:
            label = "speech" if row.kind == "speech" else row.label
            if row.kind == "music":
                generic.add(label)
            sounds.setdefault(label, []).append(Sound(read_sound(row.path), label, row.source_id))
    for sound in extra:
        sounds.setdefault(sound.label, []).append(sound)
    library = ThingLibrary()
    for label, found in sorted(sounds.items()):
        askable = label not in generic and len(found) >= fewest
        (library.things if askable else library.others)[label] = found
    return library


def rows_of_split(rows: Iterable[SourceRow], split: str, any_use_only: bool) -> list[SourceRow]:
    """Rows of one split, if wanted only those whose licence puts no condition on what is made.

    Raises:
        InputError: there are none; the message lists the splits.
    """
    rows = list(rows)
    chosen = [
        row
        for row in rows
        if row.split == split and (not any_use_only or allows_any_use(row.licence))
    ]
    if not chosen:
        splits = ", ".join(sorted({row.split for row in rows}))
        raise InputError(f"no rows of the split {split!r} in the source manifest; splits: {splits}")
    return chosen
