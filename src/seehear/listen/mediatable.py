"""Which file stands behind which opaque address. Nothing that a browser sends is ever a path.

Addresses are made from the test's secret, the clip and the part the file plays, so that the open
reference and the hidden one differ although they are the same file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seehear.errors import InputError
from seehear.listen.config import ListeningTest

PICTURE = "/picture"
POSTER = "/poster"
OPEN_REFERENCE = "/reference"
"""Parts besides the names of versions; a version's name holds no slash."""
TYPES = {
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".flac": "audio/flac",
    ".webm": "audio/webm",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
}


@dataclass(frozen=True)
class MediaFile:
    """A file that may be sent.

    Args:
        path: on disk.
        type: media type.
    """

    path: Path
    type: str


class MediaTable:
    """All media of a test by address.

    Args:
        test: the test.
        folder: its folder.
        digest: text -> opaque name, the same after a restart.

    Raises:
        InputError: a file is missing or of an unknown kind.
    """

    def __init__(self, test: ListeningTest, folder: Path, digest: Callable[[str], str]) -> None:
        self._files: dict[str, MediaFile] = {}
        self._names: dict[tuple[str, str], str | None] = {}
        for trial in test.trials:
            parts = {PICTURE: trial.picture, POSTER: trial.poster, **trial.sounds}
            if test.reference:
                parts[OPEN_REFERENCE] = trial.sounds[test.reference]
            for part, path in parts.items():
                name = digest(f"media|{trial.id}|{part}") if path else None
                self._names[trial.id, part] = name
                if name is not None:
                    self._files[name] = checked(folder, path)

    def address(self, clip: str, part: str) -> str | None:
        """Where a browser finds a part of a clip; None if the clip has none.

        Raises:
            LookupError: the test has no such clip or version.
        """
        name = self._names[clip, part]
        return None if name is None else f"/media/{name}"

    def find(self, name: str) -> MediaFile | None:
        """The file behind an opaque name, None if there is none."""
        return self._files.get(name)


def checked(folder: Path, relative: str) -> MediaFile:
    """A file of the test that exists and that browsers know.

    Raises:
        InputError: it does not, or they do not.
    """
    path = (folder / relative).resolve()
    kind = TYPES.get(path.suffix)
    if kind is None:
        raise InputError(
            f"{relative} is of a kind that browsers do not play; use {', '.join(TYPES)}"
        )
    if not path.is_file() or folder.resolve() not in path.parents:
        raise InputError(f"{relative} is missing in {str(folder)!r}; make the test again")
    return MediaFile(path, kind)
