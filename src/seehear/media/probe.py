"""What is in a file: container, streams, times, languages. Reads headers only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from seehear.media.opening import open_input


@dataclass(frozen=True)
class StreamInfo:
    """One stream as its header describes it.

    Args:
        index: position among all streams.
        kind: `video`, `audio`, `subtitle`, `data` or `attachment`.
        codec: codec name, "" when unknown.
        start_s: first time stamp, seconds on the container's clock, None when unknown.
        duration_s: seconds, None when the header does not say.
        bit_rate: bit/s, None when the header does not say.
        language: tag as stored, "" when none.
        title: title tag, "" when none.
        is_cover: an attached picture, not a moving one.
        sample_rate: Hz (sound).
        channels: number of channels (sound).
        layout: FFmpeg's channel layout name (sound).
        sample_format: FFmpeg's sample format (sound).
        width: pixels as stored (picture).
        height: pixels as stored (picture).
        frame_rate: nominal frames per second (picture), 0 when unknown.
        pixel_format: FFmpeg's pixel format (picture).
        disposition: names of set flags.
    """

    index: int
    kind: str
    codec: str
    start_s: float | None
    duration_s: float | None
    bit_rate: int | None = None
    language: str = ""
    title: str = ""
    is_cover: bool = False
    sample_rate: int = 0
    channels: int = 0
    layout: str = ""
    sample_format: str = ""
    width: int = 0
    height: int = 0
    frame_rate: float = 0.0
    pixel_format: str = ""
    disposition: tuple[str, ...] = ()


@dataclass(frozen=True)
class MediaInfo:
    """A whole file.

    Args:
        path: file.
        container: FFmpeg's format name.
        start_s: earliest time stamp, seconds.
        duration_s: seconds, None when the header does not say.
        size_bytes: file size.
        streams: all streams in order.
        chapters: number of chapters.
        tags: container tags.
    """

    path: Path
    container: str
    start_s: float
    duration_s: float | None
    size_bytes: int
    streams: tuple[StreamInfo, ...]
    chapters: int
    tags: dict[str, str]

    @property
    def audio(self) -> tuple[StreamInfo, ...]:
        """Sound streams, in order; `--track N` is an index into this."""
        return tuple(s for s in self.streams if s.kind == "audio")

    @property
    def video(self) -> StreamInfo | None:
        """The first moving (or still) picture that is not a cover."""
        return next((s for s in self.streams if s.kind == "video" and not s.is_cover), None)


def probe(path: str | Path) -> MediaInfo:
    """Describe a media file.

    Raises:
        InputError: see `opening.open_input`.
    """
    with open_input(path) as container:
        return describe(container, Path(path))


def describe(container: InputContainer, path: Path) -> MediaInfo:
    """Describe an open container."""
    return MediaInfo(
        path=path,
        container=container.format.name,
        start_s=(container.start_time or 0) / av.time_base,
        duration_s=container.duration / av.time_base if container.duration else None,
        size_bytes=path.stat().st_size,
        streams=tuple(_describe_stream(stream) for stream in container.streams),
        chapters=len(container.chapters()),
        tags=dict(container.metadata),
    )


def _describe_stream(stream: Any) -> StreamInfo:
    base = stream.time_base
    context = stream.codec_context
    flags = tuple(flag.name for flag in type(stream.disposition) if flag & stream.disposition)
    common = {
        "index": stream.index,
        "kind": stream.type,
        "codec": context.codec.canonical_name if context is not None else "",
        "start_s": _seconds(stream.start_time, base),
        "duration_s": _seconds(stream.duration, base),
        "language": stream.metadata.get("language", ""),
        "title": stream.metadata.get("title", ""),
        "disposition": flags,
        "is_cover": "attached_pic" in flags,
    }
    if stream.type == "audio":
        return StreamInfo(
            **common,
            bit_rate=context.bit_rate or None,
            sample_rate=context.sample_rate,
            channels=context.layout.nb_channels,
            layout=context.layout.name,
            sample_format=context.format.name if context.format else "",
        )
    if stream.type == "video":
        return StreamInfo(
            **common,
            bit_rate=context.bit_rate or None,
            width=context.width,
            height=context.height,
            frame_rate=float(stream.average_rate or 0),
            pixel_format=context.pix_fmt or "",
        )
    return StreamInfo(**common)


def _seconds(ticks: int | None, base: Any) -> float | None:
    return None if ticks is None or base is None else float(ticks * base)
