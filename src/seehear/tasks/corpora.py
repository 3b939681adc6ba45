"""What recipes of public corpora share: finding files in a published layout."""

from __future__ import annotations

from pathlib import Path

from seehear.errors import InputError

VIDEOS = frozenset((".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".flv"))
"""Suffixes, in lower case, of what counts as a video."""


def video_called(folder: Path, name: str) -> Path:
    """The video of this name with whatever suffix; a name with .mp4 where there is none."""
    for suffix in sorted(VIDEOS):
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    return folder / f"{name}.mp4"


def published_lines(path: Path) -> list[str]:
    """Lines of a list that belongs to a corpus, without empty ones; the last one need not end.

    Raises:
        InputError: the list cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; the recipe expects the published layout"
        ) from error
    return [line for line in text.splitlines() if line.strip()]
