"""Made-up shots: coarse patterns with something that moves, as small frames."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.runtime import Stopwatch
from seehear.tasks.generate.keeping import Keep, MemoryKeep
from seehear.tasks.generate.looking import Seen, look
from seehear.tasks.generate.sight import Sight

Frames = NDArray[np.uint8]
SIZE = 32


def shot(seed: int, count: int, speed: int = 1, noise: float = 3.0) -> Frames:
    """A pattern of its own with a square that moves over it, uint8 [count, 3, SIZE, SIZE]."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 256, (3, 4, 4)).repeat(SIZE // 4, 1).repeat(SIZE // 4, 2)
    colour = rng.integers(0, 256, (3, 1, 1))
    frames = np.repeat(ground[None], count, axis=0).astype(np.float64)
    for index in range(count):
        left = (speed * index) % (SIZE - 8)
        frames[index, :, 12:20, left : left + 8] = colour
    frames += rng.normal(0, noise, frames.shape)
    return frames.clip(0, 255).astype(np.uint8)


def seen(sight: Sight, frames: Frames, keep: Keep | None = None) -> Seen:
    """Features and shots of frames in memory."""
    all_frames = torch.from_numpy(frames)

    def frames_from(first: int, count: int) -> torch.Tensor:
        return all_frames[first : first + count]

    return look(
        sight, len(frames), frames_from, keep or MemoryKeep(), lambda share: None, Stopwatch()
    )
