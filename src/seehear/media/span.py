"""When a picture is on the screen, by its packets: headers round, guess, or say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from av.error import FFmpegError

from seehear.errors import InputError
from seehear.media.opening import open_input
from seehear.media.read import picture_stream

FRAME_S = 1 / 25
"""Length of a last frame that nothing tells the length of."""


@dataclass(frozen=True)
class PictureSpan:
    """From the first frame's beginning to the last one's end.

    Args:
        begin_s: seconds on the file's clock.
        end_s: likewise.
        packets: number of coded pictures.
    """

    begin_s: float
    end_s: float
    packets: int

    @property
    def length_s(self) -> float:
        """Seconds on the screen."""
        return self.end_s - self.begin_s


def picture_span(path: str | Path) -> PictureSpan:
    """Read all packets of the picture, without decoding, up to the end or to a damaged place.

    Args:
        path: video, or a still picture as one frame.

    Raises:
        InputError: no picture, or not one packet with a time stamp.
    """
    with open_input(path) as container:
        stream = picture_stream(container)
        if stream is None:
            raise InputError(f"{str(path)!r} has no picture to look at")
        base, rate = stream.time_base, stream.average_rate
        usual = float(1 / rate) if rate else FRAME_S
        first = float("inf")
        end = float("-inf")
        packets = 0
        walk = container.demux(stream)
        while True:
            try:
                packet = next(walk)
            except (StopIteration, FFmpegError):
                break
            moment = packet.pts if packet.pts is not None else packet.dts
            if not packet.size or moment is None:
                continue
            packets += 1
            begin = float(moment * base)
            first = min(first, begin)
            end = max(end, begin + (float(packet.duration * base) if packet.duration else usual))
        if not packets:
            raise InputError(f"the picture of {str(path)!r} has no frame with a time stamp")
        if stream.start_time is not None:
            # Frames before it are decoded for others' sake and not shown.
            first = max(first, float(stream.start_time * base))
    return PictureSpan(first, max(end, first), packets)
