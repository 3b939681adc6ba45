"""Fixed lists of clips that are mixed for validation and tests: one JSON object a line.

A list names clips of the manifest beside it. It is drawn once, by a seed, and kept, so that figures of
different models are about the same mixtures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seehear.config import from_dict, to_dict
from seehear.data.thing_manifest import ThingClip
from seehear.errors import ConfigError, InputError
from seehear.metrics.report import write_text

LIST = "pairs-{}.jsonl"
"""Name of the list of a split."""


@dataclass(frozen=True)
class PairRow:
    """Clips that are mixed.

    Args:
        id: unique within the list.
        clips: ids of two clips or more, all of different classes.
    """

    id: str
    clips: tuple[str, ...]


def draw_pairs(clips: Sequence[ThingClip], each: int, seed: int) -> list[PairRow]:
    """Every clip `each` times as the first of a pair, with a partner of another class at random.

    The published lists of MUSIC (10 each) and AVE (1 each) are made so. No ordered pair comes twice as
    long as there are partners left.

    Args:
        clips: of one split.
        each: pairs per first clip.
        seed: of the draw; clip n's partners depend on it and on the clips only.
    """
    rows: list[PairRow] = []
    ordered = sorted(clips, key=lambda clip: clip.id)
    for index, clip in enumerate(ordered):
        others = [other.id for other in ordered if other.label != clip.label]
        rng = np.random.default_rng([seed, index])
        turns = [rng.permutation(len(others)) for _ in range(-(-each // max(len(others), 1)))]
        for number in np.concatenate(turns)[:each] if others else ():
            rows.append(PairRow(f"pair{len(rows):04d}", (clip.id, others[int(number)])))
    return rows


def write_pairs(path: Path, rows: Iterable[PairRow]) -> None:
    """Write a list; the file appears complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, "".join(json.dumps(to_dict(row)) + "\n" for row in rows))


def read_pairs(path: Path, clips: Iterable[ThingClip]) -> list[PairRow]:
    """Read and check a list.

    Args:
        path: the list.
        clips: of the manifest that it names clips of.

    Raises:
        InputError: unreadable, empty, an unknown key or clip, one clip alone, or one class twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read the list of pairs {path}: {error.strerror}") from error
    known = {clip.id: clip for clip in clips}
    rows = [_row(line, known, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line]
    if not rows:
        raise InputError(f"the list {path} has no pairs; prepare the corpus again")
    return rows


def _row(line: str, known: dict[str, ThingClip], where: str) -> PairRow:
    try:
        row = from_dict(PairRow, json.loads(line), where="pair")
    except (ValueError, ConfigError) as error:
        raise InputError(f"{where}: {error}") from error
    missing = [name for name in row.clips if name not in known]
    if missing:
        raise InputError(f"{where} names the clip {missing[0]!r}, which the manifest does not have")
    if len({known[name].label for name in row.clips}) < max(len(row.clips), 2):
        raise InputError(f"{where} needs two clips or more, each of another class")
    return row


def is_pair_list(path: Path) -> bool:
    """Whether a file is a list of pairs rather than a manifest of mixtures, by its first line."""
    try:
        with path.open(encoding="utf-8") as stream:
            first = json.loads(stream.readline() or "null")
    except (OSError, ValueError, UnicodeDecodeError):
        return False
    return isinstance(first, dict) and set(first) == {"id", "clips"}
