"""Crops of things for pseudo pairs: whole photos, given boxes in pictures, cut-outs with opacity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from seehear.data.sources import SourceRow
from seehear.errors import InputError

KINDS = frozenset(("photo", "cutout", "illustration"))
SMALLEST = 8
"""Sides below this many pixels show nothing."""

GREY = 0.1
"""Share of varied crops without colour."""


@dataclass(frozen=True)
class Crop:
    """A picture of one thing.

    Args:
        pixels: uint8 [h, w, 3], or [h, w, 4] with opacity.
        label: class, as its source names it.
        picture_id: of the picture that it was cut from.
    """

    pixels: NDArray[np.uint8]
    label: str
    picture_id: str


def read_crop(path: Path, label: str, picture_id: str) -> Crop:
    """A whole picture; opacity is kept where the file has any, and the empty rim cut off.

    Raises:
        InputError: not a picture, or nothing in it.
    """
    pixels = _read(path)
    if pixels.shape[2] == 4:
        rows, columns = (np.flatnonzero(pixels[..., 3].any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            raise InputError(f"{path} is transparent everywhere; a cut-out must show something")
        pixels = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Crop(pixels, label, picture_id)


def cut_boxes(
    path: Path,
    boxes: Iterable[tuple[float, float, float, float]],
    labels: Sequence[str],
    picture_id: str,
) -> list[Crop]:
    """Parts of a picture.

    Args:
        path: picture file.
        boxes: left, top, width, height of each, as shares of the picture.
        labels: class of each.
        picture_id: of the picture.

    Raises:
        InputError: not a picture, or a box that is empty or outside.
    """
    pixels = _read(path)[..., :3]
    tall, wide = pixels.shape[:2]
    crops = []
    for (x, y, width, height), label in zip(boxes, labels, strict=True):
        left, right = round(max(x, 0.0) * wide), round(min(x + width, 1.0) * wide)
        top, bottom = round(max(y, 0.0) * tall), round(min(y + height, 1.0) * tall)
        if min(right - left, bottom - top) < SMALLEST:
            raise InputError(
                f"the box {x:g},{y:g},{width:g},{height:g} in {path} is {right - left} x "
                f"{bottom - top} pixels; expected shares of the picture and {SMALLEST} pixels at least"
            )
        crops.append(Crop(pixels[top:bottom, left:right].copy(), label, picture_id))
    return crops


def varied(crop: Crop, rng: np.random.Generator, least: float = 0.65) -> Crop:
    """Another look at the same thing: mirrored, cut at the sides, a little wider or taller, seldom grey.

    Frozen encoders may have learned the very photos that pairs are made of; what they say of changed
    ones is as unsure as what they say of new ones.

    Args:
        crop: a picture.
        rng: source of all choices.
        least: smallest share of a side that stays.
    """
    pixels = crop.pixels
    tall, wide = pixels.shape[:2]
    height, width = (max(round(side * rng.uniform(least, 1.0)), 1) for side in (tall, wide))
    top, left = int(rng.integers(tall - height + 1)), int(rng.integers(wide - width + 1))
    pixels = pixels[top : top + height, left : left + width]
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    if rng.random() < GREY:
        grey = np.round(pixels[..., :3].mean(axis=2, keepdims=True)).astype(np.uint8)
        pixels = np.concatenate([grey, grey, grey, pixels[..., 3:]], axis=2)
    return Crop(np.ascontiguousarray(pixels), crop.label, crop.picture_id)


def crops_by_class(
    rows: Iterable[SourceRow], renamed: Mapping[str, str], kinds: frozenset[str] = KINDS
) -> dict[str, list[Crop]]:
    """Pictures of a list of rows by the class whose sound the thing makes.

    Args:
        rows: source rows; other kinds are passed over.
        renamed: picture class -> class of the sound, where they differ.
        kinds: of rows that are taken.

    Raises:
        InputError: a file is not a picture.
    """
    found: dict[str, list[Crop]] = {}
    for row in rows:
        if row.kind in kinds:
            label = renamed.get(row.label, row.label)
            found.setdefault(label, []).append(read_crop(row.path, row.label, row.source_id))
    return found


def _read(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            plain = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
            return np.asarray(plain)
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"cannot read the picture {path}: {error}") from error
