"""A person in front of the camera, head and shoulders, whose mouth follows the voice.

The still parts are painted once into a sprite; eyes and mouth are painted for every frame. All
measures are in pixels of the double-size drawing, relative to the middle of the face.
"""

from __future__ import annotations

from dataclasses import dataclass

from examples.paint import Colour, Point, ellipse, fill, line, mask_of, mirror, smooth, sprite
from PIL import Image

SIZE = (760, 820)
FACE_X, FACE_Y = 380.0, 330.0


@dataclass(frozen=True)
class Look:
    """Colours and hair of a person."""

    skin: Colour
    shade: Colour
    hair: Colour
    eyes: Colour
    lips: Colour
    shirt: Colour
    has_long_hair: bool


ANNA = Look(
    (226, 178, 150), (150, 92, 66), (72, 42, 26), (70, 96, 88), (178, 84, 82), (44, 74, 104), True
)
BEN = Look(
    (214, 164, 132), (132, 80, 54), (46, 34, 28), (84, 62, 44), (172, 100, 88), (92, 98, 72), False
)


def _at(points: list[Point]) -> list[Point]:
    return [(FACE_X + x, FACE_Y + y) for x, y in points]


def _outline() -> list[Point]:
    right = [(0.0, -172), (70, -160), (114, -108), (126, -30), (121, 40), (104, 104)]
    right += [(72, 158), (34, 184), (0, 190)]
    return smooth(_at(mirror(right, 0.0)))


def paint_person(look: Look) -> Image.Image:
    """Everything that does not move, as a sprite of `SIZE`."""
    picture = sprite(*SIZE)
    if look.has_long_hair:
        right = [(0.0, -232), (96, -218), (160, -140), (172, 0), (176, 130), (150, 222), (90, 236)]
        back = smooth(_at(mirror([*right, (0, 220)], 0.0)))
        fill(picture, back, look.hair)
        fill(picture, back, (0, 0, 0), alpha=0.35, blur=22, within=mask_of(SIZE, back))
    _paint_body(picture, look)
    _paint_head(picture, look)
    _paint_nose_and_brows(picture, look)
    _paint_hair(picture, look)
    return picture


