"""Small listening tests made on the spot, and a server for them.

The picture flashes white and every version clicks at the same moments, so that picture, sound and
switching can be measured. Under the clicks each version has a steady tone of its own, by which a
recording tells which version is heard, and any gap in it.
"""

from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from seehear.listen.config import (
    Ask,
    Kind,
    Label,
    ListeningTest,
    Scale,
    Screening,
    Trial,
    Version,
    write_test,
)
from seehear.listen.server import make_app, make_server
from seehear.listen.store import FILE_NAME, Store

RATE = 48000
FPS = 25
SIZE = (160, 90)  # width, height
EVERY_S = 0.6  # between flashes; a whole number of frames
FLASH_FRAMES = 3
CLICK_HZ = 6000.0
PASSWORD = "open sesame"


def tone_hz(version: int) -> float:
    """Steady tone of the n-th version."""
    return 300.0 + 150.0 * version


def sound(seconds: float, version: int) -> NDArray[np.float32]:
    """Steady tone with clicks (10 ms bursts, sudden beginning) every `EVERY_S`, stereo [T, 2]."""
    t = np.arange(round(seconds * RATE)) / RATE
    wave = 0.1 * np.sin(2 * np.pi * tone_hz(version) * t)
    since = t % EVERY_S
    wave += np.where(since < 0.010, 0.5 * np.cos(2 * np.pi * CLICK_HZ * since), 0.0)
    return np.stack([wave, wave], axis=1).astype(np.float32)


def write_picture(path: Path, seconds: float) -> None:
    """White frames from each click on, dark ones between, with a square that moves."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = FPS
        stream.codec_context.time_base = Fraction(1, FPS)
        for index in range(round(seconds * FPS)):
            bright = index % round(EVERY_S * FPS) < FLASH_FRAMES
            image = np.full((SIZE[1], SIZE[0], 3), 245 if bright else 25, np.uint8)
            left = 2 * index % (SIZE[0] - 20)
            image[60:80, left : left + 20] = (60, 110, 160)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def scale_for(kind: Kind, count: int) -> Scale | None:
    """Values of an answer."""
    if kind == "pairwise":
        return None
    if kind == "ranking":
        return Scale(1, count, 1, (Label(1, "best"), Label(count, "worst")))
    if kind == "mushra":
        return Scale(0, 100, 1, (Label(10, "bad"), Label(50, "fair"), Label(90, "excellent")))
    words = ("bad", "poor", "fair", "good", "excellent")
    return Scale(20, 100, 20, tuple(Label(20 * i, w) for i, w in enumerate(words, 1)))


def make_test(
    folder: Path,
    kind: Kind,
    clips: int = 2,
    seconds: float = 3.0,
    names: Sequence[str] = ("apple", "birch", "cedar"),
    headphones: str = "off",
    practice: bool = False,
    asks: tuple[Ask, ...] = (),
) -> ListeningTest:
    """Write a test of any kind; `mushra` takes its first version as the reference."""
    trials = []
    for clip in (f"clip_{i}" for i in range(clips)):
        place = folder / "media" / clip
        place.mkdir(parents=True)
        write_picture(place / "picture.mp4", seconds)
        sounds = {}
        for index, name in enumerate(names):
            path = place / f"{index}{clip[-1]}.flac"
            soundfile.write(path, sound(seconds, index), RATE, subtype="PCM_16")
            sounds[name] = path.relative_to(folder).as_posix()
        trials.append(Trial(clip, seconds, sounds, f"media/{clip}/picture.mp4"))
    roles = ["reference" if kind == "mushra" and i == 0 else "version" for i in range(len(names))]
    test = ListeningTest(
        kind=kind,
        title=f"Test of {kind}",
        question="How is it?",
        instructions="Listen.\n\nThen say what you think.",
        consent="My answers may be used.",
        versions=tuple(
            Version(name, role)  # type: ignore[arg-type]
            for name, role in zip(names, roles, strict=True)
        ),
        trials=tuple(trials),
        scale=scale_for(kind, len(names)),
        practice="clip_0" if practice else "",
        screening=Screening(headphones=headphones),  # type: ignore[arg-type]
        asks=asks,
        seed=3,
    )
    write_test(folder, test)
    return test


@dataclass(frozen=True)
class Served:
    """A test that is being served.

    Args:
        test: what is asked.
        folder: of the test.
        url: of the listener's page, without a slash at the end.
        store: where answers go.
    """

    test: ListeningTest
    folder: Path
    url: str
    store: Store

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database holds, read from outside the server."""
        with contextlib.closing(sqlite3.connect(self.folder / FILE_NAME)) as connection:
            return connection.execute(query).fetchall()


@contextlib.contextmanager
def served(test: ListeningTest, folder: Path, port: int = 0) -> Iterator[Served]:
    """Serve a test from a thread."""
    store = Store(folder / FILE_NAME)
    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    server = make_server(make_app(test, folder, store, PASSWORD))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        give_up = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive() and time.monotonic() < give_up, "the server did not start"
            time.sleep(0.01)
        yield Served(test, folder, f"http://127.0.0.1:{listener.getsockname()[1]}", store)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()
        store.close()
