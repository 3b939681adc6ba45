"""The input of a job that makes sound for a picture: when the picture is seen, and what sound is there.

The picture decides where new sound begins and ends, whether or not the file has sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seehear.errors import InputError
from seehear.media.mux import Cut
from seehear.media.opening import open_input
from seehear.media.probe import MediaInfo, describe
from seehear.media.span import PictureSpan, picture_span
from seehear.tasks.source import SoundSource, missing_end_s, open_source, part_of

NEW_RATE = 48000
"""Sample rate of the first sound of a file, Hz."""


@dataclass(frozen=True)
class PictureSource:
    """A file whose picture is worked on, perhaps only a part of it.

    Args:
        path: file.
        info: what its header says.
        span: when the whole picture is seen.
        sound: the chosen sound track; None if the file has no sound.
        cut: part to work on, on the file's clock; None for all.
    """

    path: Path
    info: MediaInfo
    span: PictureSpan
    sound: SoundSource | None
    cut: Cut | None

    @property
    def begin_s(self) -> float:
        """When the part to work on is first seen, seconds on the file's clock."""
        begin = self.span.begin_s
        return begin if self.cut is None else max(begin, self.cut.begin_s)

    @property
    def length_s(self) -> float:
        """For how long it is seen."""
        end = self.span.end_s if self.cut is None else min(self.span.end_s, self.cut.end_s)
        return end - self.begin_s

    @property
    def sample_rate(self) -> int:
        """Of the new sound: that of the old one, if there is any, Hz."""
        return NEW_RATE if self.sound is None else self.sound.sample_rate

    def expected_samples(self) -> int:
        """Length of the new sound at that rate."""
        return max(round(self.length_s * self.sample_rate), 1)

    def facts(self) -> dict[str, Any]:
        """What packets and header tell, for the receipt."""
        return {
            "path": str(self.path),
            "container": self.info.container,
            "duration_s": self.info.duration_s,
            "picture": [round(self.span.begin_s, 6), round(self.span.end_s, 6)],
            "sound": None if self.sound is None else self.sound.facts(),
        }

    def missing_end_s(self, last_end_s: float) -> float:
        """Seconds between the last packet read and the end that the header promises; 0 if none."""
        return missing_end_s(self.info, self.cut, last_end_s)


def open_picture_source(
    path: str, track: int, start_s: float = 0.0, duration_s: float | None = None
) -> PictureSource:
    """Check an input and find its picture, and its sound if there is any.

    Args:
        path: as the user gave it.
        track: number among the sound tracks, from 0.
        start_s: seconds from the file's start.
        duration_s: seconds, None to the end.

    Raises:
        InputError: unreadable, without a picture, no such track, or nothing at `start_s`.
    """
    with open_input(path) as container:
        info = describe(container, Path(path))
    if info.video is None:
        raise InputError(f"{path!r} has no picture to look at; give a video")
    span = picture_span(path)
    sound = None
    if info.audio:
        sound = open_source(path, track, start_s, duration_s)
    elif track > 0:
        raise InputError(f"there is no sound track {track}; {path!r} has no sound")
    cut = part_of(info, start_s, duration_s)
    source = PictureSource(Path(path), info, span, sound, cut)
    if source.length_s <= 0:
        raise InputError(
            f"no picture is seen in the part from {start_s:g} s; it ends {span.end_s - info.start_s:.2f} s "
            "after the file's beginning"
        )
    return source
