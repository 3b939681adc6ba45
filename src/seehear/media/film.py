"""Write frames as a silent H.264 file: for corpora whose pictures are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from seehear.errors import OutputError

CRF = "20"


def write_film(
    path: Path, frames: Iterable[NDArray[np.uint8]], frame_rate: int, size: tuple[int, int]
) -> None:
    """Write a file with one video stream and no sound; it appears complete or not at all.

    Args:
        path: `.mp4` file.
        frames: uint8 [H, W, 3], RGB.
        frame_rate: frames per second.
        size: width and height of the frames, even.

    Raises:
        OutputError: the file cannot be written, or there is no encoder for H.264.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with av.open(f"file:{part}", "w", format="mp4") as container:
            stream = _stream(container, frame_rate, size)
            for frame in frames:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        part.replace(path)
    except (FFmpegError, OSError) as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


def _stream(container: Any, frame_rate: int, size: tuple[int, int]) -> Any:
    try:
        stream = container.add_stream("libx264", rate=Fraction(frame_rate))
    except ValueError as error:
        raise OutputError("PyAV was built without libx264; install its usual wheel") from error
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    # The encoder's fastest code gives another file every now and then, one for all processors does not.
    params = "threads=1:cpu-independent=1"
    stream.options = {"crf": CRF, "preset": "veryfast", "x264-params": params}
    return stream
