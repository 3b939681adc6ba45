"""Stem files: float32 WAV of the original's rate and channels, all complete or none there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from seehear.errors import OutputError, UsageError

Block = NDArray[np.float32]

RESIDUAL = "residual"
PART = ".seehear-part"
# WAV counts bytes in 32 bits.
MAX_WAV_BYTES = 4_000_000_000


def file_names(labels: Sequence[str]) -> list[str]:
    """File names without suffix: letters and digits, each once, none called like the residual.

    >>> file_names(["a Dog!", "a dog", "residual"])
    ['a-dog', 'a-dog-2', 'residual-2']
    """
    names: list[str] = []
    for label in labels:
        slug = re.sub(r"\W+", "-", label.lower()).strip("-_")[:60] or "sound"
        name, count = slug, 1
        while name in (*names, RESIDUAL):
            count += 1
            name = f"{slug}-{count}"
        names.append(name)
    return names


def check_folder(folder: Path, output: Path, names: Sequence[str], may_replace: bool) -> None:
    """Refuse a folder that cannot take the stems.

    Raises:
        UsageError: OUT would lie where a stem goes.
        OutputError: it is a file, its parent does not exist, or a stem is there already.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"--stems {str(folder)!r} is a file; name a folder")
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {str(folder.parent)!r} does not exist; make it first")
    for name in (*names, RESIDUAL):
        path = folder / f"{name}.wav"
        if path.absolute() == output.absolute():
            raise UsageError(f"{str(output)!r} is also the name of a stem; choose another name")
        if path.exists() and not may_replace:
            raise OutputError(f"{str(path)!r} exists already; add --force to overwrite it")


class StemFiles:
    """Stems and other files while they are written; they get their names with `publish`.

    Args:
        folder: made if missing.
        names: of the stems without the residual.
        sample_rate: Hz.
        num_channels: of each file.
        expected_samples: by the header; decides between WAV and RF64.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        sample_rate: int,
        num_channels: int,
        expected_samples: int,
    ) -> None:
        self.folder = folder
        self._made_folder = not folder.exists()
        self._names = (*names, RESIDUAL)
        self._parts: dict[Path, Path] = {}
        self._published: set[Path] = set()
        self._files: list[Any] = []
        large = 4 * num_channels * expected_samples > MAX_WAV_BYTES
        try:
            folder.mkdir(exist_ok=True)
            for name in self._names:
                self._files.append(
                    soundfile.SoundFile(
                        self.part(f"{name}.wav"),
                        "w",
                        samplerate=sample_rate,
                        channels=num_channels,
                        format="RF64" if large else "WAV",
                        subtype="FLOAT",
                    )
                )
        except (OSError, soundfile.LibsndfileError) as error:
            self.abandon()
            raise OutputError(f"cannot write stems to {str(folder)!r}: {error}") from error

    def part(self, name: str) -> Path:
        """Where a file of this name lies until `publish`."""
        final = self.folder / name
        self._parts[final] = final.with_name(final.name + PART)
        return self._parts[final]

    def write(self, stems: Block) -> None:
        """Append [Q + 1, C, m].

        Raises:
            OutputError: the disk is full.
        """
        try:
            for file, stem in zip(self._files, stems, strict=True):
                file.write(stem.T)
        except (OSError, soundfile.LibsndfileError) as error:
            raise OutputError(f"cannot write stems to {str(self.folder)!r}: {error}") from error

    def listed(self) -> list[dict[str, str]]:
        """Names and final paths of the stems, for the receipt."""
        return [{"name": name, "path": str(self.folder / f"{name}.wav")} for name in self._names]

    def publish(self) -> None:
        """Give all files their final names.

        Raises:
            OutputError: the disk is full.
        """
        try:
            for file in self._files:
                file.close()
            for final, part in self._parts.items():
                part.replace(final)
                self._published.add(final)
        except (OSError, soundfile.LibsndfileError) as error:
            raise OutputError(f"cannot write stems to {str(self.folder)!r}: {error}") from error

    def abandon(self) -> None:
        """Remove all files, published or not."""
        for file in self._files:
            file.close()
        for final, part in self._parts.items():
            (final if final in self._published else part).unlink(missing_ok=True)
        if self._made_folder and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
