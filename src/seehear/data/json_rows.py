"""Manifests on disk: one JSON object a line, checked strictly; ids are unique, paths relative."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

from seehear.config import from_dict
from seehear.errors import ConfigError, InputError


class Row(Protocol):
    """A dataclass with an id that can name its files."""

    @property
    def id(self) -> str:
        """Unique within a manifest."""
        ...

    def files(self) -> list[str]:
        """Relative paths that the row names."""
        ...


RowType = TypeVar("RowType", bound=Row)


def read_rows(path: Path, kind: type[RowType], what: str, advice: str) -> list[RowType]:
    """Read a manifest.

    Args:
        path: of the manifest.
        kind: dataclass of a row.
        what: one row, in words, for messages.
        advice: what to do about an empty manifest.

    Raises:
        InputError: unreadable, empty, not JSON, an unknown key, a wrong type, an id used twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read the manifest {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the manifest {path} is not UTF-8 text") from error
    rows = [
        _row(line, kind, what, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not rows:
        raise InputError(f"the manifest {path} has no {what}s; {advice}")
    twice = [name for name, count in Counter(row.id for row in rows).items() if count > 1]
    if twice:
        raise InputError(f"{path} has the id {twice[0]!r} more than once; ids are unique")
    return rows


def check_files(path: Path, rows: Sequence[Row], what: str) -> None:
    """See that every file that a manifest names is there.

    Args:
        path: of the manifest.
        rows: its rows.
        what: what to prepare again, for the message.

    Raises:
        InputError: files are missing.
    """
    missing = [name for row in rows for name in row.files() if not (path.parent / name).is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} files that {path} names are missing, the first is {missing[0]}; "
            f"prepare the {what} again"
        )


def check_relative(what: str, paths: Iterable[str]) -> None:
    """See that a row's paths are relative.

    Args:
        what: the row, for the message.
        paths: that it names.

    Raises:
        InputError: an absolute or empty path.
    """
    for path in paths:
        if PurePosixPath(path).is_absolute() or not path:
            raise InputError(f"{what} names {path!r}; paths are relative to the manifest's folder")


def _row(line: str, kind: type[RowType], what: str, where: str) -> RowType:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not a JSON object ({error})") from error
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(values).__name__}")
    try:
        return from_dict(kind, values, where=what)
    except (ConfigError, InputError) as error:
        raise InputError(f"{where}: {error}") from error