def _paint_body(picture: Image.Image, look: Look) -> None:
    neck = smooth(_at([(-66, 110), (66, 110), (70, 220), (112, 340), (-112, 340), (-70, 220)]))
    fill(picture, neck, look.skin)
    inside = mask_of(SIZE, neck)
    fill(picture, _at(ellipse(0, 168, 96, 52)), look.shade, alpha=0.75, blur=16, within=inside)
    fill(picture, _at(ellipse(70, 220, 30, 90)), look.shade, alpha=0.5, blur=14, within=inside)
    right = [(0.0, 304), (70, 262), (104, 240), (230, 286), (318, 350), (362, 500), (362, 700)]
    shirt = smooth(_at([*right, *[(-x, y) for x, y in reversed(right) if x]]))
    fill(picture, shirt, look.shirt)
    inside = mask_of(SIZE, shirt)
    dark = tuple(c // 2 for c in look.shirt)
    for x, alpha in ((-330, 0.5), (320, 0.75)):
        fill(picture, _at(ellipse(x, 520, 110, 220)), dark, alpha, blur=36, within=inside)
    light = tuple(min(255, c + 34) for c in look.shirt)
    fill(picture, _at(ellipse(-150, 360, 110, 50)), light, 0.5, blur=30, within=inside)
    for side in (-1, 1):
        collar = [(side * 70, 236), (side * 112, 250), (side * 84, 330), (side * 8, 322)]
        fill(picture, smooth(_at(collar)), light)
        line(
            picture, _at([(side * 112, 250), (side * 84, 330), (side * 8, 322)]), dark, 4, 0.6, 1.5
        )
    line(picture, _at([(0, 330), (2, 480)]), dark, 4, 0.7, 1)


def _paint_head(picture: Image.Image, look: Look) -> None:
    for side in (-1, 1):
        ear = smooth(
            _at([(side * 120, -28), (side * 148, -34), (side * 150, 10), (side * 128, 52)])
        )
        fill(picture, ear, look.skin)
        inside = mask_of(SIZE, ear)
        fill(picture, _at(ellipse(side * 134, 10, 10, 26)), look.shade, 0.55, 4, inside)
    face = _outline()
    fill(picture, face, look.skin)
    inside = mask_of(SIZE, face)
    # Light falls from the upper left: shade on the right, under the chin and at the temples.
    fill(picture, _at(ellipse(136, 30, 52, 190)), look.shade, 0.62, 26, inside)
    fill(picture, _at(ellipse(-144, 40, 32, 170)), look.shade, 0.34, 22, inside)
    fill(picture, _at(ellipse(0, 214, 130, 38)), look.shade, 0.6, 20, inside)
    fill(picture, _at(ellipse(0, -190, 150, 40)), look.shade, 0.55, 20, inside)
    for side in (-1, 1):
        fill(picture, _at(ellipse(side * 54, -34, 40, 22)), look.shade, 0.38, 12, inside)
        fill(picture, _at(ellipse(side * 66, 48, 34, 26)), (206, 104, 92), 0.2, 16, inside)
    bright = tuple(min(255, c + 26) for c in look.skin)
    fill(picture, _at(ellipse(-24, -112, 54, 30)), bright, 0.75, 20, inside)
    fill(picture, _at(ellipse(-62, 34, 26, 16)), bright, 0.6, 10, inside)
    fill(picture, _at(ellipse(-8, 158, 26, 14)), bright, 0.5, 8, inside)


def _paint_nose_and_brows(picture: Image.Image, look: Look) -> None:
    bright = tuple(min(255, c + 26) for c in look.skin)
    dark = tuple(c * 2 // 3 for c in look.shade)
    line(picture, _at([(14, -40), (18, 10), (26, 44)]), look.shade, 12, 0.45, 6)
    line(picture, _at([(-4, -30), (-5, 40)]), bright, 10, 0.7, 5)
    fill(picture, _at(ellipse(-2, 50, 16, 13)), bright, 0.6, 6)
    line(
        picture,
        _at([(-28, 56), (-22, 68), (-8, 66), (0, 71), (10, 66), (24, 68), (30, 55)]),
        look.shade,
        5,
        0.65,
        2,
    )
    for side in (-1, 1):
        fill(picture, _at(ellipse(side * 13, 65, 7, 4)), dark, 0.8, 1.5)
        brow = [(side * 24, -74), (side * 56, -84), (side * 90, -72)]
        line(picture, _at(brow), look.hair, 10 if look.has_long_hair else 14, 0.9, 2)
    line(picture, _at([(-46, 78), (-62, 104)]), look.shade, 4, 0.3, 3)
    line(picture, _at([(46, 78), (62, 104)]), look.shade, 4, 0.4, 3)


def _paint_hair(picture: Image.Image, look: Look) -> None:
    if look.has_long_hair:
        cap = [(-10, -168), (-74, -120), (-118, -40), (-132, 60), (-150, 150), (-172, 40)]
        cap += [(-160, -130), (-96, -216), (0, -236), (100, -214), (162, -128), (172, 40)]
        cap += [(152, 156), (134, 60), (122, -50), (84, -128), (30, -170)]
    else:
        cap = [(-126, -20), (-118, -92), (-84, -132), (-10, -146), (72, -138), (112, -96)]
        cap += [(126, -20), (140, -60), (138, -140), (96, -206), (10, -226), (-90, -208)]
        cap += [(-138, -140), (-140, -56)]
    outline = smooth(_at(cap))
    fill(picture, outline, look.hair)
    inside = mask_of(SIZE, outline)
    light = tuple(min(255, c + 46) for c in look.hair)
    for offset in range(-5, 6):
        x = offset * 24.0
        strand = [(x * 0.6 + 4, -226), (x * 1.05, -180), (x * 1.25, -110), (x * 1.4, 0)]
        line(picture, _at(strand), light, 5, 0.28, 3, inside)
    fill(picture, _at(ellipse(-60, -186, 60, 18)), light, 0.5, 12, inside)


def paint_eyes_and_mouth(
    person: Image.Image, look: Look, opening: float, width: float, lids: float, gaze: float
) -> Image.Image:
    """Copy of the sprite with this moment's eyes and mouth.

    Args:
        person: from `paint_person`.
        look: the same look.
        opening: jaw, 0 closed .. 1 wide open.
        width: mouth, 0 rounded .. 1 spread.
        lids: 0 open .. 1 closed.
        gaze: -1 left .. 1 right.
    """
    picture = person.copy()
    top, bottom = 200, 540  # only this part is repainted
    part = picture.crop((180, top, 580, bottom))
    origin = (FACE_X - 180, FACE_Y - top)
    for side in (-1, 1):
        _paint_eye(part, look, origin, side, lids, gaze)
    _paint_mouth(part, look, origin, opening, width)
    picture.paste(part, (180, top))
    return picture


def _paint_eye(
    part: Image.Image, look: Look, origin: Point, side: int, lids: float, gaze: float
) -> None:
    def at(points: list[Point]) -> list[Point]:
        return [(origin[0] + x, origin[1] + y) for x, y in points]

    x, y = side * 54.0, -32.0
    upper = -15 * (1 - lids) + 4 * lids
    almond = [(x - 31, y + 2), (x - 14, y + upper), (x + 14, y + upper), (x + 31, y + 2)]
    almond += [(x + 14, y + 12), (x - 14, y + 12)]
    outline = smooth(at(almond))
    inside = mask_of(part.size, outline)
    fill(part, outline, (240, 236, 230))
    shift = 6 * gaze
    fill(part, at(ellipse(x + shift, y - 1, 14.5, 14.5)), look.eyes, within=inside)
    fill(part, at(ellipse(x + shift, y - 1, 6.5, 6.5)), (14, 12, 12), within=inside)
    fill(part, at(ellipse(x + shift - 5, y - 6, 3.6, 3.6)), (255, 255, 255), within=inside)
    fill(part, at(ellipse(x, y + upper - 2, 34, 7)), (40, 24, 18), 0.55, 4, inside)
    lash = [(x - 32, y + 3), (x - 14, y + upper - 1), (x + 14, y + upper - 1), (x + 32, y + 2)]
    line(part, at(lash), (36, 22, 18), 6 if look.has_long_hair else 4.5, 0.95, 0.8)
    crease = [(x - 30, y - 12), (x, y - 26), (x + 30, y - 14)]
    line(part, at(crease), look.shade, 3, 0.55, 1.5)
    line(part, at([(x - 26, y + 18), (x, y + 24), (x + 26, y + 17)]), look.shade, 4, 0.35, 3)


def _paint_mouth(
    part: Image.Image, look: Look, origin: Point, opening: float, width: float
) -> None:
    def at(points: list[Point]) -> list[Point]:
        return [(origin[0] + x, origin[1] + y) for x, y in points]

    half = 40 + 14 * width - 6 * opening
    y, gap = 112.0, 34 * opening
    corner = y + 0.35 * gap
    upper = [(-half, corner), (-half * 0.5, y - 9), (-9, y - 14), (0, y - 10), (9, y - 14)]
    upper += [(half * 0.5, y - 9), (half, corner)]
    lower = [(half * 0.55, y + gap + 14), (0, y + gap + 20), (-half * 0.55, y + gap + 14)]
    outline = smooth(at([*upper, *lower]))
    fill(part, at(ellipse(0, y + gap + 30, 34, 8)), look.shade, 0.45, 6)
    fill(part, outline, look.lips)
    inside = mask_of(part.size, outline)
    light = tuple(min(255, c + 40) for c in look.lips)
    fill(part, at(ellipse(-6, y + gap + 10, half * 0.4, 4)), light, 0.6, 3, inside)
    fill(part, at(ellipse(0, y - 12, half, 5)), look.shade, 0.25, 3, inside)
    if gap < 3:
        seam = [(-half + 4, corner), (-10, y + 1), (0, y + 3), (10, y + 1), (half - 4, corner)]
        line(part, at(seam), (96, 40, 40), 4, 0.85, 1)
        return
    hole = [(-half + 8, corner), (-half * 0.4, y + 1), (half * 0.4, y + 1), (half - 8, corner)]
    hole += [(half * 0.45, y + gap + 3), (-half * 0.45, y + gap + 3)]
    cavity = smooth(at(hole))
    fill(part, cavity, (58, 18, 20))
    inside = mask_of(part.size, cavity)
    teeth = [(-half * 0.7, y - 4), (half * 0.7, y - 4), (half * 0.6, y + 8), (-half * 0.6, y + 8)]
    fill(part, at(teeth), (236, 230, 220), 0.95, 1, inside)
    fill(part, at(ellipse(0, y + gap + 2, half * 0.5, gap * 0.35)), (168, 70, 72), 0.9, 3, inside)
