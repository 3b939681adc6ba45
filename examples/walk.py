"""Render the example clip for `spatialize`: python -m examples.walk [-o FOLDER]

A woman talks while she walks from the left to the right side of a room; the sound is mono. Written:

    walk.mp4    picture and sound
    walk.csv    where she is, as `--positions` wants it

Needs what `render.py` needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from examples import moving, people, places, sounds
from examples.moving import FPS
from examples.render import write_clip
from examples.sounds import Sound
from PIL import Image

NAME = "walk"
SECONDS = 6.0
SEED = 31
LEVEL_DB = -23.0
BIT_RATE = 48_000
FOV_DEG = 120.0
# The face is painted in the middle of a canvas of its own; on the way its middle goes from here to there,
# as shares of the picture's width.
FROM, TO = 0.2, 0.8
STANDS_S = 0.8
"""Seconds at either end in which she stands."""
FACE_X = 300 + people.SIZE[0] / 2
HALF = 0.75
"""Size of the face against the other clips."""


def make_voice() -> Sound:
    """What she says, [1, T]."""
    text = "I begin on the left side of this room. Now I walk, and my voice should walk with me."
    voice = sounds.place(sounds.speech(text, "en-us+f3", 58, 155), 0.3, SECONDS)
    wet = sounds.reverb(voice, 0.3, 0.06, np.random.default_rng(SEED))
    return sounds.level(wet.mean(axis=0, keepdims=True), LEVEL_DB)


def place_at(time_s: float) -> float:
    """Where the middle of her face is, as a share of the picture's width."""
    share = np.clip((time_s - STANDS_S) / (SECONDS - 2 * STANDS_S), 0.0, 1.0)
    return float(FROM + (TO - FROM) * (0.5 - 0.5 * np.cos(np.pi * share)))


def azimuth_at(time_s: float) -> float:
    """Her azimuth in degrees, positive to the left, if the picture is `FOV_DEG` wide."""
    return FOV_DEG * (0.5 - place_at(time_s))


def draw_frames(voice: Sound) -> Iterator[Image.Image]:
    """Every picture of the clip."""
    ground = places.room(4).convert("RGBA")
    nothing = Image.new("RGBA", (places.WIDTH, places.HEIGHT))
    face = moving.talking_face(people.ANNA, nothing, voice, SEED)
    size = round(HALF * places.WIDTH), round(HALF * places.HEIGHT)
    for number in range(round(SECONDS * FPS)):
        time_s = number / FPS
        drawn = face(time_s).resize(size, Image.Resampling.BICUBIC)
        left = round(place_at(time_s) * places.WIDTH - HALF * FACE_X)
        bob = round(6 * abs(np.sin(5.5 * time_s)) * (STANDS_S < time_s < SECONDS - STANDS_S))
        canvas = ground.copy()
        canvas.paste(drawn, (left, places.HEIGHT - size[1] + bob), drawn)
        yield canvas


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "clips")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    voice = make_voice()
    write_clip(folder / f"{NAME}.mp4", draw_frames(voice), voice, BIT_RATE)
    times = np.arange(0, SECONDS + 0.01, 0.25)
    rows = [f"{time_s:g},{azimuth_at(time_s):.2f}\n" for time_s in times]
    (folder / f"{NAME}.csv").write_text("time,azimuth\n" + "".join(rows))


if __name__ == "__main__":
    main()
