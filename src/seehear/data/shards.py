"""Tar files of samples, as `webdataset` reads them: writing, streaming, and reading in any order.

A sample is a run of files that share a key: everything before the first dot of the file's name; what
follows is the name of the part (`000012.json`, `000012.flac`, `000012.frame0000.jpg`). Times and owners
are left out, so the same samples give the same bytes.

`read_samples` streams shards from front to back, for tools that take them as they come. Training here
wants sample n without reading those before it, so that a resumed run sees what an uninterrupted one
would have seen: `ShardIndex` goes through the headers once and then reads by place.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from seehear.errors import InputError, OutputError


def write_shard(path: Path, samples: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """Write one tar file; it appears complete or not at all.

    Args:
        path: of the shard.
        samples: key (no dots) and parts: name of the part -> content.

    Raises:
        InputError: a key has a dot, so that it could not be told from its parts.
        OutputError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(part, "w") as tar:
            for key, parts in samples:
                if "." in key:
                    raise InputError(f"a key of a shard has no dots, got {key!r}; rename the clip")
                for name, content in parts.items():
                    entry = tarfile.TarInfo(f"{key}.{name}")
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def read_samples(paths: Sequence[Path]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Stream the samples of shards in order: key, and parts by name.

    Raises:
        InputError: not a tar file, or one that is cut off.
    """
    for path in paths:
        current: tuple[str, dict[str, bytes]] | None = None
        for entry, tar in _entries(path):
            key, name = split_name(entry.name)
            if current is not None and current[0] != key:
                yield current
                current = None
            if current is None:
                current = (key, {})
            content = tar.extractfile(entry)
            assert content is not None, "only files are listed"
            current[1][name] = content.read()
        if current is not None:
            yield current


def split_name(name: str) -> tuple[str, str]:
    """Key and part of a file in a shard.

    >>> split_name("val/000012.frame0000.jpg")
    ('val/000012', 'frame0000.jpg')
    """
    path = PurePosixPath(name)
    key, _, part = path.name.partition(".")
    return (path.parent / key).as_posix() if path.parent.name else key, part


@dataclass(frozen=True)
class Place:
    """Where a part of a sample lies.

    Args:
        path: the shard.
        offset: of its first byte.
        size: in bytes.
    """

    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Its content."""
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            return stream.read(self.size)


class ShardIndex:
    """Samples of several shards by key, read in any order.

    Args:
        paths: shards; their headers are read once.

    Raises:
        InputError: not a tar file, one that is cut off, or a key in two places.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.places: dict[str, dict[str, Place]] = {}
        for path in paths:
            keys = set()
            for entry, _ in _entries(path):
                key, name = split_name(entry.name)
                if key in self.places and key not in keys:
                    raise InputError(f"the sample {key!r} of {path} is in another shard too")
                keys.add(key)
                place = Place(path, entry.offset_data, entry.size)
                self.places.setdefault(key, {})[name] = place

    def read(self, key: str, name: str) -> bytes:
        """Content of one part.

        Raises:
            InputError: no such sample or part.
        """
        place = self.places.get(key, {}).get(name)
        if place is None:
            raise InputError(f"the shards have no {key}.{name}; prepare the corpus again")
        return place.read()


def _entries(path: Path) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    try:
        with tarfile.open(path, "r:") as tar:
            size = path.stat().st_size
            for entry in tar:
                if entry.offset_data + entry.size > size:
                    raise InputError(f"the shard {path} is cut off; copy or prepare it again")
                if entry.isfile():
                    yield entry, tar
    except (tarfile.TarError, OSError) as error:
        raise InputError(f"cannot read the shard {path}: {error}") from error
