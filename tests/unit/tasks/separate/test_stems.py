"""Stem files appear together or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from seehear.errors import OutputError, UsageError
from seehear.tasks.separate.stems import StemFiles, check_folder, file_names


def test_names_are_safe_and_unique() -> None:
    assert file_names(["../Dog", "dog", "residual", "!"]) == ["dog", "dog-2", "residual-2", "sound"]


def test_stems_appear_when_published(tmp_path: Path) -> None:
    folder = tmp_path / "stems"
    files = StemFiles(folder, ["dog"], 8000, 2, 100)
    stems = np.random.default_rng(0).standard_normal((2, 2, 100)).astype("f4")
    files.write(stems)
    assert not list(folder.glob("*.wav"))
    files.publish()
    for name, stem in zip(("dog", "residual"), stems, strict=True):
        found, rate = soundfile.read(folder / f"{name}.wav", dtype="float32")
        np.testing.assert_array_equal(found.T, stem)
        assert (rate, soundfile.info(folder / f"{name}.wav").subtype) == (8000, "FLOAT")
    assert {path.name for path in folder.iterdir()} == {"dog.wav", "residual.wav"}


@pytest.mark.parametrize("published", [False, True])
def test_nothing_is_left_of_a_failure(tmp_path: Path, published: bool) -> None:
    files = StemFiles(tmp_path / "stems", ["dog"], 8000, 1, 100)
    files.part("dog.png").write_bytes(b"picture")
    if published:
        files.publish()
    files.abandon()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    StemFiles(tmp_path, ["dog"], 8000, 1, 100).abandon()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_more_than_wav_can_count_becomes_rf64(tmp_path: Path) -> None:
    files = StemFiles(tmp_path, [], 48000, 8, 200_000_000)
    files.write(np.zeros((1, 8, 10), np.float32))
    files.publish()
    assert (tmp_path / "residual.wav").read_bytes()[:4] == b"RF64"


def test_refused_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        check_folder(tmp_path / "file", tmp_path / "out.wav", [], False)
    with pytest.raises(OutputError, match="does not exist"):
        check_folder(tmp_path / "no" / "where", tmp_path / "out.wav", [], False)
    with pytest.raises(UsageError, match="name of a stem"):
        check_folder(tmp_path, tmp_path / "dog.wav", ["dog"], False)
    (tmp_path / "dog.wav").write_text("")
    with pytest.raises(OutputError, match="--force"):
        check_folder(tmp_path, tmp_path / "out.wav", ["dog"], False)
    check_folder(tmp_path, tmp_path / "out.wav", ["dog"], True)
