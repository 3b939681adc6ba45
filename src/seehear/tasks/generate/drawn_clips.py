"""Clips that are drawn, opened for the frozen networks; another rendering is the same sound drawn otherwise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from seehear.data.clip_manifest import GenerateClip
from seehear.data.drive import frame_times
from seehear.data.procedural import MOTIONS
from seehear.data.procedural_clips import ClipFolder
from seehear.tasks.generate.pair_batches import SHOT_RATES

LARGEST_SEED = 2**31


def draw_clip(
    root: Path, clip: GenerateClip, render: int, frame_rate: float, size: int
) -> tuple[Tensor, Tensor]:
    """Sound and picture of a drawn clip.

    Args:
        root: folder of its manifest.
        clip: a row with a scene.
        render: 0 = as the row says, every look at a picture of its own; another number draws the film's
            frames per second, the motion and all other numbers of the scene by lot, while the thing stays
            what it is.
        frame_rate: frames per second.
        size: side of the frames, pixels.

    Returns:
        Waveform [T] at 16 kHz, and uint8 frames [S, 3, size, size].

    Raises:
        InputError: its sound or a photo cannot be read.
    """
    folder = _folder(root)
    waveform = folder.waveform(clip)
    rng = np.random.default_rng([clip.seed, render, 8])
    shot_rate = float(rng.choice(SHOT_RATES)) if render else 0.0
    times = frame_times(clip.seconds, frame_rate, shot_rate)
    return waveform, folder.frames(redrawn(clip, render), times, size)


def redrawn(clip: GenerateClip, render: int) -> GenerateClip:
    """The clip with the scene of another rendering."""
    if not render or clip.scene is None:
        return clip
    scene: dict[str, Any] = dict(clip.scene)
    rng = np.random.default_rng([clip.seed, render, 7])
    scene["motion"] = MOTIONS[int(rng.integers(len(MOTIONS)))]
    scene["seed"] = int(rng.integers(LARGEST_SEED))
    return replace(clip, scene=scene)


@cache
def _folder(root: Path) -> ClipFolder:
    """One folder per process, so that photos are read once."""
    return ClipFolder(root)
