"""A prepared corpus of latents: sound as the autoencoder says it, beside the features of the video.

Layout: `latents.json` (what the numbers are) and `shards/SPLIT-000000.tar`, whose samples hold

    latents.npy  float16 [latent, L], scaled to about unit variance
    video.npy    float16 [S, dim]
    json         id, split, label, seconds, source_id
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seehear.config import from_dict, to_dict
from seehear.data.shards import ShardIndex
from seehear.errors import ConfigError, InputError

INFO = "latents.json"
SHARDS = "shards"
LATENTS, VIDEO, ABOUT = "latents.npy", "video.npy", "json"


@dataclass(frozen=True)
class LatentsInfo:
    """What the numbers of a corpus are.

    Args:
        latent: numbers per latent column.
        latent_rate: latent columns per second.
        video: numbers per video feature.
        video_rate: features per second.
        scale: factor on the autoencoder's own latents.
        null: features of an empty video, `video` numbers.
        cavp_sha256: of the weights that made the features.
        vae_sha256: of the weights that made the latents.
        clips: number of clips by split.
    """

    latent: int
    latent_rate: float
    video: int
    video_rate: float
    scale: float
    null: tuple[float, ...]
    cavp_sha256: str
    vae_sha256: str
    clips: dict[str, int]


@dataclass(frozen=True)
class LatentRow:
    """One clip of the corpus.

    Args:
        id: of the clip in the manifest that it was made from, with the number of its rendering.
        split: train, val or test.
        label: class or "".
        seconds: length.
        source_id: recording behind it.
    """

    id: str
    split: str
    label: str
    seconds: float
    source_id: str


class LatentClips:
    """The corpus, read by clip in any order.

    Args:
        manifest: `latents.json`, or the folder that it is in.

    Raises:
        InputError: missing, damaged, or made by something else.
    """

    def __init__(self, manifest: Path) -> None:
        path = manifest / INFO if manifest.is_dir() else manifest
        try:
            self.info = from_dict(LatentsInfo, json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, ConfigError) as error:
            raise InputError(f"{path} does not describe latents: {error}") from error
        self._index = ShardIndex(sorted((path.parent / SHARDS).glob("*.tar")))
        self.rows: dict[str, LatentRow] = {}
        for key in sorted(self._index.places):
            self.rows[key] = self._about(key)

    def keys(self, split: str) -> list[str]:
        """Keys of a split's clips, in order.

        Raises:
            InputError: there are none.
        """
        found = [key for key, row in self.rows.items() if row.split == split]
        if not found:
            raise InputError(f"the corpus has no clips of the split {split!r}; prepare some")
        return found

    def read(self, key: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Latents [latent, L] and features [S, video] of a clip."""
        return self._array(key, LATENTS), self._array(key, VIDEO)

    def _array(self, key: str, name: str) -> NDArray[np.float32]:
        try:
            read = np.load(io.BytesIO(self._index.read(key, name)), allow_pickle=False)
        except ValueError as error:
            raise InputError(f"{key}.{name} is no array; prepare the corpus again") from error
        return np.asarray(read, dtype=np.float32)

    def _about(self, key: str) -> LatentRow:
        try:
            return from_dict(LatentRow, json.loads(self._index.read(key, ABOUT)), where=key)
        except (ValueError, ConfigError) as error:
            raise InputError(f"the sample {key} is no clip of latents: {error}") from error


def pack_latents(
    row: LatentRow, latents: NDArray[np.float32], video: NDArray[np.float32]
) -> dict[str, bytes]:
    """A clip as parts of a shard's sample.

    Args:
        row: what is known about it.
        latents: [latent, L].
        video: [S, video].
    """
    return {
        ABOUT: json.dumps(to_dict(row), ensure_ascii=False).encode(),
        LATENTS: _npy(latents),
        VIDEO: _npy(video),
    }


def sources_of(clips: LatentClips, keys: Sequence[str]) -> list[str]:
    """Recordings behind some clips, each once, in order."""
    return sorted({clips.rows[key].source_id for key in keys} - {""})


def _npy(values: NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values.astype(np.float16), allow_pickle=False)
    return stream.getvalue()
