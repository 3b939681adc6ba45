"""Places and things in the example clips: a street with a car, a platform with a train, a guitar.

Sizes are those of the double-size canvas (1280 x 720). Still parts are painted once; what moves is a
sprite that `render.py` shifts over them.
"""

from __future__ import annotations

import numpy as np
from examples.paint import Colour, Point, ellipse, fill, gradient, line, mask_of, smooth
from examples.paint import sprite as new_sprite
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 1280, 720


def street(seed: int) -> Image.Image:
    """House fronts, pavement and road under an evening sky."""
    rng = np.random.default_rng(seed)
    picture = gradient(
        WIDTH, HEIGHT, [(0, (126, 164, 206)), (0.5, (226, 214, 196)), (1, (120, 118, 116))]
    )
    draw = ImageDraw.Draw(picture)
    colours = [(168, 112, 88), (196, 178, 148), (132, 138, 150), (178, 146, 120), (150, 100, 90)]
    x = -40
    while x < WIDTH:
        width = int(rng.integers(170, 300))
        top = int(rng.integers(40, 150))
        wall = colours[int(rng.integers(len(colours)))]
        draw.rectangle((x, top, x + width, 500), fill=wall)
        draw.rectangle((x, top, x + width, top + 14), fill=_darker(wall, 0.6))
        draw.line((x, top, x, 500), fill=_darker(wall, 0.5), width=5)
        for row in range(3):
            for column in range(width // 80):
                left, upper = x + 24 + column * 80, top + 44 + row * 104
                if upper < 360:
                    lit = rng.uniform() < 0.3
                    glass = (250, 226, 160) if lit else (74, 92, 112)
                    draw.rectangle(
                        (left - 5, upper - 5, left + 45, upper + 67), fill=(228, 222, 210)
                    )
                    draw.rectangle((left, upper, left + 40, upper + 62), fill=glass)
                    draw.line(
                        (left + 20, upper, left + 20, upper + 62), fill=(228, 222, 210), width=4
                    )
        _shop(draw, x, width, rng)
        x += width
    draw.rectangle((0, 500, WIDTH, 540), fill=(158, 154, 148))
    draw.rectangle((0, 540, WIDTH, HEIGHT), fill=(72, 74, 78))
    for start in range(20, WIDTH, 190):
        draw.polygon(
            [(start, 640), (start + 90, 640), (start + 80, 652), (start - 10, 652)],
            fill=(214, 208, 180),
        )
    fill(picture, [(0, 534), (WIDTH, 534), (WIDTH, 552), (0, 552)], (20, 20, 24), 0.6, 5)
    for trunk in (130, 720, 1160):
        line(picture, [(trunk, 520), (trunk + 4, 360), (trunk - 6, 260)], (66, 50, 38), 18)
        for _ in range(34):
            px, py = trunk + rng.normal(0, 62), 210 + rng.normal(0, 46)
            green = (
                int(rng.integers(56, 108)),
                int(rng.integers(104, 148)),
                int(rng.integers(48, 72)),
            )
            fill(picture, ellipse(px, py, 30, 24), green, 0.85, 3)
    return picture


def _shop(draw: ImageDraw.ImageDraw, x: int, width: int, rng: np.random.Generator) -> None:
    awning = [(188, 62, 54), (52, 110, 96), (60, 84, 138)][int(rng.integers(3))]
    draw.rectangle((x + 16, 404, x + width - 16, 500), fill=(52, 58, 66))
    draw.rectangle((x + 26, 420, x + width - 60, 496), fill=(236, 206, 150))
    for stripe in range(x + 10, x + width - 10, 24):
        right = min(stripe + 12, x + width - 10)
        draw.polygon(
            [(stripe, 384), (right, 384), (right + 2, 418), (stripe + 2, 418)], fill=awning
        )
        right = min(stripe + 24, x + width - 10)
        draw.polygon(
            [(stripe + 12, 384), (right, 384), (right + 2, 418), (stripe + 14, 418)],
            fill=(238, 232, 222),
        )


def _darker(colour: Colour, by: float) -> Colour:
    return (int(colour[0] * by), int(colour[1] * by), int(colour[2] * by))


def car_sprite(colour: Colour = (186, 40, 44)) -> Image.Image:
    """A saloon car seen from the side, 640 x 240, facing right; wheels are `car_wheel`."""
    picture = new_sprite(640, 240)
    fill(picture, ellipse(320, 214, 290, 14), (0, 0, 0), 0.55, 8)
    body = [(22, 168), (26, 120), (60, 104), (150, 94), (222, 40), (300, 28), (390, 32), (452, 60)]
    body += [(500, 96), (580, 108), (616, 130), (620, 178), (580, 196), (60, 196), (28, 190)]
    outline = smooth(body)
    fill(picture, outline, colour)
    inside = mask_of(picture.size, outline)
    fill(
        picture,
        [(0, 150), (640, 150), (640, 240), (0, 240)],
        _darker(colour, 0.45),
        0.75,
        18,
        inside,
    )
    fill(picture, [(30, 112), (610, 118), (610, 126), (30, 122)], (255, 255, 255), 0.4, 5, inside)
    fill(picture, ellipse(310, 34, 100, 8), (255, 255, 255), 0.5, 6, inside)
    for glass in (
        [(176, 96), (232, 52), (306, 44), (306, 98)],
        [(320, 98), (320, 44), (388, 46), (436, 66), (470, 98)],
    ):
        fill(picture, glass, (44, 58, 72))
        window = mask_of(picture.size, glass)
        fill(
            picture, [(180, 40), (260, 40), (220, 110), (140, 110)], (190, 210, 226), 0.5, 6, window
        )
        fill(
            picture,
            [(360, 40), (400, 40), (370, 110), (330, 110)],
            (190, 210, 226),
            0.45,
            6,
            window,
        )
    dark = _darker(colour, 0.4)
    line(picture, [(313, 100), (314, 150), (306, 192)], dark, 3)
    line(picture, [(172, 104), (166, 150), (186, 184)], dark, 3, 0.7)
    line(picture, [(330, 122), (356, 122)], (230, 230, 230), 5)
    fill(picture, ellipse(604, 136, 14, 12), (255, 244, 200))
    fill(picture, ellipse(30, 132, 8, 14), (230, 60, 40))
    for x in (136, 500):
        fill(picture, ellipse(x, 192, 60, 56), (22, 22, 24), within=inside)
    return picture


def car_wheel(angle: float) -> Image.Image:
    """One wheel of 100 x 100, turned by `angle` radians."""
    picture = new_sprite(100, 100)
    fill(picture, ellipse(50, 50, 46, 46), (28, 28, 30))
    fill(picture, ellipse(50, 50, 29, 29), (186, 190, 196))
    for spoke in range(5):
        a = angle + spoke * 2 * np.pi / 5
        end = (50 + 25 * float(np.cos(a)), 50 + 25 * float(np.sin(a)))
        line(picture, [(50, 50), end], (84, 86, 92), 8)
    fill(picture, ellipse(50, 50, 7, 7), (60, 60, 64))
    return picture


def platform(seed: int) -> Image.Image:
    """A country station: hills, a fence, the track bed and the near platform's edge."""
    rng = np.random.default_rng(seed)
    picture = gradient(
        WIDTH, HEIGHT, [(0, (108, 156, 214)), (0.55, (222, 230, 232)), (1, (200, 200, 190))]
    )
    for x, y, r in ((220, 110, 70), (300, 120, 90), (840, 80, 60), (920, 96, 84), (1010, 92, 60)):
        fill(picture, ellipse(x, y, r, r * 0.42), (255, 255, 255), 0.8, 12)
    hills = smooth(
        [(-60, 420), (160, 330), (420, 388), (700, 306), (980, 372), (1340, 300)], closed=False
    )
    fill(picture, [*hills, (1340, 560), (-60, 560)], (112, 146, 112))
    fill(picture, [(0, 430), (WIDTH, 418), (WIDTH, 560), (0, 560)], (126, 158, 92))
    for _ in range(26):
        x, y = rng.uniform(0, WIDTH), rng.uniform(396, 432)
        fill(
            picture, ellipse(x, y, rng.uniform(24, 60), rng.uniform(18, 36)), (66, 104, 62), 0.9, 4
        )
    draw = ImageDraw.Draw(picture)
    for x in range(-20, WIDTH, 64):
        draw.rectangle((x, 456, x + 8, 530), fill=(150, 128, 104))
    for y in (470, 500):
        draw.rectangle((0, y, WIDTH, y + 7), fill=(164, 142, 116))
    draw.rectangle((0, 528, WIDTH, 640), fill=(120, 112, 106))
    for _ in range(2600):
        x, y = rng.uniform(0, WIDTH), rng.uniform(530, 640)
        shade = int(rng.integers(80, 150))
        draw.point((x, y), fill=(shade, shade - 6, shade - 12))
    for y in (572, 606):
        draw.rectangle((0, y, WIDTH, y + 8), fill=(92, 72, 62))
        draw.rectangle((0, y, WIDTH, y + 2), fill=(206, 204, 200))
    draw.rectangle((0, 640, WIDTH, HEIGHT), fill=(176, 174, 170))
    draw.rectangle((0, 640, WIDTH, 648), fill=(226, 224, 216))
    draw.rectangle((0, 664, WIDTH, 676), fill=(236, 200, 70))
    return picture


CARRIAGE, CARRIAGES, DOORS = 900, 3, (320, 824)


def train_sprite() -> Image.Image:
    """Three carriages and a cab, 2900 x 380, driving to the left."""
    length = CARRIAGE * CARRIAGES
    picture = new_sprite(length + 200, 380)
    for number in range(CARRIAGES):
        left = 160 + number * CARRIAGE
        front: list[Point] = [
            (left, 30),
            (left + CARRIAGE - 14, 30),
            (left + CARRIAGE - 14, 330),
            (left, 330),
        ]
        if number == 0:
            front = [
                (60, 40),
                (left + CARRIAGE - 14, 30),
                (left + CARRIAGE - 14, 330),
                (10, 330),
                (2, 240),
            ]
        fill(picture, front, (226, 228, 232))
        inside = mask_of(picture.size, front)
        band_of = [(0, 214), (length + 200, 214), (length + 200, 292), (0, 292)]
        fill(picture, band_of, (24, 84, 150), within=inside)
        fill(
            picture,
            [(0, 292), (length + 200, 292), (length + 200, 340), (0, 340)],
            (70, 74, 82),
            within=inside,
        )
        fill(
            picture,
            [(0, 20), (length + 200, 20), (length + 200, 52), (0, 52)],
            (150, 156, 164),
            0.9,
            6,
            inside,
        )
        _windows_and_doors(picture, left)
        for x in (left + 90, left + 200, left + CARRIAGE - 240, left + CARRIAGE - 130):
            fill(picture, ellipse(x, 338, 34, 34), (34, 34, 38))
            fill(picture, ellipse(x, 338, 16, 16), (120, 122, 128))
    cab = [(34, 90), (150, 84), (150, 186), (8, 186)]
    fill(picture, cab, (30, 40, 52))
    fill(
        picture,
        [(60, 92), (92, 90), (70, 184), (36, 184)],
        (150, 176, 196),
        0.6,
        4,
        mask_of(picture.size, cab),
    )
    fill(picture, ellipse(24, 262, 16, 13), (255, 250, 214))
    fill(picture, ellipse(24, 262, 46, 34), (255, 246, 190), 0.5, 12)
    return picture


def _windows_and_doors(picture: Image.Image, left: int) -> None:
    for x in range(left + 60, left + CARRIAGE - 120, 132):
        near_door = any(left + d - 110 < x < left + d + 70 for d in DOORS)
        if near_door or (x - left < 120 and left == 160):
            continue
        pane = [(x, 84), (x + 96, 84), (x + 96, 176), (x, 176)]
        fill(picture, pane, (40, 54, 70))
        fill(
            picture,
            [(x + 20, 84), (x + 54, 84), (x + 30, 176), (x - 4, 176)],
            (150, 178, 200),
            0.45,
            4,
            mask_of(picture.size, pane),
        )
    for x in (left + door for door in DOORS):
        fill(picture, [(x, 66), (x + 60, 66), (x + 60, 318), (x, 318)], (238, 190, 60))
        fill(picture, [(x + 14, 90), (x + 46, 90), (x + 46, 172), (x + 14, 172)], (40, 54, 70))


def room(seed: int) -> Image.Image:
    """A wall with a book shelf, a lamp and a rainy window."""
    rng = np.random.default_rng(seed)
    picture = gradient(
        WIDTH, HEIGHT, [(0, (196, 178, 150)), (0.7, (176, 154, 124)), (1, (120, 98, 76))]
    )
    draw = ImageDraw.Draw(picture)
    for shelf in (170, 330, 490):
        draw.rectangle((40, shelf, 520, shelf + 14), fill=(104, 70, 46))
        x = 50
        while x < 490:
            width, height = int(rng.integers(14, 34)), int(rng.integers(80, 126))
            colour = tuple(int(c) for c in rng.integers(50, 190, size=3))
            draw.rectangle((x, shelf - height, x + width, shelf), fill=colour)
            x += width + 3
    draw.rectangle((820, 60, 1200, 470), fill=(236, 230, 220))
    draw.rectangle((838, 78, 1182, 452), fill=(128, 148, 166))
    draw.rectangle((1004, 78, 1016, 452), fill=(236, 230, 220))
    for _ in range(160):
        x, y = rng.uniform(840, 1180), rng.uniform(80, 430)
        draw.line((x, y, x - 4, y + 18), fill=(186, 202, 214), width=2)
    fill(picture, ellipse(660, 150, 120, 100), (255, 226, 160), 0.7, 40)
    fill(picture, [(620, 120), (700, 120), (726, 190), (594, 190)], (250, 220, 160))
    line(picture, [(660, 190), (660, 420)], (70, 56, 44), 8)
    return picture
