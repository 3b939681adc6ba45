"""`seehear inspect FILE`: what is in a file, and what `highlight` would do with each stream."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from seehear.cli.output import say, say_json, table
from seehear.cli.parsing import parse
from seehear.config import to_dict

if TYPE_CHECKING:
    from seehear.media.probe import MediaInfo, StreamInfo


@dataclasses.dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """Say what is in a media file.

    Args:
        input: file to look at.
        json: print one JSON object on stdout.
        debug: show a traceback when something fails.
    """

    input: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="FILE")]]
    json: bool = False
    debug: bool = False


def run(verb: str, argv: list[str]) -> int:
    """Probe and show."""
    from seehear.media.probe import probe

    options = parse(InspectOptions, argv, verb)
    info = probe(options.input)
    plans = [plan(stream, info) for stream in info.streams]
    if options.json:
        say_json(as_json(info, plans))
        return 0
    say(f"{options.input}: {info.container}, {seconds(info.duration_s)}, {size(info.size_bytes)}")
    if info.chapters:
        say(f"chapters: {info.chapters}")
    for key, value in info.tags.items():
        say(f"{key}: {value}")
    rows: list[tuple[str, ...]] = [
        ("stream", "kind", "codec", "content", "language", "start", "what highlight does")
    ]
    rows += [row(s, what) for s, what in zip(info.streams, plans, strict=True)]
    for line in table(rows):
        say(line)
    return 0


def plan(stream: StreamInfo, info: MediaInfo) -> str:
    """What a job does with one stream if it is not told otherwise."""
    if stream.kind == "audio":
        number = info.audio.index(stream)
        if number == 0:
            return "replaced by the new sound"
        return f"copied (--track {number} would work on it)"
    if info.video is not None and stream.index == info.video.index:
        return "looked at, and copied" if info.audio else "copied"
    return "copied"


def row(stream: StreamInfo, what: str) -> tuple[str, ...]:
    """One line of the table."""
    return (
        str(stream.index),
        stream.kind,
        stream.codec or "unknown",
        content(stream),
        stream.language or "-",
        "-" if stream.start_s is None else f"{stream.start_s:.3f} s",
        what,
    )


def content(stream: StreamInfo) -> str:
    """Format of a stream in a few words."""
    words = []
    if stream.kind == "audio":
        words = [f"{stream.sample_rate} Hz", stream.layout, stream.sample_format]
    elif stream.kind == "video":
        words = [f"{stream.width}x{stream.height}", stream.pixel_format]
        words += ["cover"] if stream.is_cover else [f"{stream.frame_rate:.6g} fps"]
    if stream.bit_rate:
        words.append(f"{stream.bit_rate / 1000:.0f} kbit/s")
    if stream.title:
        words.append(repr(stream.title))
    return " ".join(word for word in words if word) or "-"


def seconds(duration_s: float | None) -> str:
    """Duration for people."""
    return "duration unknown" if duration_s is None else f"{duration_s:.3f} s"


def size(count: int) -> str:
    """File size for people."""
    return f"{count / 1e6:.2f} MB" if count >= 10_000 else f"{count} bytes"


def as_json(info: MediaInfo, plans: list[str]) -> dict[str, Any]:
    """The same for machines."""
    facts = to_dict(info)
    for stream, what in zip(facts["streams"], plans, strict=True):
        stream["plan"] = what
    return facts
