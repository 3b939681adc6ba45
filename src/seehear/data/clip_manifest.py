"""Manifest of clips with picture and sound: one JSON object a line, paths relative to its folder.

Rows of every corpus for `generate` look like this, drawn scenes as well as cuts of the user's own
videos. Rows point at files; nothing is copied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seehear.config import to_dict
from seehear.data.json_rows import check_files, check_relative, read_rows
from seehear.data.splits import shared_recordings
from seehear.errors import InputError
from seehear.metrics.report import write_text


@dataclass(frozen=True)
class GenerateClip:
    """One clip.

    Args:
        id: unique within the manifest.
        split: train, val or test.
        label: its class, as the corpus writes it; "" where none is known.
        video: file with the picture, or "" where `scene` says how to draw it.
        sound: file with the sound; "" where it is the video's own track.
        start_s: where the clip starts, in both files.
        seconds: its length.
        source_id: recording behind it; no recording may be in two splits, and intervals are drawn
            over recordings.
        seed: of everything about the clip that is drawn by lot.
        scene: how the picture is drawn, or None.

    Raises:
        InputError: no id, no length, neither picture nor scene, or an absolute path.
    """

    id: str
    split: str
    label: str
    video: str = ""
    sound: str = ""
    start_s: float = 0.0
    seconds: float = 0.0
    source_id: str = ""
    seed: int = 0
    scene: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.id or not self.seconds > 0 or self.start_s < 0:
            raise InputError(
                f"a clip needs an id, a start and a length, not {self.id!r}, {self.start_s} s, "
                f"{self.seconds} s"
            )
        if not self.video and self.scene is None:
            raise InputError(f"clip {self.id} has neither a video nor a scene to draw")
        check_relative(f"clip {self.id}", self.files())

    def files(self) -> list[str]:
        """All relative paths that the row names."""
        return [path for path in (self.video, self.sound) if path]

    @property
    def recording(self) -> str:
        """The recording behind the clip; the clip's own id where none is known."""
        return self.source_id or self.id


def read_clips(path: Path, split: str = "") -> list[GenerateClip]:
    """Read and check a manifest of clips.

    Args:
        path: of the manifest.
        split: which rows to return; "" for all of them.

    Raises:
        InputError: unreadable, empty, an unknown key, a wrong type, an id twice, a recording in two
            splits, a missing file, or no row of the split.
    """
    rows = read_rows(path, GenerateClip, "clip", "make one with: prepare generate")
    leaking = clip_leaks(rows)
    if leaking:
        name, splits = next(iter(leaking.items()))
        raise InputError(
            f"{path} has {len(leaking)} recordings in several splits, the first is {name} in "
            f"{', '.join(splits)}; prepare the clips again"
        )
    chosen = [row for row in rows if not split or row.split == split]
    if not chosen:
        there = ", ".join(sorted({row.split for row in rows}))
        raise InputError(f"{path} has no clips of the split {split!r}; splits: {there}")
    check_files(path, chosen, "clips")
    return chosen


def write_clips(path: Path, rows: Iterable[GenerateClip]) -> None:
    """Write a manifest of clips; the file appears complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, "".join(clip_line(row) + "\n" for row in rows))


def clip_line(row: GenerateClip) -> str:
    """The line of one clip."""
    return json.dumps(to_dict(row), ensure_ascii=False)


def clip_leaks(rows: Sequence[GenerateClip]) -> dict[str, tuple[str, ...]]:
    """Recordings that are in more than one split, with these splits in order."""
    return shared_recordings((row.recording, row.split) for row in rows)
