"""What belongs together is matched, and everything that does not is named in one go."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import InputError, UsageError
from seehear.listen.matching import Match, clip_id, draw, match_files, read_clip, refuse
from tests.listen_kit import RATE, folders, two_folders
from tests.media_kit import tones, write_clip


def read(match: Match) -> list[str]:
    problems: list[str] = []
    read_clip(match, problems)
    return problems


def test_files_match_by_name_in_any_container(tmp_path: Path) -> None:
    made = two_folders(tmp_path)
    (made["soft"] / "clip 1.mkv").unlink()
    write_clip(made["soft"] / "clip 1.wav", tones(1, RATE, 2), RATE, codec="pcm_s16le", video=None)
    (made["loud"] / "clip 0.mkv.seehear.json").write_text("{}")
    (made["loud"] / ".hidden.mp4").write_text("")
    matches, problems = match_files(made)
    assert not problems
    assert [m.id for m in matches] == ["clip-0", "clip-1"]
    assert matches[1].files["soft"].suffix == ".wav"


def test_missing_partners_are_all_named(tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=3)
    (made["soft"] / "clip 1.mkv").unlink()
    (made["loud"] / "clip 2.mkv").unlink()
    shutil.copy(made["soft"] / "clip 0.mkv", made["soft"] / "clip 0.mka")
    _, problems = match_files(made)
    with pytest.raises(InputError) as caught:
        refuse(problems)
    said = str(caught.value)
    assert "3 problems" in said
    assert "clip 1.mkv is missing in soft" in said
    assert "clip 2.mkv is missing in loud" in said
    assert "soft has both clip 0.mka and clip 0.mkv" in said


def test_two_single_files_are_one_clip(tmp_path: Path) -> None:
    one, two = (tmp_path / name for name in ("mix one.wav", "mix two.wav"))
    for path in (one, two):
        write_clip(path, tones(0.5, RATE, 2), RATE, codec="pcm_s16le", video=None)
    matches, problems = match_files({"a": one, "b": two})
    assert not problems and len(matches) == 1
    assert read(matches[0]) == []


def test_refuses_folders_that_are_none(tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=1)
    with pytest.raises(InputError, match="expected a folder"):
        match_files({**made, "third": tmp_path / "nowhere"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no video or sound file"):
        match_files({**made, "third": tmp_path / "empty"})
    with pytest.raises(UsageError, match="same place"):
        match_files({**made, "third": made["loud"]})


def test_lengths_must_agree(tmp_path: Path) -> None:
    made = folders(tmp_path, {"a": {"x": tones(1.0, RATE, 2)}, "b": {"x": tones(1.3, RATE, 2)}})
    (problem,) = read(match_files(made)[0][0])
    assert problem == "x has different lengths: 1.00 s in a, 1.30 s in b"


def test_one_codec_frame_more_is_no_other_length(tmp_path: Path) -> None:
    made = folders(tmp_path, {"a": {"x": tones(1.0, RATE, 2)}, "b": {"x": tones(1.04, RATE, 2)}})
    match = match_files(made)[0][0]
    clip = read_clip(match, [])
    assert clip is not None and clip.seconds == 1.0


def test_pictures_must_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = {"x": tones(1.0, RATE, 2)}
    made = folders(tmp_path, {"a": sound})
    monkeypatch.setattr("tests.media_kit.square", lambda i: np.full((48, 64, 3), 200, np.uint8))
    made |= folders(tmp_path, {"b": sound})
    assert read(match_files(made)[0][0]) == ["x has different pictures in a and b"]


def test_another_coding_of_the_same_picture_is_the_same(tmp_path: Path) -> None:
    sound = {"x": tones(1.0, RATE, 2)}
    made = folders(tmp_path, {"a": sound}) | folders(tmp_path, {"b": sound}, video="libx264")
    assert read(match_files(made)[0][0]) == []


def test_files_without_sound_or_with_too_many_channels(tmp_path: Path) -> None:
    made = two_folders(tmp_path, clips=1)
    write_clip(made["loud"] / "clip 0.mkv", None, video="mpeg4")
    four = tones(1.0, RATE, 4)
    write_clip(made["soft"] / "clip 0.mkv", four, RATE, "4.0", "flac", video="mpeg4")
    problems = read(match_files(made)[0][0])
    assert problems[0] == "clip 0 of loud has no sound"
    assert "4 channels (4.0)" in problems[1]


def test_draw_is_seeded_and_keeps_order() -> None:
    matches = [Match(f"c{i}", f"c{i}", {}) for i in range(10)]
    taken, left = draw(matches, 4, seed=3)
    assert draw(matches, 4, seed=3) == (taken, left)
    assert sorted(taken + left, key=lambda m: m.id) == matches
    assert taken == sorted(taken, key=lambda m: m.id)
    assert draw(matches, 4, seed=4)[0] != taken
    with pytest.raises(UsageError, match="more than the 10 clips"):
        draw(matches, 11, seed=0)


def test_names_of_clips() -> None:
    assert clip_id("Rain & Sea", set()) == "rain-sea"
    assert clip_id("practice", set()) == "clip-practice"
    assert clip_id("雨", {"clip"}) == "clip-2"
    assert clip_id("x" * 300, set()) == "x" * 60
