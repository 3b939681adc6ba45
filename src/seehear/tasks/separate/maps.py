"""Pictures of where in the frame a source is: similarity of every place to what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from seehear.tasks.separate.queries import Query, frames_at
from seehear.tasks.separate.separator import Separator
from seehear.tasks.source import SoundSource

LONGEST_SIDE = 1280
# Similarities below this are drawn as nothing, so that a picture without the thing stays plain.
FAINT = 0.2
# From here on the thing takes the larger part of what a place looks like.
SEEN = 0.7
WARM = np.array([255.0, 80.0, 0.0])
OPACITY = 0.6


def draw_place(
    separator: Separator, source: SoundSource, query: Query, moment_s: float, path: Path
) -> dict[str, Any]:
    """Write the frame of a moment with the places of a query coloured.

    Args:
        separator: its encoder looks.
        source: the input, with a picture.
        query: what to look for.
        moment_s: seconds from the beginning of the sound.
        path: PNG to write.

    Returns:
        `at_s` on the file's clock, `x`, `y` (fractions of the displayed picture) and `similarity`
        of the most similar place; `seen`: whether that is enough to be the thing.
    """
    moment = source.begin_s + moment_s
    frame = Image.fromarray(frames_at(source, [moment], None)[0].permute(1, 2, 0).numpy())
    heat = similarity_map(separator, frame, query.vector)
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    overlay(frame, heat).save(path, format="PNG")
    return {
        "at_s": round(moment - source.info.start_s, 3),
        "x": round((int(column) + 0.5) / heat.shape[1], 4),
        "y": round((int(row) + 0.5) / heat.shape[0], 4),
        "similarity": round(float(heat.max()), 4),
        "seen": bool(heat.max() > SEEN),
    }


def similarity_map(separator: Separator, frame: Image.Image, vector: Tensor) -> NDArray[np.float32]:
    """Similarity of every place of a frame to a vector, float32 [h, w] in -1..1."""
    encoder = separator.encoder
    size = encoder.frame_size
    small = np.asarray(frame.resize((size, size), Image.Resampling.BOX)).copy()
    features = encoder.encode_maps(torch.from_numpy(small).permute(2, 0, 1)[None])[0]
    similar: NDArray[np.float32] = encoder.similarity(features.permute(1, 2, 0), vector).numpy()
    return similar


def overlay(frame: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    """Colour a picture where a map is warm.

    Args:
        frame: RGB.
        heat: [h, w], of the whole picture; up to `FAINT` nothing is drawn, at 1 most.
    """
    picture = frame.copy()
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    strength = ((heat - FAINT) / (1.0 - FAINT)).clip(0.0, 1.0).astype(np.float32)
    smooth = Image.fromarray(strength).resize(picture.size, Image.Resampling.BICUBIC)
    share = OPACITY * np.asarray(smooth).clip(0.0, 1.0)[..., None]
    mixed = np.asarray(picture, np.float32) * (1 - share) + WARM * share
    return Image.fromarray(mixed.round().astype(np.uint8))
