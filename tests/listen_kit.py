"""Listening tests made up on the spot: configurations without media, and folders of small clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seehear.listen.config import Kind, ListeningTest, Trial, Version
from seehear.listen.wording import scale_of
from tests.media_kit import Block, tones, write_clip

RATE = 48000


def made_up(kind: Kind, versions: int = 3, clips: int = 4, **more: Any) -> ListeningTest:
    """A test of `v0`, `v1`, ... (v0 is the reference in `mushra`) and clips `c0`, `c1`, ..."""
    names = [f"v{i}" for i in range(versions)]
    trials = tuple(
        Trial(f"c{i}", 8.0, {n: f"media/c{i}/{n}x{i}.flac" for n in names}, f"media/c{i}/p.mp4")
        for i in range(clips)
    )
    cast = tuple(
        Version(name, "reference" if kind == "mushra" and name == "v0" else "version")
        for name in names
    )
    values: dict[str, Any] = {
        "title": "Which?",
        "question": "Which is better?",
        "instructions": "Listen.\n\nThen answer.",
        "consent": "I agree.",
        "scale": scale_of(kind, versions),
    }
    return ListeningTest(kind=kind, versions=cast, trials=trials, **{**values, **more})


def folders(
    root: Path, sounds: dict[str, dict[str, Block]], video: str = "mpeg4"
) -> dict[str, Path]:
    """One folder for each version with a small video for each clip, all with the same picture."""
    made = {}
    for version, clips in sounds.items():
        made[version] = root / version
        made[version].mkdir(parents=True)
        for clip, sound in clips.items():
            write_clip(made[version] / f"{clip}.mkv", sound, RATE, codec="flac", video=video)
    return made


def two_folders(root: Path, clips: int = 2, seconds: float = 1.0) -> dict[str, Path]:
    """Two versions, `loud` and `soft`, of `clip 0`, `clip 1`, ..."""
    sounds = {f"clip {i}": tones(seconds, RATE, 2, seed=i) for i in range(clips)}
    return folders(root, {"loud": sounds, "soft": {k: 0.25 * v for k, v in sounds.items()}})
