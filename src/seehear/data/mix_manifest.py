"""Manifest of fixed mixtures: one JSON object a line, one mixture an object, paths relative to it.

The mixture is the sum of its stems and is not stored. Recordings behind each stem are named, so that
intervals can be drawn over recordings and leaks between splits can be found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seehear.config import to_dict
from seehear.data.json_rows import check_files, check_relative, read_rows
from seehear.errors import InputError
from seehear.metrics.report import write_text


@dataclass(frozen=True)
class StemRow:
    """One sound of a mixture.

    Args:
        label: its class.
        path: sound file at its level in the mixture.
        recordings: ids of the recordings in it.
        picture: picture of the thing, or None.
        picture_id: id of that picture, or None.
    """

    label: str
    path: str
    recordings: tuple[str, ...]
    picture: str | None = None
    picture_id: str | None = None


@dataclass(frozen=True)
class MixRow:
    """One mixture.

    Args:
        id: unique within the manifest.
        split: train, val or test.
        duration_s: length in seconds.
        sample_rate: Hz.
        stems: its sounds, two or more.
        low_pass_hz: common low-pass of all of them, or None if bandwidths are as recorded.

    Raises:
        InputError: fewer than two stems, or an absolute path.
    """

    id: str
    split: str
    duration_s: float
    sample_rate: int
    stems: tuple[StemRow, ...]
    low_pass_hz: float | None = None

    def __post_init__(self) -> None:
        if len(self.stems) < 2:
            raise InputError(f"mixture {self.id} needs two stems or more, not {len(self.stems)}")
        check_relative(f"mixture {self.id}", self.files())

    def files(self) -> list[str]:
        """All files that the row names."""
        pictures = [stem.picture for stem in self.stems if stem.picture is not None]
        return [*(stem.path for stem in self.stems), *pictures]


def read_mixes(path: Path) -> list[MixRow]:
    """Read and check a manifest of mixtures.

    Raises:
        InputError: unreadable, empty, an unknown key, a wrong type, an id twice, a missing file.
    """
    rows = read_rows(path, MixRow, "mixture", "make one with: prepare mixes")
    check_files(path, rows, "mixtures")
    return rows


def write_mixes(path: Path, rows: Iterable[MixRow]) -> None:
    """Write a manifest of mixtures; the file appears complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, "".join(mix_line(row) + "\n" for row in rows))


def mix_line(row: MixRow) -> str:
    """The line of one mixture."""
    return json.dumps(to_dict(row), ensure_ascii=False)
