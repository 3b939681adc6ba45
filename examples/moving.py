"""What moves in the example clips: functions that draw the canvas at a time in seconds.

The still parts come from `people.py`, `places.py` and `guitar.py`; which clip shows what is in `render.py`
and `duet.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from examples import guitar, people, places
from examples.paint import Colour
from examples.sounds import RATE, Note, Sound
from PIL import Image

FPS = 25
Painter = Callable[[float], Image.Image]
"""Draws the canvas at a time in seconds."""


def talking_face(look: people.Look, background: Image.Image, speech: Sound, seed: int) -> Painter:
    """Mouth opening follows the level of the voice, its width the brightness of the voice."""
    person = people.paint_person(look)
    ground = background.convert("RGBA")
    opening, width = _mouth_movement(speech)
    rng = np.random.default_rng(seed)
    blinks = np.cumsum(rng.uniform(1.6, 3.6, size=12))

    def paint(time_s: float) -> Image.Image:
        at = min(round(time_s * FPS), len(opening) - 1)
        lids = float(np.clip(1.5 - 14 * np.abs(time_s - blinks).min(), 0, 1))
        gaze = 0.25 * float(np.sin(0.9 * time_s))
        head = people.paint_eyes_and_mouth(person, look, opening[at], width[at], lids, gaze)
        x = 300 + round(7 * float(np.sin(0.8 * time_s)))
        y = 26 + round(4 * float(np.sin(1.7 * time_s)) - 5 * opening[at])
        canvas = ground.copy()
        canvas.alpha_composite(head.crop((0, 0, people.SIZE[0], places.HEIGHT - y)), (x, y))
        return canvas

    return paint


def _mouth_movement(speech: Sound) -> tuple[list[float], list[float]]:
    """Opening and width (0..1) of the mouth for every video frame."""
    mono, hop = speech.mean(axis=0), RATE // FPS
    count = mono.size // hop
    blocks = mono[: count * hop].reshape(count, hop) * np.hanning(hop)
    loud = np.sqrt((blocks**2).mean(axis=1))
    opening = np.clip(loud / np.quantile(loud[loud > loud.max() * 0.05], 0.9), 0, 1) ** 0.8
    spectrum = np.abs(np.fft.rfft(blocks, axis=1))
    bright = spectrum[:, 60:].sum(axis=1) / (spectrum.sum(axis=1) + 1e-9)
    soften = np.array([0.25, 0.5, 0.25])
    opening = np.convolve(opening, soften, mode="same")
    width = np.convolve(np.clip(2.5 * bright, 0, 1), soften, mode="same")
    return opening.tolist(), width.tolist()


def driving_car(nearest_s: float) -> Painter:
    """A car crosses the picture from left to right and is in the middle at `nearest_s`."""
    ground = places.street(5).convert("RGBA")
    car = places.car_sprite()

    def paint(time_s: float) -> Image.Image:
        canvas = ground.copy()
        x = round(places.WIDTH / 2 - 320 + 620 * (time_s - nearest_s))
        moving = car.copy()
        for wheel in (136, 500):
            moving.alpha_composite(places.car_wheel(12 * time_s), (wheel - 50, 140))
        canvas.paste(moving, (x, 412), moving)
        return canvas

    return paint


def passing_train(front_s: float) -> Painter:
    """A train crosses from right to left; its front enters at `front_s`."""
    ground = places.platform(2).convert("RGBA")
    train = places.train_sprite()

    def paint(time_s: float) -> Image.Image:
        canvas = ground.copy()
        x = round(places.WIDTH - 950 * (time_s - front_s))
        canvas.paste(train, (x, 252 + round(1.5 * float(np.sin(31 * time_s)))), train)
        return canvas

    return paint


def playing_guitar(
    background: Image.Image, notes: Sequence[Note], shirt: Colour, skin: Colour
) -> Painter:
    """The right hand moves with every note, the left hand with every chord."""
    ground = background.convert("RGBA")
    ground.alpha_composite(guitar.paint_guitarist(shirt, skin))
    starts = np.array([note.start_s for note in notes])

    def paint(time_s: float) -> Image.Image:
        number = max(int(np.searchsorted(starts, time_s, side="right")) - 1, 0)
        since = max(time_s - starts[number], 0.0)
        stroke = 1.0 if number % 2 else -1.0
        hand = stroke * (2 * min(since / 0.12, 1.0) - 1.0)
        fret = (0.15, 0.45, 0.3, 0.6)[number // 8 % 4]
        canvas = ground.copy()
        guitar.paint_strings(canvas, float(np.exp(-since * 9) * np.sin(70 * since)))
        guitar.paint_hands(canvas, skin, shirt, hand, fret)
        return canvas

    return paint
