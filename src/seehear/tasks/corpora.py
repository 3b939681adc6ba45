"""What recipes of corpora share: files in a published layout, splits without leaks, shards that fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from seehear.data.splits import SPLITS, shared_recordings
from seehear.errors import InputError, OutputError
from seehear.metrics.report import write_text

VIDEOS = frozenset((".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".flv"))
"""Suffixes, in lower case, of what counts as a video."""


class InSplit(Protocol):
    """A clip that belongs to a split."""

    @property
    def split(self) -> str:
        """train, val or test."""


Clip = TypeVar("Clip", bound=InSplit)


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


def is_number(text: str) -> bool:
    """Whether a cell of a published table holds a number, not a heading."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def without_leaks(
    clips: Sequence[Clip], recording: Callable[[Clip], str], drop: bool
) -> tuple[list[Clip], list[str]]:
    """Clips of recordings that are in one split only.

    Args:
        clips: of all splits.
        recording: what a clip was cut from.
        drop: keep a recording that is in more than one split in the last of train, val, test.

    Returns:
        Clips that stay, and the recordings that were in more than one split.

    Raises:
        InputError: there are such recordings and they are not to be dropped.
    """
    found = shared_recordings((recording(clip), clip.split) for clip in clips)
    if found and not drop:
        name, splits = next(iter(found.items()))
        raise InputError(
            f"{len(found)} recordings are in more than one split, the first is {name} in "
            f"{' and '.join(splits)}; say --drop-leaks to keep each in the last of train, val, test"
        )
    last = {name: max(splits, key=SPLITS.index) for name, splits in found.items()}
    kept = [clip for clip in clips if last.get(recording(clip), clip.split) == clip.split]
    return kept, sorted(found)


def claim_shards(claim: Path, told: Sequence[Any]) -> None:
    """Say what the tar files of a folder are made from; remove those that were made otherwise.

    Args:
        claim: file beside them that keeps a hash of `told`.
        told: plain values that say everything the tar files depend on.

    Raises:
        OutputError: the folder cannot be written into.
    """
    content = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    try:
        before = claim.read_text(encoding="utf-8").strip() if claim.is_file() else ""
        if before != content:
            for path in claim.parent.glob("*.tar"):
                path.unlink()
    except OSError as error:
        raise OutputError(f"cannot write into {claim.parent}: {error.strerror}") from error
    write_text(claim, content + "\n")
