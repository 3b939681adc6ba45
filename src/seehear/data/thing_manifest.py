"""Manifest of clips that each show and sound one class: one JSON object a line.

Rows point at the user's own files, relative to the manifest's folder; nothing is copied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seehear.config import from_dict, to_dict
from seehear.data.splits import shared_recordings
from seehear.errors import ConfigError, InputError
from seehear.metrics.report import write_text


@dataclass(frozen=True)
class ThingClip:
    """One clip of one thing.

    Args:
        id: unique within the manifest.
        video_id: recording it is cut from; no recording may be in two splits.
        label: its class, as the corpus writes it.
        split: train, val or test.
        path: file, relative to the manifest's folder.
        start_s: where the clip starts in the file.
        duration_s: its length, or None for all of the file.
    """

    id: str
    video_id: str
    label: str
    split: str
    path: str
    start_s: float = 0.0
    duration_s: float | None = None


def write_clips(path: Path, clips: Iterable[ThingClip]) -> None:
    """Write a manifest; the file appears complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    lines = [json.dumps(to_dict(clip), ensure_ascii=False) + "\n" for clip in clips]
    write_text(path, "".join(lines))


def read_clips(path: Path) -> list[ThingClip]:
    """Read and check a manifest.

    Raises:
        InputError: unreadable, not JSON, an unknown key or a wrong type.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read the manifest {path}: {error.strerror}") from error
    clips = []
    for number, line in enumerate(lines, 1):
        try:
            clips.append(from_dict(ThingClip, json.loads(line), where="clip"))
        except (ValueError, ConfigError) as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    return clips


def leaks(clips: Iterable[ThingClip]) -> dict[str, tuple[str, ...]]:
    """Recordings that are in more than one split, with these splits in order."""
    return shared_recordings((clip.video_id, clip.split) for clip in clips)
