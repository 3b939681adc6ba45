"""Give a silent drum its sound, and say how near the sound's strokes are to those in the picture.

Used by `make_demo.py`. The clip is drawn here, by the same procedure that made the training clips of
`generate/starter` (`seehear.data.procedural`), from a list of strokes; so when something happens is known. It
never had a sound. The second way begins at the rain of another example instead of at noise.
"""

from __future__ import annotations

import html
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import av
import numpy as np
from torch import Tensor

import seehear
from seehear import registry
from seehear.data.drive import Drive, frame_times
from seehear.data.procedural import Scene, render
from seehear.errors import ModelError
from seehear.media.read import read_audio
from seehear.metrics.onsets import onset_error, onset_times

CLIPS = Path(__file__).parent / "clips"
NAME, REFERENCE = "drum", "lesson.effects.opus"
SECONDS, FPS, SIDE = 8.0, 25, 256
STROKES_S = (0.6, 1.2, 1.8, 2.1, 2.4, 3.4, 4.0, 4.6, 4.9, 5.2, 6.2, 6.8, 7.1, 7.4)
SEED = 14
DECAY_S = 0.08
WAYS: dict[str, dict[str, Any]] = {
    "from the picture": {},
    "--like rain --amount 0.6": {"amount": 0.6},
}
"""What was asked for: as on the page, and as keywords."""


@dataclass(frozen=True)
class Struck:
    """What the page says of one way.

    Args:
        way: what was asked for.
        median_ms: distance of strokes seen to strokes heard.
        within: share of strokes that are heard within 50 ms.
        took_s: seconds of work.
    """

    way: str
    median_ms: float
    within: float
    took_s: float


def is_there(model: str) -> bool:
    """Whether a model can be loaded here."""
    try:
        found = registry.find(model, "generate")
    except ModelError:
        return False
    return isinstance(found, Path) or bool(found.tiny) or registry.folder_of(found) is not None


def strike(folder: Path, model: str) -> list[Struck]:
    """Draw the clip, run all ways, write the files into the folder.

    Args:
        folder: of the demo.
        model: id or checkpoint folder.

    Returns:
        One row per way; none if the model is not there.
    """
    if not is_there(model):
        print(f"{NAME}: left out, {model} is not on this machine")
        return []
    clip = folder / f"{NAME}.mp4"
    write_silent(clip, draw())
    shutil.copyfile(CLIPS / REFERENCE, folder / REFERENCE)
    struck = []
    for number, (way, more) in enumerate(WAYS.items()):
        out = folder / f"{NAME}.{number}.mp4"
        options = {"like": str(folder / REFERENCE), **more} if more else {}
        started = time.monotonic()
        seehear.generate(clip, out, model=model, force=True, **options)
        took_s = time.monotonic() - started
        heard = read_audio(out)
        found = onset_times(heard.waveform.mean(dim=0), heard.sample_rate)[0]
        error = onset_error(STROKES_S, found.tolist())
        struck.append(Struck(way, error.median_ms, error.within, took_s))
        print(
            f"{NAME}, {way}: strokes {error.median_ms:.0f} ms off (median), "
            f"{100 * error.within:.0f} % within 50 ms; {took_s:.1f} s"
        )
    return struck


def draw() -> Tensor:
    """Every picture of the clip, uint8 [S, 3, SIDE, SIDE]."""
    scene = Scene("snare_drum", "drawn", "", "", "strike", SEED)
    blocks = (np.arange(round(100 * SECONDS)) + 0.5) / 100
    onsets = np.asarray(STROKES_S)
    age = blocks[:, None] - onsets
    level = np.where(age >= 0, np.exp(-np.maximum(age, 0) / DECAY_S), 0.0).max(axis=1)
    drive = Drive(level, onsets, np.ones(len(onsets)))
    return render(scene, drive, frame_times(SECONDS, FPS), _no_photos, SIDE)


def _no_photos(name: str) -> Tensor:
    raise AssertionError(f"a drawing asks for no photo, but here for {name}")


def write_silent(path: Path, frames: Tensor) -> None:
    """Encode H.264 without a sound track."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as out:
        video: Any = out.add_stream("libx264", rate=FPS)
        video.width = video.height = SIDE
        video.pix_fmt, video.options = "yuv420p", {"crf": "20"}
        for picture in frames.permute(0, 2, 3, 1).contiguous().numpy():
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(video.encode(None))


def write_section(struck: list[Struck], model: str) -> str:
    """The demo page's section; empty without a model."""
    if not struck:
        return ""
    template = Template((Path(__file__).parent / "drum.html").read_text(encoding="utf-8"))
    figures = "\n".join(
        f'<figure><video src="{NAME}.{number}.mp4" controls preload="auto" playsinline></video>'
        f"<figcaption>{html.escape(one.way)}</figcaption></figure>"
        for number, one in enumerate(struck)
    )
    rows = "\n".join(
        f"<tr><td>{html.escape(one.way)}</td><td>{one.median_ms:.0f} ms</td>"
        f"<td>{100 * one.within:.0f} %</td><td>{one.took_s:.1f} s</td></tr>"
        for one in struck
    )
    return template.substitute(
        name=NAME,
        reference=REFERENCE,
        figures=figures,
        rows=rows,
        count=len(STROKES_S),
        model=html.escape(model),
    )
