"""Let a mono voice follow the picture, and say how near that is to where she really is.

Used by `make_demo.py`. The clip is rendered in several ways that look at the picture, and by the places in
`walk.csv`, which are known because the clip was drawn. What counts is the level difference of the two ears in
every half second with voice.
"""

from __future__ import annotations

import html
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import torch
from examples.walk import NAME, azimuth_at

import seehear
from seehear.dsp.binaural import ild_db
from seehear.media.read import read_audio

CLIPS = Path(__file__).parent / "clips"
STEP_S = 0.5
QUIET_DB = -30.0
"""Half seconds this far below the loudest one say nothing."""
LOUDER_DB = 1.0
BESIDE_DEG = 10.0
"""From this azimuth on she is on a side."""


@dataclass(frozen=True)
class Step:
    """Half a second.

    Args:
        begin_s: when it begins.
        azimuth_deg: where she is in its middle, positive to the left.
        levels: of the left ear over the right one, dB, by the known places and then in every way.
    """

    begin_s: float
    azimuth_deg: float
    levels: list[float]


@dataclass(frozen=True)
class Walk:
    """What the page says.

    Args:
        steps: half seconds with voice.
        ways: what was asked for, as on the command line.
        took_s: seconds of work of each way.
    """

    steps: list[Step]
    ways: list[str]
    took_s: list[float]

    def right_sides(self, way: int) -> tuple[int, int]:
        """Steps in which the ear on her side is louder by `LOUDER_DB`, and steps in which she is on a side."""
        beside = [step for step in self.steps if abs(step.azimuth_deg) >= BESIDE_DEG]
        return sum(_side(s.levels[way + 1]) == (s.azimuth_deg > 0) for s in beside), len(beside)


def _side(level_db: float) -> bool | None:
    """Whether the left ear is clearly louder; None if neither is."""
    return None if abs(level_db) < LOUDER_DB else level_db > 0


def follow(folder: Path, ways: dict[str, dict[str, Any]]) -> Walk:
    """Run all ways and the known places; write clips into the folder.

    Args:
        folder: of the demo.
        ways: words of the command line -> the same as keywords.
    """
    clip = folder / f"{NAME}.mp4"
    shutil.copyfile(CLIPS / clip.name, clip)
    placed = folder / f"{NAME}.placed.mp4"
    seehear.spatialize(clip, placed, positions=str(CLIPS / f"{NAME}.csv"), force=True)
    made, took_s = [placed], []
    for number, options in enumerate(ways.values()):
        made.append(folder / f"{NAME}.{number}.mp4")
        started = time.monotonic()
        pictures = str(folder / f"{NAME}.{number}")
        seehear.spatialize(clip, made[-1], explain=pictures, force=True, **options)
        took_s.append(time.monotonic() - started)
    walk = Walk(_steps(made), list(ways), took_s)
    for number, way in enumerate(ways):
        hits, count = walk.right_sides(number)
        print(f"{NAME}, {way}: {hits} of {count} half seconds on her side; {took_s[number]:.1f} s")
    return walk


def _steps(clips: list[Path]) -> list[Step]:
    """Half seconds in which the first clip has voice."""
    sounds = [read_audio(clip) for clip in clips]
    size = round(STEP_S * sounds[0].sample_rate)
    halves = [sound.waveform.split(size, dim=1) for sound in sounds]
    power = torch.stack([part.square().mean() for part in halves[0]])
    heard = 10 * torch.log10(power / power.max() + 1e-12) > QUIET_DB
    return [
        Step(
            STEP_S * number,
            azimuth_at(STEP_S * (number + 0.5)),
            [float(ild_db(*parts[number])) for parts in halves],
        )
        for number in range(min(map(len, halves)))
        if heard[number]
    ]


def write_section(walk: Walk) -> str:
    """The demo page's section."""
    template = Template((Path(__file__).parent / "walk.html").read_text(encoding="utf-8"))
    figures = "\n".join(
        f'<figure><video src="{NAME}.{number}.mp4" controls preload="auto" playsinline></video>'
        f"<figcaption><code>{html.escape(way)}</code></figcaption></figure>"
        for number, way in enumerate(walk.ways)
    )
    heads = "".join(f"<th><code>{html.escape(way)}</code></th>" for way in walk.ways)
    rows = "\n".join(
        f"<tr><td>{step.begin_s:.1f} s</td><td>{step.azimuth_deg:+.0f}</td>"
        + "".join(f"<td>{level:+.1f}</td>" for level in step.levels)
        + "</tr>"
        for step in walk.steps
    )
    notes = " ".join(
        f"<code>{html.escape(way)}</code>: the ear on her side is louder by {LOUDER_DB:g} dB or more in "
        f"{walk.right_sides(number)[0]} of {walk.right_sides(number)[1]} half seconds in which she is on "
        f'a side; done in {walk.took_s[number]:.1f} s (<a href="{NAME}.{number}/pictures.json">where it '
        "was put</a>)."
        for number, way in enumerate(walk.ways)
    )
    return template.substitute(name=NAME, figures=figures, heads=heads, rows=rows, notes=notes)
