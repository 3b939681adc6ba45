"""Manifest of fixed pseudo pairs: one JSON object a line, one pair an object, paths relative to it.

Sounds are stored dry, each at its level; what ears hear is rendered for whichever head is asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from seehear.config import from_dict, to_dict
from seehear.errors import ConfigError, InputError
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
        for path in self.files():
            if PurePosixPath(path).is_absolute() or not path:
                raise InputError(
                    f"pair {self.id} names {path!r}; paths are relative to the manifest's folder"
                )

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
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read the manifest {path}: {error.strerror}") from error
    rows = [_row(line, f"{path}, line {i}") for i, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError(f"the manifest {path} has no pairs; make one with: prepare pseudo-pairs")
    twice = [name for name, count in Counter(row.id for row in rows).items() if count > 1]
    if twice:
        raise InputError(f"{path} has the id {twice[0]!r} more than once; ids are unique")
    missing = [f for row in rows for f in row.files() if not (path.parent / f).is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} files that {path} names are missing, the first is {missing[0]}; "
            f"prepare the pairs again"
        )
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


def _row(line: str, where: str) -> PairRow:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not a JSON object ({error})") from error
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(values).__name__}")
    try:
        return from_dict(PairRow, values, where="pair")
    except (ConfigError, InputError) as error:
        raise InputError(f"{where}: {error}") from error
