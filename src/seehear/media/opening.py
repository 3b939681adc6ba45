"""Open a file with FFmpeg's libraries, and nothing but that file.

A name is never interpreted: no URLs, no protocols, no playlists that point elsewhere, no devices, no
numbered image sequences. FFmpeg's own log stays silent; what goes wrong is said in our words.
"""

from __future__ import annotations

import functools
import os
import stat
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError

from seehear.errors import InputError

# Demuxers that open other files, sockets or devices, or that take anything for media.
REFUSED_DEMUXERS = frozenset(
    [
        "concat",
        "hls",
        "dash",
        "sdp",
        "rtp",
        "rtsp",
        "sap",
        "imf",
        "image2",
        "webm_dash_manifest",
        "lavfi",
        "ffmetadata",
        "tty",
        "data",
        "bin",
        "xbin",
        "adf",
        "idf",
        "alsa",
        "oss",
        "fbdev",
        "kmsgrab",
        "x11grab",
        "video4linux2,v4l2",
        "live_flv",
        "avisynth",
        "vapoursynth",
        "rawvideo",
        "bit",
        "vobsub",
    ]
)


@functools.cache
def allowed_demuxers() -> str:
    """Comma-separated names of the demuxers that may read a user's file."""
    names = []
    for name in sorted(av.formats_available):
        try:
            av.format.ContainerFormat(name, "r")
        except ValueError:
            continue  # can only be written
        if name not in REFUSED_DEMUXERS:
            names.append(name)
    return ",".join(names)


def check_is_file(path: str | Path) -> Path:
    """Make sure that a name belongs to an existing, readable, non-empty regular file.

    Args:
        path: as the user gave it; a URL is a name that does not exist.

    Returns:
        The same as a Path.

    Raises:
        InputError: no such file, a folder, something that is not a file, empty, or unreadable.
    """
    found = Path(path)
    try:
        info = found.stat()
    except OSError as error:
        hint = " (only files on this machine are read, no URLs)" if ":" in str(path) else ""
        raise InputError(f"cannot open {str(path)!r}: {error.strerror}{hint}") from error
    if stat.S_ISDIR(info.st_mode):
        raise InputError(f"{str(path)!r} is a folder; give a video or sound file")
    if not stat.S_ISREG(info.st_mode):
        raise InputError(f"{str(path)!r} is not a regular file")
    if info.st_size == 0:
        raise InputError(f"{str(path)!r} is empty")
    if not os.access(found, os.R_OK):
        raise InputError(f"cannot open {str(path)!r}: permission denied")
    return found


def open_input(path: str | Path) -> InputContainer:
    """Open a media file for reading.

    Raises:
        InputError: see `check_is_file`; or no demuxer of the allowed ones understands the content.
    """
    found = check_is_file(path)
    options = {"protocol_whitelist": "file", "format_whitelist": allowed_demuxers()}
    try:
        # "file:" keeps names like "10:30 talk.mp4" from being read as protocols.
        container: InputContainer = av.open(
            f"file:{found}", "r", container_options=options, metadata_errors="replace"
        )
    except (FFmpegError, ValueError) as error:
        raise InputError(
            f"{str(path)!r} is not a media file that can be read ({_reason(error)})"
        ) from error
    if not any(s.type in ("audio", "video") for s in container.streams):
        container.close()
        raise InputError(f"{str(path)!r} has neither sound nor picture")
    return container


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text[0].lower() + text[1:] if text else type(error).__name__
