"""The simplest encoder: mean colours of a 4 x 4 grid. No weights; for tests and tiny models."""

from __future__ import annotations

from torch import Tensor

from seehear.features.frames import FrameEncoder

CELLS = 4
FRAME_SIZE = 32
DIM = 3 * CELLS * CELLS


def load_grid() -> FrameEncoder:
    """The encoder `grid@1`: 48 numbers in -1..1."""
    return FrameEncoder("grid@1", DIM, FRAME_SIZE, "", "Apache-2.0", mean_colours)


def mean_colours(frames: Tensor) -> Tensor:
    """Mean of each colour in each cell, scaled to -1..1.

    Args:
        frames: uint8 [N, 3, S, S] with S a multiple of 4.

    Returns:
        float32 [N, 48].
    """
    count, _, size, _ = frames.shape
    cell = size // CELLS
    cells = frames.float().reshape(count, 3, CELLS, cell, CELLS, cell)
    return cells.mean(dim=(3, 5)).reshape(count, DIM) / 127.5 - 1.0
