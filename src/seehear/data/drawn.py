"""Simple drawings of things without photos: rain, waves, fire, a chainsaw, a crying baby, a drum.

Colours and shapes vary; every number is drawn between its ends by lot, and a range says from which part of
each span, so that tests can show drawings from a part that training never saw.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 128
INK = 2
"""Drawn so many times larger, for smooth edges."""
Canvas = ImageDraw.ImageDraw
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Lot:
    """Numbers by lot from a part of their spans.

    Args:
        rng: source of all choices.
        low: beginning of the part, 0..1.
        high: its end.
    """

    rng: np.random.Generator
    low: float
    high: float

    def number(self, first: float, last: float) -> float:
        """A number from the part of a span."""
        return first + (last - first) * float(self.rng.uniform(self.low, self.high))

    def colour(self, hues: tuple[float, float], light: tuple[float, float]) -> Colour:
        """A colour of hues (0..1, may pass 1) and lightness between the ends."""
        rgb = colorsys.hls_to_rgb(self.number(*hues) % 1.0, self.number(*light), 0.75)
        return (round(255 * rgb[0]), round(255 * rgb[1]), round(255 * rgb[2]))


def draw_thing(
    label: str, seed: int, low: float = 0.0, high: float = 1.0, side: int = SIDE
) -> NDArray[np.uint8]:
    """Draw a thing on nothing.

    Args:
        label: one of `DRAWINGS`.
        seed: of all its numbers.
        low: beginning of the part of their spans.
        high: its end.
        side: pixels.

    Returns:
        uint8 [side, side, 4], colour and opacity.
    """
    picture = Image.new("RGBA", (INK * SIDE, INK * SIDE), (0, 0, 0, 0))
    lot = Lot(np.random.default_rng([seed, 77]), low, high)
    DRAWINGS[label](ImageDraw.Draw(picture), lot)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def _p(value: float) -> int:
    return round(INK * SIDE * value)


def _rain(canvas: Canvas, lot: Lot) -> None:
    colour = lot.colour((0.5, 0.66), (0.6, 0.9))
    length, lean = lot.number(0.06, 0.2), lot.number(-0.08, 0.08)
    for _ in range(round(lot.number(50, 140))):
        x, y = lot.rng.uniform(-0.05, 1.05), lot.rng.uniform(-0.1, 1.0)
        ends = (_p(x), _p(y), _p(x + lean), _p(y + length))
        canvas.line(ends, (*colour, 210), round(lot.number(2, 5)))


def _waves(canvas: Canvas, lot: Lot) -> None:
    bands = round(lot.number(3, 7))
    top, height = lot.number(0.15, 0.5), lot.number(0.02, 0.07)
    waves = lot.number(1.5, 5.0)
    for band in range(bands):
        y = top + (1 - top) * band / bands
        colour = lot.colour((0.48, 0.62), (0.25 + 0.4 * band / bands, 0.35 + 0.4 * band / bands))
        phase = lot.rng.uniform(0, 6.28)
        x = np.linspace(0, 1, 40)
        crest = y + height * np.sin(6.28 * waves * x + phase)
        edge = [(_p(a), _p(b)) for a, b in zip(x, crest, strict=True)]
        canvas.polygon([*edge, (_p(1), _p(1)), (_p(0), _p(1))], (*colour, 255))
        canvas.line(edge, (240, 248, 255, 255), round(lot.number(2, 7)))


def _fire(canvas: Canvas, lot: Lot) -> None:
    for _ in range(round(lot.number(2, 5))):
        y, tilt = lot.rng.uniform(0.82, 0.92), lot.rng.uniform(-0.06, 0.06)
        ends = (_p(0.2), _p(y + tilt), _p(0.8), _p(y - tilt))
        canvas.line(ends, (96, 56, 30, 255), _p(lot.number(0.04, 0.08)))
    width = lot.number(0.18, 0.36)
    for layer, share in enumerate((1.0, 0.7, 0.42)):
        hues = (0.0 + 0.045 * layer, 0.05 + 0.055 * layer)
        colour = lot.colour(hues, (0.42 + 0.1 * layer, 0.56 + 0.1 * layer))
        for _ in range(round(lot.number(3, 6))):
            x = 0.5 + lot.rng.uniform(-0.8, 0.8) * width
            tip = 0.85 - share * lot.number(0.4, 0.8) * lot.rng.uniform(0.7, 1.0)
            half = width * share * lot.rng.uniform(0.35, 0.6)
            sway = lot.rng.uniform(-0.08, 0.08)
            flame = [(x - half, 0.86), (x - 0.7 * half, 0.62), (x + sway, tip)]
            flame += [(x + 0.7 * half, 0.62), (x + half, 0.86)]
            canvas.polygon([(_p(a), _p(b)) for a, b in flame], (*colour, 255))


def _chainsaw(canvas: Canvas, lot: Lot) -> None:
    body = lot.colour((0.95, 1.12), (0.4, 0.55))
    length, thick = lot.number(0.45, 0.6), lot.number(0.07, 0.14)
    left, middle = 0.36, lot.number(0.42, 0.6)
    grey = round(lot.number(120, 200))
    bar = (_p(left), _p(middle - thick / 2), _p(left + length), _p(middle + thick / 2))
    canvas.rounded_rectangle(bar, _p(thick / 2), (grey, grey, grey, 255))
    step = lot.number(0.035, 0.07)
    for x in np.arange(left, left + length, step):
        for y, way in ((middle - thick / 2, -1), (middle + thick / 2, 1)):
            tooth = [(x, y), (x + step / 2, y + way * 0.03), (x + step * 0.7, y)]
            canvas.polygon([(_p(a), _p(b)) for a, b in tooth], (40, 40, 40, 255))
    box = (_p(0.06), _p(middle - 0.17), _p(0.42), _p(middle + 0.17))
    canvas.rounded_rectangle(box, _p(0.04), (*body, 255))
    handle = (_p(0.1), _p(middle - 0.3), _p(0.36), _p(middle - 0.04))
    canvas.arc(handle, 180, 360, (30, 30, 30, 255), _p(0.04))


def _baby(canvas: Canvas, lot: Lot) -> None:
    skin = lot.colour((0.03, 0.1), (0.5, 0.8))
    wide, tall = lot.number(0.3, 0.4), lot.number(0.3, 0.42)
    canvas.ellipse((_p(0.5 - wide), _p(0.5 - tall), _p(0.5 + wide), _p(0.5 + tall)), (*skin, 255))
    cap = lot.colour((0.5, 0.95), (0.5, 0.8))
    round_cap = (_p(0.5 - wide), _p(0.46 - tall), _p(0.5 + wide), _p(0.62))
    canvas.pieslice(round_cap, 200, 340, (*cap, 255))
    apart, eye = lot.number(0.11, 0.17), lot.number(0.03, 0.06)
    for side in (-1, 1):
        x = 0.5 + side * apart
        shut = (_p(x - eye), _p(0.44), _p(x + eye), _p(0.5))
        canvas.arc(shut, 180, 360, (40, 30, 30, 255), _p(0.016))
        tear = (_p(x - 0.02), _p(0.5), _p(x + 0.02), _p(0.5 + lot.number(0.08, 0.16)))
        canvas.ellipse(tear, (120, 180, 250, 255))
    mouth_w, mouth_h = lot.number(0.08, 0.16), lot.number(0.06, 0.13)
    mouth = (_p(0.5 - mouth_w), _p(0.68 - mouth_h), _p(0.5 + mouth_w), _p(0.68 + mouth_h))
    canvas.ellipse(mouth, (130, 20, 40, 255))


def _drum(canvas: Canvas, lot: Lot) -> None:
    shell = lot.colour((0.55, 1.05), (0.3, 0.55))
    wide, tall = lot.number(0.3, 0.4), lot.number(0.22, 0.36)
    top, flat = lot.number(0.35, 0.45), lot.number(0.08, 0.14)
    canvas.rectangle((_p(0.5 - wide), _p(top), _p(0.5 + wide), _p(top + tall)), (*shell, 255))
    foot = (_p(0.5 - wide), _p(top + tall - flat), _p(0.5 + wide), _p(top + tall + flat))
    canvas.ellipse(foot, (*shell, 255))
    skin = round(lot.number(215, 250))
    head = (_p(0.5 - wide), _p(top - flat), _p(0.5 + wide), _p(top + flat))
    canvas.ellipse(head, (skin, skin, skin - 15, 255), (170, 170, 180, 255), _p(0.02))
    for x in np.linspace(0.5 - wide * 0.8, 0.5 + wide * 0.8, round(lot.number(4, 8))):
        canvas.line((_p(x), _p(top + flat), _p(x), _p(top + tall)), (200, 200, 205, 255), _p(0.014))
    for side in (-1, 1):
        end = 0.5 + side * lot.number(0.3, 0.45)
        stick = (_p(0.5 + side * 0.06), _p(top), _p(end), _p(top - lot.number(0.2, 0.32)))
        canvas.line(stick, (205, 160, 95, 255), _p(0.028))


DRAWINGS: dict[str, Callable[[Canvas, Lot], None]] = {
    "chainsaw": _chainsaw,
    "crackling_fire": _fire,
    "crying_baby": _baby,
    "rain": _rain,
    "sea_waves": _waves,
    "snare_drum": _drum,
}
"""Class -> how it is drawn."""
