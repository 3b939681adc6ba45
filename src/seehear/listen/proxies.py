"""Web-playable copies of a clip: one picture for all versions, one sound for each.

The picture is H.264 without sound, at most 720 lines, with a key frame every second for seeking and
its index in front. Sounds are FLAC (16 bit, dithered): browsers decode it to the very samples that
were written, no codec colours what is judged, and no priming has to be guessed. Opus is offered for
slow lines; each such file is decoded again and must have the right length and place (docs/decisions, 17).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
import torch
from av.error import FFmpegError
from numpy.typing import NDArray
from torch import Tensor

from seehear.errors import InputError, OutputError
from seehear.listen.sounds import RATE, read_sound
from seehear.media.opening import open_input
from seehear.media.read import picture_stream

CLOCK = 90_000
CRF = "20"
OPUS_BIT_RATE = 160_000
SUFFIX = {"flac": "flac", "opus": "ogg"}
STEP = 2.0**-15
KEY_FRAMES_S = 1.0
STILL_RATE = 5
# Nothing of the time or the library's version goes into the file: neither from container nor coder.
EXACT = {"fflags": "+bitexact"}
EXACT_CODER = {"flags": "+bitexact"}


def write_sound(path: Path, waveform: Tensor, seed: int) -> None:
    """Write stereo at `RATE`; the suffix decides, `.flac` or `.ogg` (Opus).

    Args:
        path: file to write.
        waveform: float32 [2, T], within -1..1.
        seed: of the dither.

    Raises:
        OutputError: cannot be written, or an Opus file does not come back as it went in.
    """
    if path.suffix == ".ogg":
        write_opus(path, waveform)
        check_place(path, waveform)
        return
    drawn = np.random.default_rng(seed)
    steps = waveform.numpy().T.astype(np.float64) / STEP
    if not np.array_equal(steps, np.round(steps)):  # what has 16 bits already is kept as it is
        steps += drawn.random(steps.shape) - drawn.random(steps.shape)  # triangular dither
    quantised = np.clip(np.round(steps), -32768, 32767).astype(np.int16)
    try:
        soundfile.write(path, quantised, RATE, subtype="PCM_16", format="FLAC")
    except (OSError, soundfile.LibsndfileError) as error:
        raise OutputError(f"cannot write {str(path)!r}: {error}") from error


def write_opus(path: Path, waveform: Tensor) -> None:
    """Opus in Ogg, which counts samples.

    WebM rounds the part to be cut off in front to milliseconds, and browsers cut 24 samples more;
    MP4 is not cut by them at all.
    """
    packed = np.ascontiguousarray(waveform.numpy().T).reshape(1, -1)
    with said_plainly(path), av.open(str(path), "w", format="ogg", options=EXACT) as container:
        stream = container.add_stream("libopus", rate=RATE, layout="stereo", options=EXACT_CODER)
        stream.bit_rate = OPUS_BIT_RATE
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def check_place(path: Path, waveform: Tensor) -> None:
    """Decode a lossy file again: the same number of samples, in the same place.

    Raises:
        OutputError: it has another length, or lies more than a sample beside the original.
    """
    back = read_sound(path).waveform
    if back.shape[1] != waveform.shape[1]:
        raise OutputError(
            f"{path.name} has {back.shape[1]} samples after coding instead of "
            f"{waveform.shape[1]}; use --sound flac"
        )
    shift = displacement(waveform.mean(dim=0), back.mean(dim=0))
    if abs(shift) > 1:
        raise OutputError(f"{path.name} lies {shift} samples off after coding; use --sound flac")


def displacement(one: Tensor, other: Tensor, reach: int = 2048) -> int:
    """By how many samples `other` lies behind `one`, by the peak of their correlation; 0 if silent."""
    length = 2 ** math.ceil(math.log2(one.numel() + reach))
    spectrum = torch.fft.rfft(other.double(), length) * torch.fft.rfft(one.double(), length).conj()
    correlation = torch.fft.irfft(spectrum, length)
    near = torch.cat([correlation[-reach:], correlation[: reach + 1]])
    return int(near.argmax()) - reach if float(near.abs().max()) > 0 else 0


def write_picture(source: Path, path: Path, poster: Path, seconds: float, height: int) -> None:
    """Write the picture of a clip without sound, and a still of its first frame.

    Args:
        source: video file.
        path: `.mp4` to write.
        poster: `.jpg` to write.
        seconds: length; later frames are dropped, the last one is held if the picture is shorter.
        height: largest number of lines.

    Raises:
        InputError: not one frame can be decoded.
        OutputError: cannot be written.
    """
    options = {"movflags": "+faststart", **EXACT}
    with (
        open_input(source) as incoming,
        said_plainly(path),
        av.open(str(path), "w", format="mp4", options=options) as outgoing,
    ):
        stream: Any = None
        rate = 0.0
        last: Any = None
        for moment, frame in upright_frames(incoming):
            if moment >= seconds - 1e-6:
                break
            if stream is None:
                given: Any = picture_stream(incoming)
                rate = float(given.average_rate or 0) or STILL_RATE
                size = fitted(frame.shape[1] * pixel_aspect(given, frame), frame.shape[0], height)
                stream = picture_track(outgoing, size, rate)
                write_poster(poster, frame, size)
            last = encoded(outgoing, stream, frame, moment)
        if stream is None:
            raise InputError(f"not one frame of {str(source)!r} can be decoded")
        hold(outgoing, stream, last, seconds - 1 / rate)
        outgoing.mux(stream.encode(None))


def upright_frames(container: Any) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Seconds after the first frame, and the frame as it is seen, uint8 [H, W, 3]."""
    stream: Any = picture_stream(container)
    stream.thread_type = "AUTO"
    first: float | None = None
    last = -1.0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except FFmpegError:
            continue  # a damaged packet: the frame before it stays on the screen
        for frame in frames:
            if frame.time is None:
                continue
            first = frame.time if first is None else first
            moment = frame.time - first
            if moment > last:
                last = moment
                turns = round(frame.rotation / 90) % 4
                yield moment, np.rot90(frame.to_ndarray(format="rgb24"), turns)


