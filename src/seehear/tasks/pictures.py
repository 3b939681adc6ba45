"""Frames of a job's input by seconds from the beginning of its sound."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from seehear.media.read import FrameStream, SoundReport
from seehear.tasks.source import SoundSource


class Pictures:
    """Frames as an encoder wants them; the file is opened when first asked.

    Args:
        source: the input.
        report: of the decoder that reads its sound; knows when the sound begins.
        size: side of the squares, pixels; or width and height.
    """

    def __init__(
        self, source: SoundSource, report: SoundReport, size: int | tuple[int, int]
    ) -> None:
        self._source, self._report = source, report
        self._size = (size, size) if isinstance(size, int) else size
        self._stream: FrameStream | None = None

    def at(self, moments_s: list[float]) -> Tensor:
        """See `FrameStream.at`; seconds count from the beginning of the sound."""
        cut = self._source.cut
        first = self._report.first_s or 0.0
        begin = first if cut is None else max(first, cut.begin_s)
        moments = [begin + moment for moment in moments_s]
        if self._stream is None:
            self._stream = FrameStream(Path(self._source.path), self._size, start_s=moments[0])
        return self._stream.at(moments)

    def close(self) -> None:
        """Close the file."""
        if self._stream is not None:
            self._stream.close()
