"""Manifest of fixed mixtures: one JSON object a line, one mixture an object, paths relative to it.

The mixture is the sum of its stems and is not stored. Recordings behind each stem are named, so that
intervals can be drawn over recordings and leaks between splits can be found.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from seehear.config import from_dict, to_dict
from seehear.errors import ConfigError, InputError
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
        for path in self.files():
            if PurePosixPath(path).is_absolute() or not path:
                raise InputError(
                    f"mixture {self.id} names {path!r}; paths are relative to the manifest's folder"
                )

    def files(self) -> list[str]:
        """All files that the row names."""
        pictures = [stem.picture for stem in self.stems if stem.picture is not None]
        return [*(stem.path for stem in self.stems), *pictures]


def read_mixes(path: Path) -> list[MixRow]:
    """Read and check a manifest of mixtures.

    Raises:
        InputError: unreadable, empty, an unknown key, a wrong type, an id twice, a missing file.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read the manifest {path}: {error.strerror}") from error
    rows = [_row(line, f"{path}, line {i}") for i, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError(f"the manifest {path} has no mixtures; make one with: prepare mixes")
    twice = [name for name, count in Counter(row.id for row in rows).items() if count > 1]
    if twice:
        raise InputError(f"{path} has the id {twice[0]!r} more than once; ids are unique")
    missing = [f for row in rows for f in row.files() if not (path.parent / f).is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} files that {path} names are missing, the first is {missing[0]}; "
            f"prepare the mixtures again"
        )
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


def _row(line: str, where: str) -> MixRow:
    try:
        values: Any = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not a JSON object ({error})") from error
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(values).__name__}")
    try:
        return from_dict(MixRow, values, where="mixture")
    except (ConfigError, InputError) as error:
        raise InputError(f"{where}: {error}") from error
