"""What a job in stages keeps: tables that grow row by row, and facts; in the part folder or in memory.

Rows come first and the note of how many there are second, so that after a kill a table holds at least what
was noted; what is more is cut off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seehear.media.part import PartFolder, said_plainly

Rows = NDArray[np.float32]
FLOAT_BYTES = 4


class Table(Protocol):
    """Rows of float32 numbers, all of one length."""

    def __len__(self) -> int:
        """Number of rows."""

    def append(self, rows: Rows) -> None:
        """Add rows [n, columns]."""

    def read(self, start: int, stop: int) -> Rows:
        """Rows [stop - start, columns]."""

    def cut(self, count: int) -> None:
        """Keep the first rows only."""


class Keep(Protocol):
    """Tables and facts by name."""

    def table(self, name: str, columns: int) -> Table:
        """A table, with what it held before."""

    def note(self, name: str, facts: dict[str, Any]) -> None:
        """Keep a JSON-ready fact; it appears complete or not at all."""

    def noted(self, name: str) -> dict[str, Any] | None:
        """Read it, None if it was never noted."""

    def drop(self, name: str) -> None:
        """Forget a table."""


class MemoryTable:
    """A table in memory.

    Args:
        columns: numbers per row.
    """

    def __init__(self, columns: int) -> None:
        self._rows = np.zeros((0, columns), np.float32)

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, rows: Rows) -> None:
        """Add rows [n, columns]."""
        self._rows = np.concatenate([self._rows, np.asarray(rows, np.float32)])

    def read(self, start: int, stop: int) -> Rows:
        """Rows [stop - start, columns]."""
        return self._rows[start:stop]

    def cut(self, count: int) -> None:
        """Keep the first rows only."""
        self._rows = self._rows[:count]


class MemoryKeep:
    """Nothing survives; for calls in memory."""

    def __init__(self) -> None:
        self._tables: dict[str, MemoryTable] = {}
        self._facts: dict[str, dict[str, Any]] = {}

    def table(self, name: str, columns: int) -> MemoryTable:
        """A table, with what it held before."""
        return self._tables.setdefault(name, MemoryTable(columns))

    def note(self, name: str, facts: dict[str, Any]) -> None:
        """Keep a fact."""
        self._facts[name] = facts

    def noted(self, name: str) -> dict[str, Any] | None:
        """Read it, None if it was never noted."""
        return self._facts.get(name)

    def drop(self, name: str) -> None:
        """Forget a table."""
        self._tables.pop(name, None)


class FileTable:
    """A table as plain float32 numbers in a file.

    Args:
        path: file; made with the first rows.
        columns: numbers per row.
        output: whose part it is, for messages.
    """

    def __init__(self, path: Path, columns: int, output: Path) -> None:
        self._path, self._columns, self._output = path, columns, output

    def __len__(self) -> int:
        size = self._path.stat().st_size if self._path.exists() else 0
        return size // (FLOAT_BYTES * self._columns)

    def append(self, rows: Rows) -> None:
        """Add rows [n, columns]."""
        with said_plainly(self._output), self._path.open("ab") as stream:
            stream.write(np.ascontiguousarray(rows, np.float32).tobytes())

    def read(self, start: int, stop: int) -> Rows:
        """Rows [stop - start, columns]."""
        if stop <= start or not self._path.exists():
            return np.zeros((0, self._columns), np.float32)
        row = FLOAT_BYTES * self._columns
        with self._path.open("rb") as stream:
            stream.seek(start * row)
            data = stream.read((stop - start) * row)
        return np.frombuffer(data, np.float32).reshape(-1, self._columns).copy()

    def cut(self, count: int) -> None:
        """Keep the first rows only."""
        if not self._path.exists():
            return
        with said_plainly(self._output), self._path.open("r+b") as stream:
            stream.truncate(count * FLOAT_BYTES * self._columns)


class FileKeep:
    """Tables and facts in the folder of an unfinished output.

    Args:
        part: that folder.
        prefix: before all names, so that several may share one folder.
    """

    def __init__(self, part: PartFolder, prefix: str = "") -> None:
        self._part, self._prefix = part, prefix

    def table(self, name: str, columns: int) -> FileTable:
        """A table, with what it held before."""
        return FileTable(self._file(name), columns, self._part.output)

    def note(self, name: str, facts: dict[str, Any]) -> None:
        """Keep a fact."""
        self._part.note(f"{self._prefix}{name}", facts)

    def noted(self, name: str) -> dict[str, Any] | None:
        """Read it, None if it was never noted."""
        return self._part.noted(f"{self._prefix}{name}")

    def drop(self, name: str) -> None:
        """Forget a table."""
        self._file(name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        return self._part.folder / f"{self._prefix}{name}.f32"
