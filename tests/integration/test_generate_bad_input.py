"""generate on what people really have: refusals in one sentence, and odd videos that still get their sound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from seehear.cli.main import main
from seehear.errors import InputError, OutputError, UsageError
from seehear.tasks.generate.config import GenerateOptions
from seehear.tasks.generate.infer import generate
from tests.integration.test_generate_file import TINY, read, run
from tests.media_kit import decode, files_in, payloads, tones, write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def silent(folder: Path) -> Path:
    return write_clip(folder / "silent.mp4", None, seconds=1.0)


@pytest.fixture(scope="module")
def sound(folder: Path) -> Path:
    path = folder / "sound.wav"
    soundfile.write(path, tones(1.0, 48000, 1).T, 48000)
    return path


def options(**more: Any) -> GenerateOptions:
    return GenerateOptions(**{"input": "in.mp4", "output": Path("out.mp4"), "model": TINY, **more})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"mix": True, "replace": True}, "exclude each other"),
        ({"amount": 0.5}, "needs a reference"),
        ({"like": ""}, "--like is empty"),
        ({"like": "a.wav", "amount": 1.5}, "between 0 and 1"),
        ({"like": "a.wav", "input2": "b.mp4", "between": 0.5}, "exclude each other"),
        ({"interpolate": 3}, "needs a second video"),
        ({"slerp": True}, "needs a second video"),
        ({"input2": "b.mp4"}, "--interpolate N"),
        ({"input2": "b.mp4", "interpolate": 3, "between": 0.5}, "--interpolate N"),
        ({"input2": "b.mp4", "interpolate": 1}, "2 to 99"),
        ({"input2": "b.mp4", "between": -0.1}, "between 0 and 1"),
        ({"input2": "b.mp4", "interpolate": 3, "explain": Path("x")}, "--between A"),
        ({"steps": 0}, "--steps"),
        ({"guidance": float("nan")}, "--guidance"),
        ({"candidates": 0}, "--candidates"),
        ({"loudness": 3.0}, "--loudness"),
        ({"model": ""}, "--model is empty"),
    ],
)
def test_options_that_make_no_sense(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        options(**more)


def test_sound_alone_has_no_picture(sound: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture to look at"):
        run(sound, tmp_path / "out.wav")
    assert files_in(tmp_path) == set()


def test_references_and_second_videos_are_checked_first(
    silent: Path, sound: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no sound track"):
        run(silent, tmp_path / "out.wav", like=str(silent))
    with pytest.raises(InputError, match="no picture to look at"):
        run(silent, tmp_path / "out.wav", input2=str(sound), between=0.5)
    with pytest.raises(InputError, match="cannot open"):
        run(silent, tmp_path / "out.wav", like=str(tmp_path / "missing.wav"))
    with pytest.raises(InputError, match="has no sound"):
        run(silent, tmp_path / "out.wav", track=1)
    with pytest.raises(InputError, match="no picture is seen"):
        run(silent, tmp_path / "out.wav", start=7.0)
    assert files_in(tmp_path) == set()


def test_existing_outputs_stay(silent: Path, tmp_path: Path) -> None:
    out = tmp_path / "out-02.wav"
    out.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        run(silent, tmp_path / "out.wav", input2=str(silent), interpolate=2)
    assert out.read_bytes() == b"mine"
    assert files_in(tmp_path) == {"out-02.wav"}


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_one_frame_and_one_second(tmp_path: Path, seconds: float) -> None:
    source = write_clip(tmp_path / "in.mp4", None, seconds=seconds)
    out = tmp_path / "out.wav"
    run(source, out)
    assert read(out).shape == (1, round(seconds * 48000))
    like = tmp_path / "like.wav"
    soundfile.write(like, tones(3.0, 16000, 1).T, 16000)
    run(source, tmp_path / "transfer.wav", like=str(like), amount=0.5)
    assert read(tmp_path / "transfer.wav").shape == read(out).shape


def test_a_still_picture_is_a_very_short_video(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    with av.open(str(source), "w", format="image2") as container:
        stream: Any = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb24"
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    out = tmp_path / "out.wav"
    run(source, out)
    assert read(out).shape[1] >= 48000 // 60


def black(path: Path, seconds: float, cut_every_s: float = 0.0) -> Path:
    """A black video; or one whose picture changes altogether every so often."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(0)
        image = np.zeros((48, 64, 3), np.uint8)
        for index in range(round(20 * seconds)):
            if cut_every_s and index % round(20 * cut_every_s) == 0:
                image = rng.integers(0, 256, (3, 4, 3)).astype(np.uint8)
                image = image.repeat(16, 0).repeat(16, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_black_frames_and_cuts_every_half_second(tmp_path: Path) -> None:
    source = black(tmp_path / "black.mp4", 2.0)
    assert run(source, tmp_path / "black.wav")["shots"]["count"] == 1
    source = black(tmp_path / "cuts.mp4", 5.0, 0.5)
    record = run(source, tmp_path / "cuts.wav")
    assert record["shots"]["begin_s"] == [0.5 * n for n in range(10)]
    sound = read(tmp_path / "cuts.wav")
    assert sound.shape[1] == 5 * 48000
    assert np.isfinite(sound).all()
    # Nothing stops at a cut: every tenth of a second has sound.
    parts = np.sqrt((sound.reshape(50, -1) ** 2).mean(axis=1))
    assert parts.min() > 0.05 * parts.max()


def test_a_damaged_picture_is_told(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mkv", None, seconds=4.0)
    whole = source.read_bytes()
    source.write_bytes(whole[: round(0.6 * len(whole))])
    out = tmp_path / "out.mkv"
    record = run(source, out)
    assert any("before the end that its header promises" in said for said in record["warnings"])
    sound = decode(out)[0]
    assert 0 < sound.shape[1] < 4 * 48000


def test_the_command_line_takes_one_or_two_videos(
    silent: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = [
        str(silent),
        "-o",
        str(tmp_path / "out.mp4"),
        "--model",
        TINY,
        "--steps",
        "1",
        "--quiet",
    ]
    assert main(["generate", *base]) == 0
    assert payloads(tmp_path / "out.mp4") == payloads(silent)
    assert main(["generate", str(silent), *base, "--interpolate", "2"]) == 0
    assert main(["generate", str(silent), *base, "--force"]) == 2
    assert main(["generate", *base, "--text", "rain"]) == 2
    said = capsys.readouterr()
    lines = [Path(line).name for line in said.out.splitlines()]
    assert lines == ["out.mp4", "out-01.mp4", "out-02.mp4"]
    assert "unknown option --text" in said.err


def test_replay_refuses_changed_references(silent: Path, tmp_path: Path) -> None:
    like = tmp_path / "like.wav"
    soundfile.write(like, tones(1.0, 16000, 1).T, 16000)
    out = tmp_path / "out.wav"
    generate(GenerateOptions(input=str(silent), output=out, model=TINY, steps=1, like=str(like)))
    again = ["replay", f"{out}.seehear.json", "-o", str(tmp_path / "again.wav"), "--quiet"]
    assert main(again) == 0
    assert out.read_bytes() == (tmp_path / "again.wav").read_bytes()
    soundfile.write(like, tones(1.0, 16000, 1, seed=9).T, 16000)
    assert main([*again, "--force"]) == 1
