"""Take the duet apart by click and by word, and say how near each answer is to the true sound.

Used by `make_demo.py`. Nearness is SI-SDR in dB over the whole clip, channels averaged: higher is better,
and what counts is the gain over the mixture. The true sounds lie beside the clip.
"""

from __future__ import annotations

import html
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import soundfile
from examples.duet import NAME, SOURCES
from numpy.typing import NDArray

import seehear
from seehear.media.read import read_audio
from seehear.metrics.separation import si_sdr

CLIPS = Path(__file__).parent / "clips"
# Where each source is in the picture, and what it is called.
CLICKS = {"speech": "0.25,0.4@2", "guitar": "0.82,0.68@2"}
WORDS = {"speech": "speech", "guitar": "guitar"}


@dataclass(frozen=True)
class Answer:
    """One query and what came of it.

    Args:
        source: what was meant.
        option: how it was asked for, as on the command line.
        before: SI-SDR of the mixture, dB.
        after: SI-SDR of the answer, dB.
        took_s: seconds of work.
        video: the clip with the answer as its sound, in the demo's folder.
        picture: the frame with the place coloured, in the demo's folder; or None.
        taken_for: class that a click was understood as; or None.
    """

    source: str
    option: str
    before: float
    after: float
    took_s: float
    video: str
    picture: str | None
    taken_for: str | None


def take_apart(folder: Path, model: str) -> list[Answer]:
    """Ask for both sources by click and by word; write clips and pictures into the folder."""
    clip = folder / f"{NAME}.mp4"
    shutil.copyfile(CLIPS / clip.name, clip)
    return [
        _ask(clip, source, option, query[source], model)
        for option, query in (("at", CLICKS), ("text", WORDS))
        for source in SOURCES
    ]


def _ask(clip: Path, source: str, option: str, value: str, model: str) -> Answer:
    out = clip.with_name(f"{NAME}.{source}.{option}.mp4")
    stems = clip.with_name(f"{NAME}.{source}.{option}")
    started = time.monotonic()
    asked: dict[str, Any] = {option: value}
    result = seehear.separate(clip, out, model=model, stems=stems, force=True, **asked)
    took_s = time.monotonic() - started
    row = result.record["sources"][0]
    stem = next(path for name, path in result.stems.items() if name != "residual")
    before, after = (nearness(sound, source) for sound in (_mono(clip), _mono(stem)))
    picture = row.get("picture")
    answer = Answer(
        source,
        f"--{option} {value}",
        before,
        after,
        took_s,
        out.name,
        str(Path(picture).relative_to(clip.parent)) if picture else None,
        row.get("taken_for"),
    )
    print(
        f"{NAME}, {answer.option}: SI-SDR {before:.1f} -> {after:.1f} dB "
        f"({after - before:+.1f}); {took_s:.1f} s"
    )
    return answer


def nearness(sound: NDArray[np.float64], source: str) -> float:
    """SI-SDR of a sound [T] against the true source, dB."""
    truth = _mono(CLIPS / f"{NAME}.{source}.opus")
    length = min(len(sound), len(truth))
    return float(si_sdr(truth[None, :length], sound[None, :length])[0])


def _mono(path: Path) -> NDArray[np.float64]:
    if path.suffix == ".mp4":
        return np.asarray(read_audio(path).waveform.double().mean(dim=0).numpy())
    samples, _ = soundfile.read(path, always_2d=True)
    return np.asarray(samples.mean(axis=1))


def write_section(answers: list[Answer]) -> str:
    """The demo page's section."""
    template = Template((Path(__file__).parent / "parts.html").read_text(encoding="utf-8"))
    figures = "\n".join(
        f'<figure><video src="{one.video}" controls preload="auto" playsinline></video>'
        f"<figcaption>{html.escape(one.option)}</figcaption></figure>"
        for one in answers
    )
    rows = "\n".join(
        f"<tr><td><code>{html.escape(one.option)}</code></td><td>{one.source}</td>"
        f"<td>{one.before:.1f}</td><td>{one.after:.1f}</td><td>{one.after - one.before:+.1f}</td>"
        f"<td>{one.took_s:.1f}</td></tr>"
        for one in answers
    )
    places = "\n".join(
        f'<figure><img src="{one.picture}" alt="Where {one.source} is seen">'
        f"<figcaption>{html.escape(one.option)}, taken for: {html.escape(one.taken_for)}"
        "</figcaption></figure>"
        for one in answers
        if one.picture and one.taken_for
    )
    return template.substitute(name=NAME, figures=figures, rows=rows, places=places)
