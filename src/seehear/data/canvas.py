"""Fake frames: crops of things pasted on a canvas without horizontal overlap, and where they then are.

A canvas of 360 x 640 is read as a piece of a cylinder around the listener: azimuth is linear in the
column of a crop's centre, elevation in its row. Backdrops are black, a photo, or a photo into which crops
are blended so that their edges vanish.

Source: Xu et al. 2021, "Visually Informed Binaural Audio Generation without Binaural Audios", section
3.2 and the authors' code; blending: Perez et al. 2003, "Poisson Image Editing".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from PIL import Image

CANVAS = (360, 640)
"""Height and width in pixels, as published."""
FOV_DEG = 120.0
"""Field of view of the canvas, as published (a factor of 2/3 of a half circle)."""
FEWEST_COLUMNS = 2
"""Free columns below which no further crop is placed, as published."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Box:
    """Place of a crop on a canvas, pixels from its top left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def centre(self) -> tuple[float, float]:
        """Column and row of the middle."""
        return self.left + self.width / 2, self.top + self.height / 2


def place(
    sizes: Sequence[tuple[int, int]],
    rng: np.random.Generator,
    canvas: tuple[int, int] = CANVAS,
) -> list[Box]:
    """Put crops side by side at random: uniform among columns where they hide none placed before.

    Args:
        sizes: (height, width) of each crop; larger than the canvas is an error of the caller.
        rng: source of all choices.
        canvas: height and width.

    Returns:
        Boxes of the first crops; fewer than asked for where no room is left.
    """
    height, width = canvas
    boxes: list[Box] = []
    for tall, wide in sizes:
        free = np.ones(width - wide + 1, dtype=bool)
        for box in boxes:
            free[max(box.left - wide + 1, 0) : box.left + box.width] = False
        columns = np.flatnonzero(free)
        if len(columns) < FEWEST_COLUMNS and boxes:
            break
        left = int(columns[int(rng.integers(len(columns)))])
        boxes.append(Box(left, int(rng.integers(height - tall + 1)), wide, tall))
    return boxes


def position(column: float, width: int = CANVAS[1]) -> float:
    """Place across the picture of a column: +1 = left edge, 0 = middle, -1 = right edge.

    >>> [position(x) for x in (0, 160, 320, 640)]
    [1.0, 0.5, 0.0, -1.0]
    """
    return 1 - 2 * column / width


def angles(
    box: Box, canvas: tuple[int, int] = CANVAS, fov_deg: float = FOV_DEG
) -> tuple[float, float]:
    """Azimuth (positive to the left) and elevation (positive up) of a crop's centre, degrees.

    The left edge is at half the field of view, the top edge at 45 degrees.

    >>> angles(Box(120, 40, 80, 100))
    (30.0, 22.5)
    """
    column, row = box.centre
    azimuth = position(column, canvas[1]) * fov_deg / 2
    return azimuth, (canvas[0] / 2 - row) / canvas[0] * 90.0


def scaled(crop: Pixels, height: int, width: int) -> Pixels:
    """A crop [h, w, 3 or 4] at another size."""
    picture = Image.fromarray(crop).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def covering(picture: Pixels, rng: np.random.Generator, canvas: tuple[int, int] = CANVAS) -> Pixels:
    """A random part of a picture [h, w, 3], enlarged until it covers the canvas."""
    height, width = canvas
    ratio = max(height / picture.shape[0], width / picture.shape[1]) * rng.uniform(1.0, 1.3)
    size = (
        max(round(picture.shape[1] * ratio), width),
        max(round(picture.shape[0] * ratio), height),
    )
    large = Image.fromarray(picture[..., :3]).resize(size, Image.Resampling.BILINEAR)
    left, top = int(rng.integers(size[0] - width + 1)), int(rng.integers(size[1] - height + 1))
    return np.asarray(large.crop((left, top, left + width, top + height)))


def compose(
    backdrop: Pixels, crops: Sequence[Pixels], boxes: Sequence[Box], blend: bool = False
) -> Pixels:
    """Paste crops.

    Args:
        backdrop: uint8 [H, W, 3].
        crops: uint8 [h, w, 3], or [h, w, 4] with opacity; brought to the size of their boxes.
        boxes: where they go.
        blend: solve for the picture with the crop's gradients and the backdrop's values around it;
            crops with opacity are pasted.

    Returns:
        uint8 [H, W, 3].
    """
    canvas = np.array(backdrop)
    for crop, box in zip(crops, boxes, strict=True):
        if crop.shape[:2] != (box.height, box.width):
            crop = scaled(crop, box.height, box.width)
        part = canvas[box.top : box.top + box.height, box.left : box.left + box.width]
        if crop.shape[2] == 4:
            opacity = crop[..., 3:].astype(np.float32) / 255
            part[:] = np.round(opacity * crop[..., :3] + (1 - opacity) * part).astype(np.uint8)
        elif blend:
            part[:] = blended(part, crop)
        else:
            part[:] = crop
    return canvas


def blended(under: Pixels, crop: Pixels) -> Pixels:
    """The picture with the second one's gradients and the first one's values along the border.

    The mask is the whole rectangle, so sine transforms solve Poisson's equation exactly.

    Args:
        under: uint8 [h, w, 3].
        crop: the same shape.

    Source: Perez et al. 2003, equation 10.
    """
    height, width = crop.shape[:2]
    if height < 3 or width < 3:
        return under.copy()
    border = under.astype(np.float64)
    border[1:-1, 1:-1] = 0.0
    # Laplacian of the crop less what the fixed border adds to it.
    wanted = _laplacian(crop.astype(np.float64)) - _laplacian(border)
    rows = 2 * np.cos(np.pi * np.arange(1, height - 1) / (height - 1)) - 2
    columns = 2 * np.cos(np.pi * np.arange(1, width - 1) / (width - 1)) - 2
    waves = scipy.fft.dstn(wanted, type=1, axes=(0, 1))
    waves /= (rows[:, None] + columns)[..., None]
    border[1:-1, 1:-1] = scipy.fft.idstn(waves, type=1, axes=(0, 1))
    return np.clip(np.round(border), 0, 255).astype(np.uint8)


def _laplacian(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the four neighbours less four times the pixel, inside the border."""
    inner = picture[1:-1, 1:-1]
    across = picture[1:-1, :-2] + picture[1:-1, 2:]
    return np.asarray(picture[:-2, 1:-1] + picture[2:, 1:-1] + across - 4 * inner)
