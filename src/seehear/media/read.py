"""Decode sound and pictures: as streams for long files, whole for short ones.

Sound comes at its native rate as float32 blocks on one unbroken timeline: gaps between time stamps
become silence, overlaps are cut, damaged packets are passed over and counted. Pictures come by time
stamp: `FrameStream` answers "what is on the screen at second t", already resized by the decoder and
turned upright.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray

from seehear.errors import InputError
from seehear.media.opening import open_input
from seehear.types import Audio, Video

Block = NDArray[np.float32]

# Time stamps of some containers are rounded to 1 ms; a smaller step than this is rounding, a larger
# one is a hole in the sound.
JITTER_S = 0.005
# A hole longer than this is not filled: it is a broken time stamp, not missing sound.
MAX_HOLE_S = 3600.0
SEEK_MARGIN_S = 1.0


@dataclass
class SoundReport:
    """What was odd about a sound track while it was decoded."""

    damaged_packets: int = 0
    filled_s: float = 0.0
    repaired_samples: int = 0
    num_samples: int = 0
    first_s: float | None = None
    packet_bytes: int = 0
    last_packet_end_s: float = 0.0

    def sentences(self) -> list[str]:
        """Warnings that matter to the user."""
        said = []
        if self.damaged_packets:
            said.append(
                f"{self.damaged_packets} damaged sound packets could not be decoded; "
                f"{self.filled_s:.2f} s were filled with silence"
            )
        if self.repaired_samples:
            said.append(f"{self.repaired_samples} samples were not finite and became zero")
        return said


@dataclass
class SoundDecoder:
    """Packets of one sound stream -> float32 blocks [C, n] on an unbroken timeline.

    Feed it packets in order; blocks come out as soon as they are decoded. The caller owns demuxing,
    so that the same decoder serves analysis (sound only) and rendering (all streams).

    Args:
        stream: PyAV audio stream.
        report: counters that are filled in.
    """

    stream: Any
    report: SoundReport = field(default_factory=SoundReport)

    def __post_init__(self) -> None:
        context = self.stream.codec_context
        self.sample_rate: int = context.sample_rate
        self.num_channels: int = context.layout.nb_channels
        if self.sample_rate <= 0 or self.num_channels <= 0:
            raise InputError("the sound track does not say its sample rate or channels")
        # Only the sample format is changed here; the rate never is (see dsp/resample.py). Packed,
        # because planes of eight and more channels are not counted right by the bindings.
        self._format = AudioResampler("flt", context.layout, self.sample_rate)
        self._limit = _declared_samples(self.stream, self.sample_rate)

    def decode(self, packet: Any) -> Iterator[Block]:
        """Blocks of one packet (a flushing packet has no data and empties the decoder)."""
        if packet.size:
            self.report.packet_bytes += packet.size
            if packet.pts is not None:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                self.report.last_packet_end_s = max(self.report.last_packet_end_s, end)
        try:
            frames = packet.decode()
        except FFmpegError:
            self.report.damaged_packets += 1
            return
        for frame in frames:
            if frame.sample_rate != self.sample_rate or (
                frame.layout.nb_channels != self.num_channels
            ):
                raise InputError(
                    f"the sound changes from {self.sample_rate} Hz with {self.num_channels} "
                    f"channels to {frame.sample_rate} Hz with {frame.layout.nb_channels} on the "
                    "way; convert it to one format first"
                )
            yield from self._place(frame)

    def _place(self, frame: Any) -> Iterator[Block]:
        moment = None if frame.pts is None else float(frame.pts * frame.time_base)
        block = self._samples(frame)
        if block.shape[1] == 0:
            return
        if self.report.first_s is None:
            self.report.first_s = moment or 0.0
        if moment is not None:
            expected = self.report.first_s + self.report.num_samples / self.sample_rate
            step = moment - expected
            if JITTER_S < step < MAX_HOLE_S:
                hole = round(step * self.sample_rate)
                self.report.filled_s += hole / self.sample_rate
                yield from self._silence(hole)
            elif -MAX_HOLE_S < step < -JITTER_S and self.report.damaged_packets:
                block = block[:, min(round(-step * self.sample_rate), block.shape[1]) :]
        if self._limit is not None:
            block = block[:, : max(self._limit - self.report.num_samples, 0)]
        if block.shape[1]:
            self.report.num_samples += block.shape[1]
            yield block

    def _silence(self, num_samples: int) -> Iterator[Block]:
        while num_samples > 0:
            part = min(num_samples, self.sample_rate)
            num_samples -= part
            self.report.num_samples += part
            yield np.zeros((self.num_channels, part), np.float32)

    def _samples(self, frame: Any) -> Block:
        frame.pts = None  # the format change must not invent or drop samples
        out = [part.to_ndarray() for part in self._format.resample(frame)]
        packed = np.concatenate(out, axis=1) if len(out) != 1 else out[0]  # [1, n * C]
        block = packed.reshape(-1, self.num_channels).T
        bad = ~np.isfinite(block)
        if bad.any():
            self.report.repaired_samples += int(bad.sum())
            block = np.where(bad, np.float32(0), block)
        return np.ascontiguousarray(block, dtype=np.float32)


def _declared_samples(stream: Any, sample_rate: int) -> int | None:
    """Length that the container promises, where it cuts the encoder's padding off the last frame.

    MP4 says in its edit list how much of the last AAC frame is sound; decoders deliver the whole
    frame. Other containers' durations are too rough to cut by.
    """
    if "mov" not in stream.container.format.name or stream.duration is None:
        return None
    if stream.codec_context.codec.canonical_name.startswith("pcm"):
        return None
    samples = round(stream.duration * stream.time_base * sample_rate)
    return samples if samples > 0 else None


def track_stream(container: InputContainer, track: int) -> Any:
    """The sound stream number `track`, counted from 0 among sound streams.

    Raises:
        InputError: there is no sound, or not that many tracks.
    """
    tracks = container.streams.audio
    if not tracks:
        raise InputError("this file has no sound track; there is nothing to work on")
    if track >= len(tracks):
        raise InputError(
            f"there is no sound track {track}; this file has {len(tracks)}, counted from 0"
        )
    return tracks[track]


def sound_blocks(container: InputContainer, decoder: SoundDecoder) -> Iterator[Block]:
    """Demux one sound stream to its end and decode it."""
    for packet in container.demux(decoder.stream):
        yield from decoder.decode(packet)


class FrameStream:
    """What is on the screen at given times, from a file read once from front to back.

    Args:
        path: video file.
        size: (width, height) of the delivered frames in pixels; the aspect ratio is not kept,
            because encoders want squares of the whole picture. None keeps the picture's own.
        start_s: first time that will be asked for, seconds on the container's clock.

    Raises:
        InputError: unreadable, or without a picture.
    """

    def __init__(self, path: Path, size: tuple[int, int] | None, start_s: float = 0.0) -> None:
        self._container = open_input(path)
        stream = picture_stream(self._container)
        if stream is None:
            self._container.close()
            raise InputError(f"{str(path)!r} has no picture to look at")
        stream.thread_type = "AUTO"
        self._size = size
        self.damaged_packets = 0
        first = float((stream.start_time or 0) * stream.time_base)
        if start_s - SEEK_MARGIN_S > first:
            target = int((start_s - SEEK_MARGIN_S) / stream.time_base)
            try:
                self._container.seek(target, stream=stream, backward=True)
            except FFmpegError:
                self._container.seek(0)  # no index: read on from the front
        self._frames = self._decode(stream)
        self._current: Any = next(self._frames, None)
        self._next: Any = next(self._frames, None)
        if self._current is None:
            self.close()
            raise InputError(f"not one frame of {str(path)!r} can be decoded")

    def at(self, moments_s: list[float]) -> torch.Tensor:
        """Frames seen at increasing times.

        Args:
            moments_s: seconds on the container's clock, not before those of earlier calls.

        Returns:
            uint8 [N, 3, H, W]; before the first frame the first is shown, after the last the last.
        """
        pictures = []
        for moment in moments_s:
            while self._next is not None and self._next.time <= moment + 1e-6:
                self._current, self._next = self._next, next(self._frames, None)
            pictures.append(self._picture())
        return torch.from_numpy(np.stack(pictures))

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _decode(self, stream: Any) -> Iterator[Any]:
        last = float("-inf")
        for packet in self._container.demux(stream):
            try:
                frames = packet.decode()
            except FFmpegError:
                self.damaged_packets += 1
                continue
            for frame in frames:
                if frame.time is not None and frame.time > last:
                    last = frame.time
                    yield frame

    def _picture(self) -> NDArray[np.uint8]:
        frame = self._current
        turns = round(frame.rotation / 90) % 4
        size = self._size
        if size is None:
            size = (frame.width, frame.height)
        elif turns % 2:
            size = (size[1], size[0])
        small = frame.reformat(width=size[0], height=size[1], format="rgb24", interpolation="AREA")
        upright = np.rot90(small.to_ndarray(), turns)  # [H, W, 3]
        return np.ascontiguousarray(upright.transpose(2, 0, 1))


def picture_stream(container: InputContainer) -> Any | None:
    """The first video stream that is not an attached cover, or None."""
    for stream in container.streams.video:
        if "attached_pic" not in str(stream.disposition):
            return stream
    return None


def read_audio(path: Path, start_s: float = 0.0, duration_s: float | None = None) -> Audio:
    """Read (a part of) the first sound track into memory at its native rate.

    Args:
        path: any media file.
        start_s: seconds from the first sample.
        duration_s: seconds, None for all.

    Raises:
        InputError: unreadable, no sound, or nothing left after `start_s`.
    """
    with open_input(path) as container:
        decoder = SoundDecoder(track_stream(container, 0))
        first = round(start_s * decoder.sample_rate)
        last = None if duration_s is None else first + round(duration_s * decoder.sample_rate)
        parts: list[Block] = []
        position = 0
        for block in sound_blocks(container, decoder):
            end = position + block.shape[1]
            if end > first:
                stop = None if last is None else max(last - position, 0)
                parts.append(block[:, max(first - position, 0) : stop])
            position = end
            if last is not None and position >= last:
                break
    joined = np.concatenate(parts, axis=1) if parts else np.zeros((1, 0), np.float32)
    if joined.shape[1] == 0:
        raise InputError(f"{str(path)!r} has no sound at {start_s:g} s")
    return Audio(torch.from_numpy(joined), decoder.sample_rate)


def read_frames(
    path: Path,
    rate_hz: float,
    size: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> Video:
    """Read frames at a fixed rate by time stamp.

    Args:
        path: video file or still picture.
        rate_hz: frames per second to deliver.
        size: side of the delivered squares in pixels; None keeps the picture's size.
        start_s: seconds from the file's start.
        duration_s: seconds, None up to the end of the picture.

    Returns:
        Video whose times count from `start_s`: 0, 1/rate, 2/rate, …

    Raises:
        InputError: unreadable or no picture.
    """
    from seehear.media.probe import probe

    info = probe(path)
    picture = info.video
    if duration_s is None:
        known = (picture.duration_s if picture else None) or info.duration_s or 1.0 / rate_hz
        duration_s = max(known - start_s, 1.0 / rate_hz)
    count = max(int(np.ceil(duration_s * rate_hz - 1e-6)), 1)
    times = np.arange(count) / rate_hz
    base = info.start_s + start_s
    stream = FrameStream(path, None if size is None else (size, size), base)
    try:
        frames = stream.at([base + t for t in times])
    finally:
        stream.close()
    return Video(frames, torch.from_numpy(times), Fraction(rate_hz).limit_denominator(1000))
