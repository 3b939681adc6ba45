"""The manifest of clips for `generate`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seehear.data.clip_manifest import GenerateClip, clip_leaks, read_clips, write_clips
from seehear.errors import InputError

SCENE = {"things": [{"photo": "a", "at": [0.1, 0.2]}], "background": 3}


def clips() -> list[GenerateClip]:
    """One row of each kind."""
    return [
        GenerateClip("a", "train", "dog", scene=SCENE, sound="a.wav", seconds=8.0, seed=3),
        GenerateClip("b", "test", "rain", video="b.mp4", seconds=8.0, source_id="yt-b"),
    ]


def test_rows_come_back(tmp_path: Path) -> None:
    for name in ("a.wav", "b.mp4"):
        (tmp_path / name).touch()
    write_clips(tmp_path / "m.jsonl", clips())
    assert read_clips(tmp_path / "m.jsonl") == clips()
    assert read_clips(tmp_path / "m.jsonl", "test") == clips()[1:]


def test_a_split_or_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    write_clips(tmp_path / "m.jsonl", clips())
    with pytest.raises(InputError, match="no clips of the split 'val'; splits: test, train"):
        read_clips(tmp_path / "m.jsonl", "val")
    with pytest.raises(InputError, match=r"b\.mp4"):
        read_clips(tmp_path / "m.jsonl", "test")


def test_a_recording_in_two_splits_is_refused(tmp_path: Path) -> None:
    rows = clips()
    rows += [replace(rows[1], id="c", split="train")]
    assert clip_leaks(rows) == {"yt-b": ("test", "train")}
    write_clips(tmp_path / "m.jsonl", rows)
    with pytest.raises(InputError, match="yt-b in test, train"):
        read_clips(tmp_path / "m.jsonl")


@pytest.mark.parametrize(
    "change", [{"video": ""}, {"video": "/x.mp4"}, {"seconds": 0.0}, {"start_s": -1.0}, {"id": ""}]
)
def test_senseless_rows_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        replace(clips()[1], **change)