def pixel_aspect(stream: Any, frame: NDArray[np.uint8]) -> float:
    """Width of a pixel over its height, as the upright frame is seen."""
    aspect = float(stream.sample_aspect_ratio or 1)
    turned = frame.shape[:2] != (stream.height, stream.width)
    return 1 / aspect if turned else aspect


def fitted(width: float, height: float, most: int) -> tuple[int, int]:
    """Even size of at most `most` lines with the same aspect ratio.

    >>> fitted(1920, 1080, 720)
    (1280, 720)
    """
    scale = min(most / height, 1.0)
    return max(2 * round(width * scale / 2), 2), max(2 * round(height * scale / 2), 2)


def picture_track(container: Any, size: tuple[int, int], rate: float) -> Any:
    """H.264 track that every browser plays."""
    options = {"crf": CRF, "preset": "veryfast", **EXACT_CODER}
    try:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
    except ValueError as error:
        raise OutputError("PyAV was built without libx264; install its usual wheel") from error
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, CLOCK)
    stream.codec_context.gop_size = max(round(rate * KEY_FRAMES_S), 1)
    stream.codec_context.thread_count = 1  # the same file on every machine
    stream.codec_context.options = options
    return stream


def encoded(container: Any, stream: Any, picture: NDArray[np.uint8], moment: float) -> Any:
    """Encode one frame at its second; returns what was encoded."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    small = frame.reformat(stream.width, stream.height, "yuv420p", interpolation="AREA")
    small.pts, small.time_base = round(moment * CLOCK), Fraction(1, CLOCK)
    container.mux(stream.encode(small))
    return small


def hold(container: Any, stream: Any, last: Any, until_s: float) -> None:
    """Show the last frame again at `until_s`, if it came more than a moment before."""
    if round(until_s * CLOCK) > last.pts + CLOCK // 1000:
        last.pts = round(until_s * CLOCK)
        container.mux(stream.encode(last))


def write_poster(path: Path, picture: NDArray[np.uint8], size: tuple[int, int]) -> None:
    """A still as JPEG."""
    from PIL import Image

    try:
        Image.fromarray(np.ascontiguousarray(picture)).resize(size).save(path, quality=80)
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error}") from error


@contextlib.contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turn the library's errors while writing into ours."""
    try:
        yield
    except (FFmpegError, OSError) as error:
        raise OutputError(f"cannot write {str(path)!r}: {error}") from error
