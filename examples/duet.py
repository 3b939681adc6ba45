"""Render the example clip for `separate`: python -m examples.duet [-o FOLDER]

Two cameras side by side: on the left a woman talks, on the right somebody plays the guitar. Both are
heard all the time, equally loud. Written:

    duet.mp4                   picture and mixture
    duet.speech|guitar.opus    true stems; their sum is the mixture

Needs what `render.py` needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from examples import moving, people, places, sounds
from examples.moving import FPS, Painter
from examples.paint import blurred
from examples.render import arpeggio, write_clip
from examples.sounds import RATE, Note, Sound
from PIL import Image

NAME = "duet"
SOURCES = ("speech", "guitar")
SECONDS = 8.0
SEED = 21
LEVEL_DB = -23.0
SHIRT, SKIN = (116, 62, 58), (214, 164, 132)
# What each camera shows of its canvas, from the left edge on.
LEFT_CROP, RIGHT_CROP = 360, 170


def make_stems() -> tuple[dict[str, Sound], list[Note]]:
    """Both sounds at one level, and the notes that the hands follow."""
    text = (
        "This is what two sounds at the same time are like. "
        "You can hear me, and you can hear the guitar, and nobody waits for the other."
    )
    voice = sounds.place(sounds.speech(text, "en-us+f3", 58, 172), 0.2, SECONDS)
    voice = sounds.reverb(voice, 0.3, 0.08, np.random.default_rng(SEED))
    notes = arpeggio(SECONDS, 0.3, 12)
    music = sounds.music([(24, notes)], SECONDS)
    return {"speech": sounds.level(voice, LEVEL_DB), "guitar": sounds.level(music, LEVEL_DB)}, notes


def draw_frames(speech: Sound, notes: list[Note]) -> Iterator[Image.Image]:
    """Every picture."""
    talking = moving.talking_face(people.ANNA, blurred(places.street(3), 13), speech, SEED)
    playing = moving.playing_guitar(blurred(places.room(4), 9), notes, SHIRT, SKIN)
    for number in range(round(SECONDS * FPS)):
        yield _side_by_side(talking, playing, number / FPS)


def _side_by_side(left: Painter, right: Painter, time_s: float) -> Image.Image:
    half = places.WIDTH // 2
    canvas = Image.new("RGB", (places.WIDTH, places.HEIGHT), (16, 16, 18))
    for painter, crop, x in ((left, LEFT_CROP, 0), (right, RIGHT_CROP, half)):
        shown = painter(time_s).convert("RGB").crop((crop, 0, crop + half - 4, places.HEIGHT))
        canvas.paste(shown, (x + (4 if x else 0), 0))
    return canvas


def render(folder: Path) -> None:
    """Make the clip and its stems."""
    stems, notes = make_stems()
    back = []
    for name in SOURCES:
        path = folder / f"{NAME}.{name}.opus"
        soundfile.write(
            path, stems[name].T, RATE, format="OGG", subtype="OPUS", compression_level=0.85
        )
        back.append(soundfile.read(path, always_2d=True)[0].T)
    write_clip(folder / f"{NAME}.mp4", draw_frames(stems["speech"], notes), back[0] + back[1])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "clips")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    render(arguments.output)


if __name__ == "__main__":
    main()
