"""Manifest of fixed pseudo pairs: one JSON object a line, one pair an object, paths relative to it.

Sounds are stored dry, each at its level; what ears hear is rendered for whichever head is asked for.
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
class PairSource:
    """One thing that is seen and heard.

    Args:
        label: class of its sound.
        path: sound file, dry, at its level in the pair.
        recordings: ids of the recordings in it.
        picture_id: id of its picture.
        azimuth_deg: positive to the left.
        elevation_deg: positive up.
        box: left, top, width, height on the canvas, pixels.
    """

    label: str
    path: str
    recordings: tuple[str, ...]
    picture_id: str
    azimuth_deg: float
    elevation_deg: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class PairRow:
    """One pair.

    Args:
        id: unique within the manifest.
        split: train, val or test.
        duration_s: length in seconds.
        sample_rate: Hz.
        picture: canvas, a picture file.
        backdrop: black, photo or blend.
        fov_deg: field of view of the canvas.
        sources: what is seen and heard, one or more.
        low_pass_hz: common bandwidth, or None if sounds are as recorded.

    Raises:
        InputError: no source, or an absolute path.
    """

    id: str
    split: str
    duration_s: float
    sample_rate: int
    picture: str
    backdrop: str
    fov_deg: float
    sources: tuple[PairSource, ...]
    low_pass_hz: float | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise InputError(f"pair {self.id} has no sources")
        check_relative(f"pair {self.id}", self.files())

    def files(self) -> list[str]:
        """All files that the row names."""
        return [self.picture, *(source.path for source in self.sources)]

    def recordings(self) -> tuple[str, ...]:
        """Ids of all recordings in it."""
        return tuple(name for source in self.sources for name in source.recordings)


def read_pairs(path: Path) -> list[PairRow]:
    """Read and check a manifest of pairs.

    Raises:
        InputError: unreadable, empty, an unknown key, a wrong type, an id twice, a missing file.
    """
    rows = read_rows(path, PairRow, "pair", "make one with: prepare pseudo-pairs")
    check_files(path, rows, "pairs")
    return rows


def write_pairs(path: Path, rows: Iterable[PairRow]) -> None:
    """Write a manifest of pairs; the file appears complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, "".join(pair_line(row) + "\n" for row in rows))


def pair_line(row: PairRow) -> str:
    """The line of one pair."""
    return json.dumps(to_dict(row), ensure_ascii=False)
