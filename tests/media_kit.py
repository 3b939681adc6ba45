"""Small clips rendered on the spot: a moving square and tones, in any container and layout."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from seehear.media.opening import open_input
from seehear.media.read import SoundDecoder, sound_blocks, track_stream

Block = NDArray[np.float32]

FPS = 10
SIZE = (64, 48)  # width, height


def tones(seconds: float, rate: int, channels: int, seed: int = 0) -> Block:
    """Noise bursts and a tone of its own in every channel, [C, n], peak about 0.5."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate)) / rate
    rows = []
    for channel in range(channels):
        tone = 0.2 * np.sin(2 * np.pi * (220 + 110 * channel) * t)
        noise = 0.05 * rng.standard_normal(len(t)) * (np.sin(2 * np.pi * 0.7 * t + channel) > 0)
        rows.append(tone + noise)
    return np.stack(rows).astype(np.float32)


def square(index: int) -> NDArray[np.uint8]:
    """Frame number `index`: a bright square that moves one pixel a frame over dark ground."""
    image = np.full((SIZE[1], SIZE[0], 3), 20, np.uint8)
    left = index % (SIZE[0] - 12)
    image[16:28, left : left + 12] = (220, 180, 40)
    return image


def write_clip(
    path: Path,
    sound: Block | None,
    rate: int = 48000,
    layout: str = "stereo",
    codec: str = "aac",
    seconds: float | None = None,
    video: str | None = "libx264",
    sound_start_s: float = 0.0,
    video_start_s: float = 0.0,
    tags: dict[str, str] | None = None,
    languages: tuple[str, ...] = ("eng",),
    gop: int = 5,
) -> Path:
    """Write a clip; one sound track per language, all with the same sound."""
    length = seconds if seconds is not None else (sound.shape[1] / rate if sound is not None else 1)
    with av.open(str(path), "w") as container:
        container.metadata.update(tags or {})
        picture = _picture_stream(container, video, gop)
        tracks = []
        for language in languages if sound is not None else ():
            track: Any = container.add_stream(codec, rate=rate)
            track.codec_context.layout = layout
            track.metadata["language"] = language
            tracks.append(track)
        if picture is not None:
            for index in range(max(round(length * FPS), 1)):
                frame = av.VideoFrame.from_ndarray(square(index), format="rgb24")
                frame.pts = index + round(video_start_s * FPS)
                frame.time_base = Fraction(1, FPS)
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        for track in tracks:
            assert sound is not None, "tracks exist only for sound"
            _encode(container, track, sound, rate, layout, sound_start_s)
    return path


def _picture_stream(container: Any, video: str | None, gop: int) -> Any:
    if video is None:
        return None
    stream = container.add_stream(video, rate=FPS)
    stream.width, stream.height = SIZE
    stream.pix_fmt = "yuv420p"
    stream.codec_context.gop_size = gop
    return stream


def _encode(container: Any, track: Any, sound: Block, rate: int, layout: str, start: float) -> None:
    packed = np.ascontiguousarray(sound.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate, frame.pts = rate, round(start * rate)
    frame.time_base = Fraction(1, rate)
    container.mux(track.encode(frame))
    container.mux(track.encode(None))


def decode(path: Path, track: int = 0) -> tuple[Block, int, float]:
    """All samples of a track [C, n], its rate, and when it begins in seconds."""
    with open_input(path) as container:
        decoder = SoundDecoder(track_stream(container, track))
        parts = list(sound_blocks(container, decoder))
        first = decoder.report.first_s or 0.0
        return np.concatenate(parts, axis=1), decoder.sample_rate, first


def payloads(path: Path, kind: str = "video") -> list[bytes]:
    """Packet payloads of the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def files_in(folder: Path) -> set[str]:
    """Names of everything in a folder, nested."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
