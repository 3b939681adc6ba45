"""Folders of pictures that explain a result: `--explain DIR`; they appear complete or not at all."""

from __future__ import annotations

from pathlib import Path

from seehear.errors import OutputError

PART = ".seehear-part"
LIST = "pictures.json"


def check_folder(folder: Path, may_replace: bool) -> None:
    """Refuse a folder that cannot take the pictures.

    Raises:
        OutputError: it is a file, its parent does not exist, or pictures are there already.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"--explain {str(folder)!r} is a file; name a folder")
    if not folder.parent.is_dir():
        raise OutputError(f"the folder {str(folder.parent)!r} does not exist; make it first")
    if (folder / LIST).exists() and not may_replace:
        raise OutputError(f"{str(folder / LIST)!r} exists already; add --force to overwrite it")


class DrawnFolder:
    """Pictures while they are drawn; they get their names with `publish`.

    Args:
        folder: made if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made_folder = not folder.exists()
        self._parts: dict[Path, Path] = {}
        self._published: set[Path] = set()

    def part_of(self, name: str) -> Path:
        """Where to write a file of that name."""
        final = self.folder / name
        self._parts[final] = final.with_name(final.name + PART)
        return self._parts[final]

    def publish(self) -> None:
        """Give all files their final names."""
        for final, part in self._parts.items():
            part.replace(final)
            self._published.add(final)

    def abandon(self) -> None:
        """Remove all files, published or not."""
        for final, part in self._parts.items():
            (final if final in self._published else part).unlink(missing_ok=True)
        if self._made_folder and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
