"""What the command line says: results on stdout, everything else on stderr.

File names are shown as they are: nothing is read as markup, and control characters are escaped, so
that a name cannot break a line or colour a terminal.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Progress = Callable[[int, int, str], None]


def say(text: str) -> None:
    """One line of result on stdout."""
    sys.stdout.write(one_line(text) + "\n")


def say_json(value: Mapping[str, Any]) -> None:
    """The one JSON object of `--json` on stdout (ASCII, so that any locale can carry it)."""
    sys.stdout.write(json.dumps(value, indent=1, default=str) + "\n")


def complain(sentence: str) -> None:
    """One error line on stderr."""
    sys.stderr.write(f"seehear: {one_line(sentence)}\n")


def warn(sentence: str) -> None:
    """One warning line on stderr."""
    sys.stderr.write(f"seehear: warning: {one_line(sentence)}\n")


def one_line(text: str) -> str:
    """Escape what is not printable (line breaks, terminal codes, bytes that are no text).

    >>> one_line("two\\\\nlines")
    'two\\\\\\\\nlines'
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def table(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Lines with aligned columns; the last column is not padded."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return [
        gap.join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


@contextlib.contextmanager
def progress_bar(quiet: bool, check: Callable[[], None]) -> Iterator[Progress]:
    """Yield the callback that a job reports to.

    Args:
        quiet: show nothing.
        check: called at every report; raises when the run was asked to stop.
    """
    if quiet or not sys.stderr.isatty():

        def unseen(done: int, total: int, note: str) -> None:
            check()

        yield unseen
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        row = bar.add_task("starting", total=None)

        def seen(done: int, total: int, note: str) -> None:
            check()
            bar.update(row, completed=done, total=total or None, description=one_line(note))

        yield seen
