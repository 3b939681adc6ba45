"""What frozen encoders see in the frames of clips, computed once and kept on disk.

For each clip an array float16 [V, N, D]: version 0 shows the whole frame squeezed to the encoder's square;
versions 1 .. V - 1 are random crops of a frame that is 8/7 as large (256 to 224 pixels, as published), one
place for all frames of the clip. Random crops are drawn from these instead of anew in every step, so the
encoder runs once and training does not wait for it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seehear.data.thing_clips import ClipSource
from seehear.data.thing_manifest import ThingClip
from seehear.errors import OutputError
from seehear.features.concepts import ConceptEncoder

Progress = Callable[[int, int, str], None]
Features = NDArray[np.float32]

LARGER = 256 / 224
"""Side of the frame that crops are taken from, over that of the crop."""


@dataclass(frozen=True)
class Looks:
    """Features of the frames of clips.

    Args:
        source: where the clips come from.
        encoder: frozen, see `features/sight.py`.
        folder: where features are kept; runs with the same settings share them.
        rate_hz: frames per second that are looked at.
        crops: versions of random crops beside the whole frame; 0 = none.
        seed: of the crops.
    """

    source: ClipSource
    encoder: ConceptEncoder
    folder: Path
    rate_hz: float
    crops: int = 0
    seed: int = 0

    def prepare(self, clips: Sequence[ThingClip], progress: Progress | None = None) -> None:
        """Compute what is not there yet.

        Args:
            clips: whose frames will be asked for.
            progress: told (clips done, all clips, note); may raise `Cancelled`.

        Raises:
            InputError: a clip has no readable picture.
            OutputError: the folder cannot be written.
        """
        for number, clip in enumerate(clips):
            path = self._path(clip)
            if not path.is_file():
                if progress is not None:
                    progress(number, len(clips), f"looking at {clip.id}")
                _save(path, self._look(clip))

    def pick(
        self,
        clip: ThingClip,
        centre_s: float,
        count: int,
        span_s: float,
        rng: np.random.Generator | None = None,
    ) -> Features:
        """Features of frames spread evenly around a moment.

        Args:
            clip: the clip.
            centre_s: that moment, seconds from the clip's start.
            count: number of frames.
            span_s: seconds that they cover.
            rng: chooses a version for all of them; None = the whole frame.

        Returns:
            float32 [count, D]; the nearest frames that there are.
        """
        stored = self._features(clip)
        version = 0
        if rng is not None and len(stored) > 1:
            version = int(rng.integers(1, len(stored)))
        moments = centre_s + (np.arange(count) - (count - 1) / 2) * span_s / count
        numbers = np.clip(np.round(moments * self.rate_hz), 0, stored.shape[1] - 1).astype(int)
        return np.asarray(stored[version, numbers], dtype=np.float32)

    def _features(self, clip: ThingClip) -> NDArray[np.float16]:
        """[V, N, D]; read anew each time, because the system keeps what it has room for."""
        path = self._path(clip)
        if not path.is_file():
            _save(path, self._look(clip))
        stored: NDArray[np.float16] = np.load(path)
        return stored

    def _path(self, clip: ThingClip) -> Path:
        known = (self.encoder.id, self.encoder.sha256, self.rate_hz, self.crops, self.seed)
        place = (clip.id, clip.path, clip.start_s, clip.duration_s)
        digest = hashlib.sha256(repr((known, place)).encode()).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:18]}.npy"

    def _look(self, clip: ThingClip) -> Tensor:
        """Features of all versions of all frames, float16 [V, N, D]."""
        size = self.encoder.frame_size
        if not self.crops:
            frames = self.source.frames(clip, self.rate_hz, size).frames
            return self.encoder.encode_frames(frames)[None].half()
        frames = self.source.frames(clip, self.rate_hz, round(size * LARGER)).frames
        room = frames.shape[-1] - size
        digest = hashlib.sha256(f"{self.seed}:{clip.id}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8]))
        versions = [shrink(frames, size)]
        for _ in range(self.crops):
            top, left = rng.integers(0, room + 1, size=2)
            versions.append(frames[..., top : top + size, left : left + size])
        return torch.stack([self.encoder.encode_frames(part) for part in versions]).half()


def shrink(frames: Tensor, size: int) -> Tensor:
    """Square frames uint8 [N, 3, S, S] at a smaller size, antialiased."""
    scaled = functional.interpolate(frames.float(), (size, size), mode="bilinear", antialias=True)
    return scaled.round().clamp(0, 255).to(torch.uint8)


def _save(path: Path, features: Tensor) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as stream:
            np.save(stream, features.numpy())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
