"""A guitarist from the neck down: the hands move with the notes that are heard."""

from __future__ import annotations

import numpy as np
from examples.paint import Colour, Point, ellipse, fill, line, mask_of, smooth, sprite
from examples.places import HEIGHT, WIDTH
from PIL import Image, ImageDraw

WOOD, RIM, ROSEWOOD = (214, 150, 82), (96, 52, 26), (70, 42, 30)
BODY = (470.0, 470.0)  # sound hole
TILT = np.deg2rad(-17.0)  # the neck rises to the right


def _turn(points: list[Point]) -> list[Point]:
    """From guitar coordinates (x along the neck, origin in the sound hole) to the canvas."""
    c, s = float(np.cos(TILT)), float(np.sin(TILT))
    return [(BODY[0] + c * x - s * y, BODY[1] + s * x + c * y) for x, y in points]


def paint_guitarist(shirt: Colour, skin: Colour) -> Image.Image:
    """Torso, guitar and neck as a sprite of the whole canvas; the hands are `paint_hands`."""
    picture = sprite(WIDTH, HEIGHT)
    torso = smooth(
        [
            (360, -60),
            (820, -60),
            (1000, 60),
            (1060, 330),
            (1000, 760),
            (250, 760),
            (210, 360),
            (230, 80),
        ]
    )
    fill(picture, torso, shirt)
    inside = mask_of(picture.size, torso)
    dark = tuple(c * 45 // 100 for c in shirt)
    fill(picture, ellipse(1010, 420, 130, 420), dark, 0.7, 50, inside)
    fill(picture, ellipse(230, 420, 90, 380), dark, 0.5, 40, inside)
    for fold in (380, 620, 800):
        line(picture, [(fold, 40), (fold + 24, 160), (fold - 10, 300)], dark, 14, 0.35, 10, inside)
    neck = smooth([(520, -40), (690, -40), (676, 30), (606, 78), (536, 30)])
    fill(picture, neck, skin)
    fill(picture, ellipse(606, -20, 90, 36), (120, 74, 52), 0.6, 14, mask_of(picture.size, neck))
    _paint_body(picture)
    _paint_neck(picture)
    return picture


def _paint_body(picture: Image.Image) -> None:
    lower = [(-330, 0), (-318, -92), (-240, -158), (-130, -160), (-40, -112), (60, -120)]
    upper = [(140, -118), (196, -70), (206, 0), (196, 70), (140, 118), (60, 120)]
    rest = [(-40, 112), (-130, 160), (-240, 158), (-318, 92)]
    outline = smooth(_turn([*lower, *upper, *rest]))
    shadow = [(x + 10, y + 18) for x, y in outline]
    fill(picture, shadow, (0, 0, 0), 0.45, 16)
    fill(picture, outline, RIM)
    inner = smooth(_turn([(x * 0.965 - 2, y * 0.94) for x, y in [*lower, *upper, *rest]]))
    fill(picture, inner, WOOD)
    inside = mask_of(picture.size, inner)
    for y in range(-150, 151, 10):
        grain = _turn([(-340, y), (-60, y + 2), (210, y - 1)])
        line(picture, grain, (176, 112, 52), 2, 0.35, 1, inside)
    fill(picture, _turn(ellipse(-240, 90, 130, 90)), (150, 88, 40), 0.5, 36, inside)
    fill(picture, _turn(ellipse(-150, -100, 120, 40)), (250, 214, 160), 0.55, 26, inside)
    guard = smooth(_turn([(-30, 52), (40, 62), (60, 96), (-10, 110), (-70, 86)]))
    fill(picture, guard, (60, 30, 20), 0.85)
    fill(picture, _turn(ellipse(0, 0, 60, 60)), (120, 70, 34))
    fill(picture, _turn(ellipse(0, 0, 54, 54)), (232, 196, 140))
    fill(picture, _turn(ellipse(0, 0, 48, 48)), (30, 18, 14))
    fill(picture, _turn([(-206, -58), (-186, -58), (-186, 58), (-206, 58)]), ROSEWOOD)
    fill(picture, _turn([(-194, -46), (-189, -46), (-189, 46), (-194, 46)]), (236, 230, 214))


def _paint_neck(picture: Image.Image) -> None:
    fill(picture, _turn([(60, 26), (640, 28), (640, 36), (60, 38)]), (0, 0, 0), 0.4, 6)
    fill(picture, _turn([(54, -29), (640, -23), (640, 23), (54, 29)]), ROSEWOOD)
    for fret in range(1, 15):
        x = -198 + 838 * 2 ** (-(15 - fret) / 12.0)
        if x > 60:
            line(picture, _turn([(x, -26), (x, 26)]), (206, 200, 186), 3)
    head = _turn([(636, -24), (664, -40), (790, -44), (800, 0), (790, 44), (664, 40), (636, 24)])
    fill(picture, head, (120, 66, 34))
    for x in (682, 722, 762):
        for side in (-1, 1):
            fill(picture, _turn(ellipse(x, side * 54, 10, 9)), (222, 220, 214))
            fill(picture, _turn(ellipse(x, side * 26, 6, 6)), (190, 186, 176))


def paint_strings(picture: Image.Image, swing: float) -> None:
    """Six strings from bridge to nut; `swing` -1..1 bends them."""
    draw = ImageDraw.Draw(picture)
    for number in range(6):
        y = -20 + 8 * number
        bend = 5 * swing * (1 if number % 2 else -1)
        points = smooth(_turn([(-190, y * 1.15), (160, y + bend), (638, y * 0.85)]), closed=False)
        draw.line(points, fill=(238, 232, 214), width=2 + number // 3)


def paint_hands(
    picture: Image.Image, skin: Colour, sleeve: Colour, strum: float, fret: float
) -> None:
    """Right arm over the body and left hand at the neck.

    Args:
        picture: canvas, changed.
        skin: colour of the hands.
        sleeve: colour of the arms.
        strum: -1 above the strings .. 1 below them.
        fret: place of the left hand along the neck, 0 nut .. 1 body.
    """
    shade = tuple(c * 62 // 100 for c in skin)
    dark = tuple(c * 60 // 100 for c in sleeve)
    x, y = _turn([(-36, 26 * strum - 20)])[0]
    line(picture, [(296, 96), (214, 300), (248, 372), (x - 96, y - 50)], dark, 128)
    line(picture, [(296, 90), (212, 292), (246, 362), (x - 96, y - 58)], sleeve, 116)
    line(picture, [(x - 104, y - 58), (x - 40, y - 24)], shade, 74)
    line(picture, [(x - 104, y - 62), (x - 40, y - 28)], skin, 66)
    fill(
        picture,
        smooth([(x - 62, y - 62), (x, y - 46), (x + 30, y - 8), (x + 4, y + 26), (x - 50, y + 10)]),
        skin,
    )
    for number, (dx, dy) in enumerate(((46, 18), (36, 34), (20, 44), (0, 48))):
        start = (x + 10 - 9 * number, y - 12 + 8 * number)
        tip = (x + dx, y + dy)
        middle = ((start[0] + tip[0]) / 2 + 8, (start[1] + tip[1]) / 2 - 6)
        line(picture, [start, middle, tip], shade, 22)
        line(picture, [(start[0] - 1, start[1] - 2), middle, (tip[0] - 2, tip[1] - 2)], skin, 18)
    line(picture, [(x - 20, y - 40), (x + 24, y - 34), (x + 46, y - 10)], shade, 22)
    line(picture, [(x - 20, y - 42), (x + 23, y - 36), (x + 44, y - 13)], skin, 19)
    _paint_left_hand(picture, skin, shade, sleeve, dark, fret)


def _paint_left_hand(
    picture: Image.Image, skin: Colour, shade: Colour, sleeve: Colour, dark: Colour, fret: float
) -> None:
    along = 590 - 190 * fret
    palm = _turn([(along, 66)])[0]
    line(picture, [(1130, 760), (1080, 560), (palm[0] + 26, palm[1] + 70)], dark, 118)
    line(picture, [(1122, 760), (1072, 556), (palm[0] + 24, palm[1] + 66)], sleeve, 106)
    line(picture, [(palm[0] + 22, palm[1] + 60), palm], shade, 76)
    line(picture, [(palm[0] + 18, palm[1] + 56), palm], skin, 68)
    for number in range(4):
        foot = along - 44 + 26 * number
        reach = (-6, 8, -2, 6)[number]
        finger = _turn([(foot, 56), (foot - 6, 30), (foot - 10, reach)])
        line(picture, finger, shade, 25)
        line(picture, [(px - 2, py - 1) for px, py in finger], skin, 21)
