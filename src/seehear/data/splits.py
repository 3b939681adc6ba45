"""Splits of corpora: their names, and recordings that are in more than one of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

SPLITS = ("train", "val", "test")


def shared_recordings(found: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Recordings that are in more than one split, with these splits in alphabetical order.

    Args:
        found: recording and split of every clip.
    """
    splits: dict[str, set[str]] = {}
    for recording, split in found:
        splits.setdefault(recording, set()).add(split)
    return {name: tuple(sorted(own)) for name, own in sorted(splits.items()) if len(own) > 1}


def count_splits(splits: Iterable[str]) -> dict[str, int]:
    """How many clips each of the three splits has."""
    counts = Counter(splits)
    return {split: counts[split] for split in SPLITS}


def drawn_split(recording: str, seed: int) -> str:
    """Split of a recording where the corpus has none: 80/10/10, by its id and the seed only.

    >>> drawn_split("a", 0) == drawn_split("a", 0)
    True
    """
    place = drawn(recording, seed)
    return "train" if place < 0.8 else ("val" if place < 0.9 else "test")


def drawn(recording: str, seed: int) -> float:
    """A number 0..1 that depends on a recording's id and the seed only."""
    digest = hashlib.sha256(f"{seed}:{recording}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32
