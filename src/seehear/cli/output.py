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

from seehear.tasks.progress import Progress


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

    >>> print(one_line("first" + chr(10) + "second"))
    first\\nsecond
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


def flatten(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Nested tables as dotted keys with plain values."""
    if not isinstance(value, dict):
        return [(prefix, value)]
    return [
        pair
        for key, inner in value.items()
        for pair in flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    ]


@contextlib.contextmanager
def progress_bar(quiet: bool, check: Callable[[], None]) -> Iterator[Progress]:
    """Yield the callback that a job reports to.

    Args:
        quiet: show nothing.
        check: called at every report; raises when the run was asked to stop.
    """
    if quiet or not sys.stderr.isatty():

        def unseen(done: float, total: float, note: str) -> None:
            check()

        yield unseen
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        row = bar.add_task("starting", total=None)

        def seen(done: float, total: float, note: str) -> None:
            check()
            bar.update(row, completed=done, total=total or None, description=one_line(note))

        yield seen
