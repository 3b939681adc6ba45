"""Let a mono voice follow the picture, and say how near that is to where she really is.

Used by `make_demo.py`. The clip is rendered twice: by the model, which sees the picture, and by the places in
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
        followed: level of the left ear over the right one by the model, dB.
        placed: the same by the known places.
    """

    begin_s: float
    azimuth_deg: float
    followed: float
    placed: float


@dataclass(frozen=True)
class Walk:
    """What the page says.

    Args:
        steps: half seconds with voice.
        took_s: seconds of work of the model's run.
        model: its id.
    """

    steps: list[Step]
    took_s: float
    model: str

    @property
    def right_sides(self) -> tuple[int, int]:
        """Steps in which the ear on her side is louder by `LOUDER_DB`, and steps in which she is on a side."""
        beside = [step for step in self.steps if abs(step.azimuth_deg) >= BESIDE_DEG]
        return sum(_side(step) == (step.azimuth_deg > 0) for step in beside), len(beside)


def _side(step: Step) -> bool | None:
    """Whether the left ear is clearly louder; None if neither is."""
    return None if abs(step.followed) < LOUDER_DB else step.followed > 0


def follow(folder: Path, model: str) -> Walk:
    """Run both; write clips and pictures into the folder."""
    clip = folder / f"{NAME}.mp4"
    shutil.copyfile(CLIPS / clip.name, clip)
    followed, placed = folder / f"{NAME}.followed.mp4", folder / f"{NAME}.placed.mp4"
    started = time.monotonic()
    seehear.spatialize(clip, followed, model=model, explain=str(folder / NAME), force=True)
    took_s = time.monotonic() - started
    seehear.spatialize(clip, placed, positions=str(CLIPS / f"{NAME}.csv"), force=True)
    walk = Walk(_steps(followed, placed), took_s, model)
    hits, count = walk.right_sides
    print(f"{NAME}: {hits} of {count} half seconds on her side; {took_s:.1f} s")
    return walk


def _steps(followed: Path, placed: Path) -> list[Step]:
    first, second = read_audio(followed), read_audio(placed)
    size = round(STEP_S * first.sample_rate)
    halves = [audio.waveform.split(size, dim=1) for audio in (first, second)]
    power = torch.stack([part.square().mean() for part in halves[0]])
    heard = 10 * torch.log10(power / power.max() + 1e-12) > QUIET_DB
    return [
        Step(
            STEP_S * number,
            azimuth_at(STEP_S * (number + 0.5)),
            *(float(ild_db(*parts[number])) for parts in halves),
        )
        for number in range(min(map(len, halves)))
        if heard[number]
    ]


def write_section(walk: Walk) -> str:
    """The demo page's section."""
    template = Template((Path(__file__).parent / "walk.html").read_text(encoding="utf-8"))
    rows = "\n".join(
        f"<tr><td>{step.begin_s:.1f} s</td><td>{step.azimuth_deg:+.0f}</td>"
        f"<td>{step.placed:+.1f}</td><td>{step.followed:+.1f}</td></tr>"
        for step in walk.steps
    )
    hits, count = walk.right_sides
    return template.substitute(
        name=NAME,
        rows=rows,
        hits=hits,
        count=count,
        took=f"{walk.took_s:.1f}",
        model=html.escape(walk.model),
    )
