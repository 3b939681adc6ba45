"""The input of a file job: one sound track of one file, perhaps only a part of it.

Checked before anything heavy is loaded; afterwards it can be decoded from its beginning as often as
needed, always with the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seehear.errors import InputError
from seehear.media.codecs import named_layout
from seehear.media.mux import Cut
from seehear.media.opening import open_input
from seehear.media.probe import MediaInfo, StreamInfo, describe
from seehear.media.read import SoundDecoder, SoundReport, sound_blocks, track_stream

Block = NDArray[np.float32]

# Formats that say in their header how long they are, so that a missing end shows.
KNOWS_LENGTH = ("mov", "matroska", "avi", "wav", "flac", "asf", "flv")
MISSING_S = 0.3


class JobSource(Protocol):
    """What plans and receipts ask of any job's input."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def sample_rate(self) -> int:
        """Of the sound that is worked on, Hz."""

    def expected_samples(self) -> int:
        """Its length by the header, in samples at that rate (0 when it does not say)."""

    def facts(self) -> dict[str, Any]:
        """What the header tells, for the receipt."""

    def missing_end_s(self, last_end_s: float) -> float:
        """Seconds between the last packet read and the end that the header promises; 0 if none."""


@dataclass(frozen=True)
class SoundSource:
    """One sound track of a file.

    Args:
        path: file.
        info: what its header says.
        track: number among its sound tracks.
        stream: that track.
        channel_names: FFmpeg's names of its channels.
        cut: part to work on, on the file's clock; None for all.
    """

    path: Path
    info: MediaInfo
    track: int
    stream: StreamInfo
    channel_names: tuple[str, ...]
    cut: Cut | None

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.stream.sample_rate

    @property
    def begin_s(self) -> float:
        """When the sound to work on begins by the header, seconds on the file's clock."""
        first = self.stream.start_s if self.stream.start_s is not None else self.info.start_s
        return first if self.cut is None else max(first, self.cut.begin_s)

    def expected_samples(self) -> int:
        """Length by the header, in samples (0 when it does not say)."""
        first = self.stream.start_s if self.stream.start_s is not None else self.info.start_s
        length = self.stream.duration_s
        if length is None and self.info.duration_s is not None:
            length = self.info.start_s + self.info.duration_s - first
        if length is None:
            return 0
        begin, end = first, first + length
        if self.cut is not None:
            begin, end = max(begin, self.cut.begin_s), min(end, self.cut.end_s)
        return max(round((end - begin) * self.sample_rate), 0)

    def facts(self) -> dict[str, Any]:
        """What the header tells, for the receipt."""
        return {
            "path": str(self.path),
            "container": self.info.container,
            "duration_s": self.info.duration_s,
            "track": self.track,
            "sample_rate": self.sample_rate,
            "layout": self.stream.layout,
        }

    def blocks(self, report: SoundReport) -> Iterator[Block]:
        """Decode the part to work on, float32 [C, n] blocks."""
        with open_input(self.path) as container:
            decoder = SoundDecoder(track_stream(container, self.track), report)
            trim = Trim(self.cut, decoder)
            for block in sound_blocks(container, decoder):
                kept = trim.keep(block)
                if kept.shape[1]:
                    yield kept
                if trim.is_past:
                    return

    def missing_end_s(self, last_end_s: float) -> float:
        """Seconds between the last packet read and the end that the header promises; 0 if none."""
        return missing_end_s(self.info, self.cut, last_end_s)

    def heard_from(self, report: SoundReport) -> float:
        """When the first sample that `blocks` gives is heard, seconds on the file's clock.

        Args:
            report: of a decoder that has read at least one block.
        """
        return _first_kept(self.cut, report.first_s or 0.0, self.sample_rate)


def missing_end_s(info: MediaInfo, cut: Cut | None, last_end_s: float) -> float:
    """Seconds between the last packet read and the end that a header promises.

    Args:
        info: the header.
        cut: part that was worked on; of a part nothing is missing.
        last_end_s: end of the last packet, on the file's clock.

    Returns:
        0 where the end is there, or where the format promises none.
    """
    knows = info.container.split(",")[0].startswith(KNOWS_LENGTH)
    if not knows or info.duration_s is None or cut is not None:
        return 0.0
    # Matroska counts its duration from time zero, the others from the first time stamp.
    begin = 0.0 if "matroska" in info.container else info.start_s
    missing = begin + info.duration_s - last_end_s
    return missing if missing > MISSING_S else 0.0


def _first_kept(cut: Cut | None, first_s: float, sample_rate: int) -> float:
    """When the first sample inside a cut is heard, if the sound's first is at `first_s`."""
    if cut is None or cut.begin_s <= first_s:
        return first_s
    return first_s + round((cut.begin_s - first_s) * sample_rate) / sample_rate


class Trim:
    """Keeps of a decoder's blocks what lies inside a cut.

    Args:
        cut: part to keep, None for all.
        decoder: source of the blocks; its report knows when the sound began.
    """

    def __init__(self, cut: Cut | None, decoder: SoundDecoder) -> None:
        self._cut, self._decoder = cut, decoder
        self._position = 0

    @property
    def begin_s(self) -> float:
        """When the kept sound begins, on the file's clock (after the first block)."""
        first = self._decoder.report.first_s or 0.0
        return _first_kept(self._cut, first, self._decoder.sample_rate)

    @property
    def is_past(self) -> bool:
        """Whether everything to keep has been kept."""
        return self._cut is not None and self._position >= self._bounds()[1]

    def keep(self, block: Block) -> Block:
        """The part of the next block that lies inside."""
        at = self._position
        self._position += block.shape[1]
        if self._cut is None:
            return block
        begin, end = self._bounds()
        return block[:, max(begin - at, 0) : max(end - at, 0)]

    def _bounds(self) -> tuple[int, int]:
        assert self._cut is not None, "bounds belong to a cut"
        first = self._decoder.report.first_s or 0.0
        rate = self._decoder.sample_rate
        begin = round((self._cut.begin_s - first) * rate)
        if self._cut.end_s == float("inf"):
            return begin, 2**62
        return begin, round((self._cut.end_s - first) * rate)


def part_of(info: MediaInfo, start_s: float, duration_s: float | None) -> Cut | None:
    """What `--start` and `--duration` ask for, on the file's clock; None for all of it."""
    if start_s <= 0 and duration_s is None:
        return None
    begin = info.start_s + start_s
    return Cut(begin, float("inf") if duration_s is None else begin + duration_s)


def open_source(
    path: str, track: int, start_s: float = 0.0, duration_s: float | None = None
) -> SoundSource:
    """Check an input and find its sound track.

    Args:
        path: as the user gave it.
        track: number among the sound tracks, from 0.
        start_s: seconds from the file's start.
        duration_s: seconds, None to the end.

    Raises:
        InputError: unreadable, no such track, or nothing at `start_s`.
    """
    with open_input(path) as container:
        info = describe(container, Path(path))
        stream = track_stream(container, track)
        found = info.streams[stream.index]
        names = tuple(
            channel.name for channel in named_layout(stream.codec_context.layout).channels
        )
        SoundDecoder(stream)  # refuses a track whose header lacks rate or channels
    cut = part_of(info, start_s, duration_s)
    if cut is not None and info.duration_s is not None and start_s >= info.duration_s:
        raise InputError(f"--start {start_s:g} lies behind the end ({info.duration_s:.2f} s)")
    return SoundSource(Path(path), info, track, found, names, cut)
