"""Pack a prepared corpus into tar files that `webdataset` reads."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from seehear.config import to_dict
from seehear.data.manifest import ClipRow, Manifest

FOLDER = "shards"


def write_shards(manifest: Manifest, clips_per_shard: int) -> list[Path]:
    """Write `shards/SPLIT-000000.tar`, ... beside the manifest.

    A sample's key is the clip's id; its parts are `json` (the manifest row) and the files that the
    row names: `speech.flac`, `music.flac`, `effects.flac`, `frames.npz`, `captions.vtt`, `target.wav`,
    `mixture.wav`, each with the suffix of the file. Times and owners are left out, so that the same
    corpus gives the same bytes.

    Args:
        manifest: of the corpus.
        clips_per_shard: clips in a tar file.

    Returns:
        Paths of the shards.
    """
    folder = manifest.path.parent / FOLDER
    folder.mkdir(exist_ok=True)
    written = []
    for split in sorted({row.split for row in manifest.rows}):
        rows = manifest.split(split)
        for number, start in enumerate(range(0, len(rows), clips_per_shard)):
            path = folder / f"{split}-{number:06d}.tar"
            _write_shard(path, manifest, rows[start : start + clips_per_shard])
            written.append(path)
    for stale in set(folder.glob("*.tar")) - set(written):
        stale.unlink()
    return written


def _write_shard(path: Path, manifest: Manifest, rows: Sequence[ClipRow]) -> None:
    part = path.with_name(path.name + ".part")
    with tarfile.open(part, "w") as tar:
        for row in rows:
            described = json.dumps(to_dict(row), ensure_ascii=False).encode()
            _add(tar, f"{row.id}.json", described)
            for role, relative in _files(row):
                source = manifest.resolve(relative)
                _add(tar, f"{row.id}.{role}{source.suffix}", source.read_bytes())
    part.replace(path)


def _files(row: ClipRow) -> Iterator[tuple[str, str]]:
    yield from (row.stems or {}).items()
    for role in ("frames", "captions", "target", "mixture"):
        relative = getattr(row, role)
        if relative is not None:
            yield role, relative


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
