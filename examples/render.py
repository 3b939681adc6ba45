"""Render the example clips: python -m examples.render [-o FOLDER] [NAME ...]

Each clip is a finished mix that follows the picture (whatever is in shot is the loudest), made muddy
by wrong levels. Written for every clip:

    NAME.mp4                              picture and muddy sound
    NAME.speech|music|effects.opus        true stems of the finished mix; their sum is the target
    NAME.frames.npz                       a frame a second, as the frame encoder of the starter sees it
    manifest.jsonl                        focus of every second, level and seed of the muddy mix

Needs espeak-ng, FluidSynth and the free GM soundfont; the clips are committed, so only somebody who
changes them needs that. Same versions, same samples (Ogg files carry a random serial number).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import torch
from examples import moving, people, places, sounds
from examples.moving import FPS, Painter
from examples.paint import blurred
from examples.sounds import RATE, Note, Sound
from numpy.typing import NDArray
from PIL import Image

from seehear.data.manifest import ClipRow, read_manifest, write_manifest
from seehear.data.muddy import STEMS, MuddySpec, make_muddy
from seehear.media.read import read_frames

SIZE = (640, 360)
FRAME_SIZE = 64
FOCUS_DB = -23.0
BELOW_DB = 10.0
RAMP_S = 0.4


@dataclass(frozen=True)
class Shot:
    """A stretch of one camera position."""

    start_s: float
    focus: str
    paint: Painter


@dataclass(frozen=True)
class Story:
    """A clip before it is mixed: raw stems by name, and what is shown."""

    seconds: float
    stems: dict[str, Sound]
    shots: Sequence[Shot]


# ---------------------------------------------------------------------------- the three stories


def street(seed: int) -> Story:
    """A woman talks in a street; a car drives through; she talks on. Film music all along."""
    rng = np.random.default_rng(seed)
    seconds = 14.0
    lines = (
        "Good evening. I am standing in the old town, where traffic has been a problem for years.",
        "As you have just heard, it is hard to hold a conversation here.",
    )
    voice = [sounds.speech(text, "en-us+f3", 58, 172) for text in lines]
    speech = sounds.place(voice[0], 0.35, seconds) + sounds.place(voice[1], 9.8, seconds)
    passing = sounds.pass_by(sounds.car(seed), seconds, 7.5, 11.0, 4.0)
    hum = sounds.band(sounds.noise(seconds, 5.0, rng), 60, 3000)
    effects = passing / np.abs(passing).max() + 0.05 * hum + 0.12 * sounds.birds(seconds, rng)
    effects += 0.25 * sounds.footsteps(seconds, 0.52, rng)
    score = sounds.music([(48, _pad(seconds)), (0, arpeggio(seconds, 0.5, 12))], seconds)
    background = blurred(places.street(3), 13)
    face = moving.talking_face(people.ANNA, background, speech, seed)
    shots = [
        Shot(0.0, "speech", face),
        Shot(5.6, "effects", moving.driving_car(7.5)),
        Shot(9.5, "speech", face),
    ]
    room = np.random.default_rng(seed + 1)
    stems = {"speech": sounds.reverb(speech, 0.35, 0.12, room), "music": score, "effects": effects}
    return Story(seconds, stems, shots)


def platform(seed: int) -> Story:
    """A guitarist on a platform; an announcement is read; a train passes."""
    rng = np.random.default_rng(seed)
    seconds = 14.0
    spoken = sounds.speech(
        "The train now approaching does not stop here. Please stand back.", "en-gb+m3", 40, 150
    )
    speech = sounds.place(spoken, 1.4, seconds)
    again = sounds.speech("Thank you for waiting. The next train is on time.", "en-gb+m3", 40, 150)
    speech = sounds.reverb(
        sounds.band(speech + sounds.place(again, 9.9, seconds), 300, 3800), 1.2, 0.5, rng
    )
    passing = sounds.pass_by(sounds.train(seed), seconds, 7.5, -24.0, 5.0, half_length=35.0)
    wind = sounds.band(sounds.noise(seconds, 4.0, rng), 100, 2000)
    effects = passing / np.abs(passing).max() + 0.02 * wind + 0.05 * sounds.birds(seconds, rng)
    notes = arpeggio(seconds, 0.21, 0)
    score = sounds.music([(24, notes)], seconds)
    playing = moving.playing_guitar(
        blurred(places.platform(2), 12), notes, (84, 92, 120), (222, 172, 142)
    )
    shots = [
        Shot(0.0, "music", playing),
        Shot(5.2, "effects", moving.passing_train(5.4)),
        Shot(9.6, "music", playing),
    ]
    stems = {"speech": speech, "music": score, "effects": effects}
    return Story(seconds, stems, shots)


def lesson(seed: int) -> Story:
    """A teacher explains and then plays, while it rains outside."""
    rng = np.random.default_rng(seed)
    seconds = 12.0
    spoken = sounds.speech(
        "Now listen to the four chords, and to how the thumb keeps the beat.", "en-us+m7", 42, 160
    )
    off = sounds.speech("And once again, slowly.", "en-us+m7", 42, 160)
    speech = sounds.place(spoken, 0.4, seconds) + sounds.place(off, 8.2, seconds)
    rain = sounds.band(sounds.noise(seconds, 3.0, rng), 250, 7000)
    ticks = sounds.footsteps(seconds, 0.5, rng)
    effects = 0.3 * rain + 0.6 * sounds.band(ticks, 800, None)
    notes = arpeggio(seconds, 0.28, 2)
    score = sounds.music([(25, notes)], seconds)
    room = blurred(places.room(4), 9)
    face = moving.talking_face(people.BEN, room, speech, seed)
    playing = moving.playing_guitar(room, notes, people.BEN.shirt, people.BEN.skin)
    shots = [Shot(0.0, "speech", face), Shot(5.0, "music", playing)]
    stems = {"speech": sounds.reverb(speech, 0.3, 0.15, rng), "music": score, "effects": effects}
    return Story(seconds, stems, shots)


CHORDS = ((45, 52, 57, 60, 64), (41, 48, 53, 57, 60), (48, 52, 55, 60, 64), (43, 50, 55, 59, 62))
PATTERN = (0, 2, 3, 4, 3, 2, 4, 3)


def arpeggio(seconds: float, step_s: float, transpose: int) -> list[Note]:
    """Broken chords, eight notes each."""
    notes = []
    for number in range(int((seconds - 0.5) / step_s)):
        chord = CHORDS[number // 8 % 4]
        key = chord[PATTERN[number % 8]] + transpose
        notes.append(Note(key, 0.1 + number * step_s, step_s * 2.5, 96 if number % 8 == 0 else 78))
    return notes


def _pad(seconds: float) -> list[Note]:
    """Long string chords, four seconds each."""
    notes = []
    for number in range(int(seconds // 4) + 1):
        for key in CHORDS[number % 4][1:4]:
            notes.append(Note(key, number * 4.0, min(3.9, seconds - number * 4.0 - 0.1), 70))
    return notes


# ---------------------------------------------------------------------------- mixing and writing


def focus_curves(story: Story) -> dict[str, NDArray[np.float64]]:
    """Gain of every stem at every sample: 1 while it is in focus, `BELOW_DB` less otherwise."""
    time = np.arange(sounds.samples(story.seconds)) / RATE
    curves = {}
    for stem in STEMS:
        level = np.full(time.size, -BELOW_DB)
        level[:] = 0.0 if story.shots[0].focus == stem else -BELOW_DB
        for before, shot in zip(story.shots, story.shots[1:], strict=False):
            old, new = (0.0 if s.focus == stem else -BELOW_DB for s in (before, shot))
            level += (new - old) * np.clip((time - shot.start_s) / RAMP_S + 0.5, 0, 1)
        curves[stem] = 10 ** (level / 20)
    return curves


def write_stems(story: Story, folder: Path, name: str) -> Sound:
    """Write the finished mix's stems as Opus; return them as they are read back [3, 2, T]."""
    curves = focus_curves(story)
    back = []
    for stem in STEMS:
        wave = sounds.level(story.stems[stem], FOCUS_DB) * curves[stem]
        path = folder / f"{name}.{stem}.opus"
        soundfile.write(path, wave.T, RATE, format="OGG", subtype="OPUS", compression_level=0.85)
        read, _ = soundfile.read(path, always_2d=True)
        back.append(read.T)
    return np.stack(back)


