"""separate on bad input: what is refused before anything is written, and what is done exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from seehear.cli.main import main
from seehear.media.part import receipt_path
from tests.media_kit import Block, decode, files_in, payloads, tones, write_clip

TINY = ("--model", "separate/tiny")
LIMIT = 1e-6  # -120 dBFS


def read(path: Path) -> Block:
    samples: Block = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    return samples


def write(path: Path, sound: Block, rate: int = 16000) -> Path:
    soundfile.write(path, sound.T, rate, subtype="FLOAT")
    return path


def knocks(seconds: float, rate: int) -> Block:
    """Short clicks twice a second over faint noise, [2, n]: nothing that a bow could play."""
    rng = np.random.default_rng(0)
    sound = 1e-4 * rng.standard_normal((2, round(seconds * rate)))
    burst = rng.standard_normal(rate // 100) * np.exp(-np.arange(rate // 100) / (rate / 800))
    for start in range(rate // 4, sound.shape[1] - len(burst), rate // 2):
        sound[:, start : start + len(burst)] += 0.2 * burst
    return sound.astype(np.float32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return write_clip(folder / "clip.mkv", tones(2.0, 16000, 2), 16000, codec="flac")


@pytest.mark.parametrize("remove", [False, True])
def test_a_query_that_matches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], remove: bool
) -> None:
    """With the shipped model, which says itself what it hears."""
    source = write_clip(tmp_path / "in.mkv", knocks(4.0, 16000), 16000, codec="flac")
    mixture = decode(source)[0]
    out, stems = tmp_path / "out.mkv", tmp_path / "stems"
    words = ["separate", str(source), "-o", str(out), "--text", "a violin", "--stems", str(stems)]
    assert main([*words, *(["--remove"] if remove else [])]) == 3
    said = capsys.readouterr()
    assert "no violin seen or heard" in said.err
    np.testing.assert_array_equal(read(stems / "residual.wav"), mixture)
    silent = np.zeros_like(mixture)
    np.testing.assert_array_equal(read(stems / "violin.wav"), silent)
    np.testing.assert_array_equal(decode(out)[0], mixture if remove else silent)
    assert payloads(out) == payloads(source)
    assert files_in(stems) == {"violin.wav", "residual.wav"}  # no picture of what is not there


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--box", "0.8,0,0.3,0.5"], "outside the picture"),
        (["--box", "0,-0.1,0.3,0.5"], "outside the picture"),
        (["--at", "1.01,0.5"], "outside the picture"),
        (["--at", "0.5,0.5@2.5"], "ends at"),
        (["--span", "1-2.5"], "outside the file"),
        (["--span", "7-9"], "outside the file"),
    ],
)
def test_places_and_times_outside(
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    sentence: str,
) -> None:
    out = tmp_path / "out.wav"
    assert main(["separate", str(clip), "-o", str(out), *words, *TINY]) == 2
    assert sentence in capsys.readouterr().err
    assert files_in(tmp_path) == set()


@pytest.mark.parametrize("words", [["--at", "0.5,0.5"], ["--box", "0,0,1,1@0.1"]])
def test_a_place_in_sound_without_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    source = write(tmp_path / "in.wav", tones(0.5, 16000, 1))
    out = tmp_path / "out.wav"
    assert main(["separate", str(source), "-o", str(out), *words, *TINY]) == 2
    assert "points into the picture" in capsys.readouterr().err
    assert files_in(tmp_path) == {"in.wav"}


def test_a_silent_mixture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = np.zeros((2, 48000), np.float32)
    source = write_clip(tmp_path / "in.mkv", sound, 16000, codec="flac")
    out, stems = tmp_path / "out.mkv", tmp_path / "stems"
    for query in (["--text", "dog"], ["--at", "0.5,0.5"], ["--span", "1-2"], ["--all"]):
        words = ["separate", str(source), "-o", str(out), *query, "--stems", str(stems)]
        assert main([*words, "--force", *TINY]) == 3
        assert "silent throughout" in capsys.readouterr().err
        np.testing.assert_array_equal(decode(out)[0], sound)
        for path in stems.glob("*.wav"):
            np.testing.assert_array_equal(read(path), sound)
        assert (stems / "residual.wav").exists()
        assert not list(stems.glob("*.png"))


def test_one_channel(tmp_path: Path) -> None:
    mixture = tones(1.0, 44100, 1)
    source = write(tmp_path / "in.wav", mixture, 44100)
    out, stems = tmp_path / "out.wav", tmp_path / "stems"
    words = ["separate", str(source), "-o", str(out), "--text", "dog", "--stems", str(stems)]
    assert main([*words, *TINY]) == 0
    dog, rest = read(stems / "dog.wav"), read(stems / "residual.wav")
    assert dog.shape == rest.shape == mixture.shape
    assert np.abs(dog.astype("f8") + rest - mixture).max() < LIMIT
    np.testing.assert_array_equal(read(out), dog)
    assert np.abs(dog).max() > 1e-4


def test_eight_channels_keep_their_places_and_levels(tmp_path: Path) -> None:
    """One mask for all channels: where a channel is a scaled copy of another, so is its stem."""
    gains = np.array([1.0, 0.5, -0.25, 0.0, 0.8, 0.1, -1.0, 0.3], np.float32)
    mixture = gains[:, None] * tones(1.0, 48000, 1)
    source = write(tmp_path / "in.wav", mixture, 48000)
    out, stems = tmp_path / "out.wav", tmp_path / "stems"
    words = ["separate", str(source), "-o", str(out), "--text", "dog", "--stems", str(stems)]
    assert main([*words, *TINY]) == 0
    dog, rest = read(stems / "dog.wav"), read(stems / "residual.wav")
    assert dog.shape == rest.shape == mixture.shape
    assert np.abs(dog.astype("f8") + rest - mixture).max() < LIMIT
    np.testing.assert_array_equal(read(out), dog)
    assert np.abs(dog[0]).max() > 1e-4
    np.testing.assert_allclose(dog, gains[:, None] * dog[0], atol=1e-6)
    assert not dog[3].any()
    assert not rest[3].any()
    assert receipt_path(out).exists()


def test_eight_channels_in_which_nothing_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seehear.tasks.separate.separator.UNSURE_SHARE", 0.99)
    mixture = tones(1.0, 48000, 8)
    source = write(tmp_path / "in.wav", mixture, 48000)
    out, stems = tmp_path / "out.wav", tmp_path / "stems"
    words = ["separate", str(source), "-o", str(out), "--text", "dog", "--stems", str(stems)]
    assert main([*words, *TINY]) == 3
    np.testing.assert_array_equal(read(stems / "residual.wav"), mixture)
    assert not read(out).any()
