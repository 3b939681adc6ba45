"""A small airbrush on Pillow: smooth outlines, soft shadows, gradients.

Pictures are drawn at twice their final size and reduced, which smooths every edge. A *sprite* is an
RGBA image with a transparent ground. Points are (x, y) in pixels, y down.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]


def smooth(points: Sequence[Point], closed: bool = True, steps: int = 12) -> list[Point]:
    """Catmull-Rom spline through the points, as a dense polygon or line."""
    given = np.asarray(points, dtype=float)
    if closed:
        padded = np.concatenate([given[-1:], given, given[:2]])
    else:
        padded = np.concatenate([given[:1], given, given[-1:]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for before, here, there, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            here
            + 0.5 * t * (there - before)
            + t**2 * (before - 2.5 * here + 2 * there - 0.5 * after)
            + t**3 * (-0.5 * before + 1.5 * here - 1.5 * there + 0.5 * after)
        )
    dense = np.concatenate(pieces if closed else [*pieces, given[-1:]])
    return [(float(x), float(y)) for x, y in dense]


def mirror(points: Sequence[Point], x: float) -> list[Point]:
    """Close an outline whose right half is given from top to bottom, symmetric about `x`."""
    left = [(2 * x - px, py) for px, py in reversed(points) if px != x]
    return [*points, *left]


def ellipse(x: float, y: float, rx: float, ry: float) -> list[Point]:
    """Outline of an ellipse."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return [(x + rx * float(np.cos(a)), y + ry * float(np.sin(a))) for a in angle]


def sprite(width: int, height: int) -> Image.Image:
    """Empty, fully transparent picture."""
    return Image.new("RGBA", (width, height), (0, 0, 0, 0))


def mask_of(size: tuple[int, int], outline: Sequence[Point], blur: float = 0.0) -> Image.Image:
    """Grey mask of a filled outline."""
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon(list(outline), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(blur)) if blur else mask


def fill(
    picture: Image.Image,
    outline: Sequence[Point],
    colour: Colour,
    alpha: float = 1.0,
    blur: float = 0.0,
    within: Image.Image | None = None,
) -> None:
    """Fill an outline; with `blur` it is a soft spot, with `within` it stays inside that mask."""
    mask = mask_of(picture.size, outline, blur)
    _apply(picture, mask, colour, alpha, within)


def line(
    picture: Image.Image,
    points: Sequence[Point],
    colour: Colour,
    width: float,
    alpha: float = 1.0,
    blur: float = 0.0,
    within: Image.Image | None = None,
) -> None:
    """Draw a smooth line with round ends."""
    mask = Image.new("L", picture.size, 0)
    draw = ImageDraw.Draw(mask)
    dense = smooth(points, closed=False)
    draw.line(dense, fill=255, width=max(1, round(width)))
    # Discs at every point: round ends, and no cracks where a wide line bends.
    r = width / 2
    for x, y in dense:
        draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    if blur:
        mask = mask.filter(ImageFilter.GaussianBlur(blur))
    _apply(picture, mask, colour, alpha, within)


def _apply(
    picture: Image.Image,
    mask: Image.Image,
    colour: Colour,
    alpha: float,
    within: Image.Image | None,
) -> None:
    box = mask.getbbox()  # only what is touched is composed
    if box is None:
        return
    mask = mask.crop(box)
    if alpha < 1.0:
        mask = mask.point(lambda v: round(v * alpha))
    if within is not None:
        mask = ImageChops.multiply(mask, within.crop(box))
    layer = Image.new("RGBA", mask.size, (*colour, 0))
    layer.putalpha(mask)
    if picture.mode == "RGBA":
        picture.alpha_composite(layer, box[:2])
    else:
        picture.paste(layer, box[:2], layer)


def gradient(width: int, height: int, stops: Sequence[tuple[float, Colour]]) -> Image.Image:
    """Vertical gradient through (position 0..1, colour) stops, with a trace of grain."""
    y = np.linspace(0, 1, height)
    places = [place for place, _ in stops]
    rgb = np.stack([np.interp(y, places, [c[i] for _, c in stops]) for i in range(3)], axis=1)
    field = np.repeat(rgb[:, None, :], width, axis=1)
    grain = np.random.default_rng(7).normal(0, 1.2, size=(height, width, 1))
    return Image.fromarray(np.clip(field + grain, 0, 255).astype(np.uint8), "RGB")


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    """Out of focus."""
    return picture.filter(ImageFilter.GaussianBlur(radius))