def write_clip(
    path: Path, frames: Iterator[Image.Image], sound: Sound, bit_rate: int = 112_000
) -> None:
    """Encode H.264 and AAC (one channel or two); both are interleaved second by second."""
    layout = "mono" if len(sound) == 1 else "stereo"
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.options = {"crf": "27", "preset": "slow", "x264-params": "threads=1"}
        audio = out.add_stream("aac", rate=RATE)
        audio.bit_rate, audio.layout = bit_rate, layout
        block = RATE // FPS
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_image(
                picture.convert("RGB").resize(SIZE, Image.Resampling.BOX)
            )
            out.mux(video.encode(frame))
            piece = sound[:, number * block : (number + 1) * block].astype(np.float32)
            chunk = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), "fltp", layout)
            chunk.sample_rate, chunk.pts, chunk.time_base = RATE, number * block, Fraction(1, RATE)
            out.mux(audio.encode(chunk))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))


def write_frames(clip: Path) -> str:
    """Store a frame a second of a clip beside it; return the file's name."""
    seen = read_frames(clip, 1.0, FRAME_SIZE)
    path = clip.with_suffix(".frames.npz")
    np.savez_compressed(path, frames=seen.frames.numpy(), times=seen.times.numpy())
    return path.name


def draw_frames(story: Story) -> Iterator[Image.Image]:
    """Every picture of a clip."""
    for number in range(round(story.seconds * FPS)):
        time_s = number / FPS
        yield next(s for s in reversed(story.shots) if s.start_s <= time_s).paint(time_s)


