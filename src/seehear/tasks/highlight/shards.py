"""Pack a prepared corpus into tar files that `webdataset` reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from seehear.config import to_dict
from seehear.data.manifest import ClipRow, Manifest
from seehear.data.shards import write_shard

FOLDER = "shards"


def write_shards(manifest: Manifest, clips_per_shard: int) -> list[Path]:
    """Write `shards/SPLIT-000000.tar`, ... beside the manifest.

    A sample's key is the clip's id, with _ for a dot; its parts are `json` (the manifest row) and the files that the
    row names: `speech.flac`, `music.flac`, `effects.flac`, `frames.npz`, `captions.vtt`, `target.wav`,
    `mixture.wav`, each with the suffix of the file.

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
            chosen = rows[start : start + clips_per_shard]
            write_shard(path, ((_key(row), _parts(manifest, row)) for row in chosen))
            written.append(path)
    for stale in set(folder.glob("*.tar")) - set(written):
        stale.unlink()
    return written


def _key(row: ClipRow) -> str:
    return row.id.replace(".", "_")


def _parts(manifest: Manifest, row: ClipRow) -> dict[str, bytes]:
    parts = {"json": json.dumps(to_dict(row), ensure_ascii=False).encode()}
    for role, relative in _files(row):
        source = manifest.resolve(relative)
        parts[f"{role}{source.suffix}"] = source.read_bytes()
    return parts


def _files(row: ClipRow) -> Iterator[tuple[str, str]]:
    yield from (row.stems or {}).items()
    for role in ("frames", "captions", "target", "mixture"):
        relative = getattr(row, role)
        if relative is not None:
            yield role, relative
