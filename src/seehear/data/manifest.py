"""Manifests: one JSON object a line, one clip an object, paths relative to the manifest's folder.

A row of our own corpora names stems and a seed; the muddy mix is made from them when it is needed
and never stored. A row of a published corpus may name a finished `mixture` and `target` instead.
Reading is strict: an unknown key, a wrong type or a contradiction names the file and the line.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seehear.config import to_dict
from seehear.data.json_rows import check_relative, read_rows
from seehear.data.muddy import STEMS, MuddySpec
from seehear.errors import InputError
from seehear.metrics.report import write_text


@dataclass(frozen=True)
class ClipRow:
    """One clip.

    Args:
        id: unique within the manifest.
        split: train, val, test, or any other name.
        duration_s: length in seconds.
        sample_rate: of its sound, Hz.
        stems: paths of speech, music and effects, which sum to the target; or None.
        frames: path of an npz with `frames` uint8 [N, 3, S, S] and `times` float64 [N]; or None.
        captions: path of a caption file; or None.
        focus: what the picture is about in each second: speech, music, effects, or "" for nothing.
        muddy: how the muddy mix is made from the stems; or None.
        sources: recording ids behind each stem; what bootstraps draw from.
        mixture: path of a finished muddy mix; it wins over `muddy`.
        target: path of the finished mix; it wins over the sum of the stems.

    Raises:
        InputError: neither stems nor a target; neither `muddy` nor a mixture; a missing stem; an
            absolute path; an unknown focus.
    """

    id: str
    split: str
    duration_s: float
    sample_rate: int
    stems: dict[str, str] | None = None
    frames: str | None = None
    captions: str | None = None
    focus: tuple[str, ...] = ()
    muddy: MuddySpec | None = None
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    mixture: str | None = None
    target: str | None = None

    def __post_init__(self) -> None:
        if not self.id or not self.duration_s > 0 or self.sample_rate <= 0:
            raise InputError(
                f"a clip needs an id, a duration and a sample rate, not {self.id!r}, "
                f"{self.duration_s} s, {self.sample_rate} Hz"
            )
        if self.stems is not None and set(self.stems) != set(STEMS):
            raise InputError(
                f"clip {self.id} needs the stems {', '.join(STEMS)}, "
                f"not {', '.join(self.stems) or 'none'}"
            )
        if self.stems is None and self.target is None:
            raise InputError(f"clip {self.id} has neither stems nor a target; nothing to compare")
        if self.mixture is None and (self.muddy is None or self.stems is None):
            raise InputError(f"clip {self.id} has no mixture and cannot be muddied from its stems")
        check_relative(f"clip {self.id}", self.files())
        unknown = sorted(set(self.focus) - {*STEMS, ""})
        if unknown:
            raise InputError(
                f"clip {self.id} has the focus {unknown[0]!r}; known: {', '.join(STEMS)} or ''"
            )

    def files(self) -> list[str]:
        """All relative paths that the row names."""
        optional = (self.frames, self.captions, self.mixture, self.target)
        return [*(self.stems or {}).values(), *(path for path in optional if path is not None)]

    def recordings(self) -> frozenset[str]:
        """Ids of all recordings behind the clip; the clip's own id where none are known."""
        known = frozenset(name for names in self.sources.values() for name in names)
        return known or frozenset({self.id})

    def main_focus(self) -> str:
        """The focus of most seconds ("" if none is given); ties go to speech, music, effects."""
        counts = Counter(name for name in self.focus if name)
        return max(STEMS, key=lambda name: counts[name]) if counts else ""


@dataclass(frozen=True)
class Manifest:
    """A manifest as read from its file.

    Args:
        path: the file.
        rows: its clips, in the order of the file.
    """

    path: Path
    rows: tuple[ClipRow, ...]

    def resolve(self, relative: str) -> Path:
        """Path of a file that a row names."""
        return self.path.parent / relative

    def split(self, name: str) -> tuple[ClipRow, ...]:
        """Rows of one split.

        Raises:
            InputError: no row belongs to it; the message lists the splits there are.
        """
        chosen = tuple(row for row in self.rows if row.split == name)
        if not chosen:
            there = ", ".join(sorted({row.split for row in self.rows})) or "none"
            raise InputError(f"{self.path} has no clips of the split {name!r}; splits: {there}")
        return chosen

    def missing_files(self) -> list[Path]:
        """Files that rows name and that are not there, in the order of the rows."""
        named = dict.fromkeys(path for row in self.rows for path in row.files())
        return [path for path in map(self.resolve, named) if not path.is_file()]


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        InputError: unreadable, empty, not JSON, an unknown key, a wrong type, an id used twice.
    """
    rows = read_rows(path, ClipRow, "clip", "write one JSON object a line")
    return Manifest(path, tuple(rows))


def write_manifest(path: Path, rows: Iterable[ClipRow]) -> None:
    """Write a manifest; the file appears complete or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_text(path, "".join(_line(row) + "\n" for row in rows))


def rows_sha256(rows: Sequence[ClipRow]) -> str:
    """Hash of a split: sha256 over its rows in order, whatever their spacing in the file was."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(_line(row).encode() + b"\n")
    return digest.hexdigest()


def _line(row: ClipRow) -> str:
    values = {key: value for key, value in to_dict(row).items() if value not in (None, [], {})}
    return json.dumps(values, ensure_ascii=False)