# Story, its seed, and the seed of its muddy mix: too much music, announcement, rain.
STORIES = {"street": (street, 11, 0), "platform": (platform, 12, 1), "lesson": (lesson, 13, 0)}


def render(name: str, folder: Path) -> ClipRow:
    """Make one clip with its stems; return its row of the manifest."""
    make, seed, muddy_seed = STORIES[name]
    story = make(seed)
    stems = torch.from_numpy(write_stems(story, folder, name)).float()  # [3, 2, T]
    spec = MuddySpec(level="moderate", seed=muddy_seed)
    muddy, _, changes = make_muddy(stems, RATE, spec)
    changed = ", ".join(
        f"{s} {d:+.0f} dB" for s, d in zip(STEMS, changes.gains_db[:, 0], strict=True)
    )
    print(f"{name}: {changed}")
    write_clip(folder / f"{name}.mp4", draw_frames(story), muddy.double().numpy())
    focus = [
        next(s.focus for s in reversed(story.shots) if s.start_s <= second + 0.5)
        for second in range(int(story.seconds))
    ]
    return ClipRow(
        id=name,
        split="example",
        duration_s=story.seconds,
        sample_rate=RATE,
        stems={stem: f"{name}.{stem}.opus" for stem in STEMS},
        frames=write_frames(folder / f"{name}.mp4"),
        focus=tuple(focus),
        muddy=spec,
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", default=list(STORIES), metavar="NAME")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "clips")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "manifest.jsonl"
    rows = {row.id: row for row in read_manifest(path).rows} if path.exists() else {}
    rows |= {name: render(name, arguments.output) for name in arguments.names}
    write_manifest(path, (rows[name] for name in STORIES if name in rows))


if __name__ == "__main__":
    main()
