"""separate on files: what adds up, what is pointed at, what remains after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import seehear
from seehear.cli.main import main
from seehear.errors import Cancelled, InputError, OutputError, UsageError
from seehear.media.part import receipt_path
from seehear.runtime import choose_runtime
from seehear.tasks.separate.config import SeparateOptions
from seehear.tasks.separate.infer import separate
from seehear.tasks.separate.separator import load_separator
from seehear.types import Audio
from tests.media_kit import Block, decode, files_in, payloads, tones, write_clip

TINY = "separate/tiny"
LIMIT = 1e-6  # -120 dBFS


def run(source: Path, output: Path, **options: Any) -> dict[str, Any]:
    options.setdefault("model", TINY)
    if not {"image", "at", "box", "span", "all"} & options.keys():
        options.setdefault("text", "dog")
    return separate(SeparateOptions(input=str(source), output=output, **options)).record


def read(path: Path) -> Block:
    samples: Block = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    return samples


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    return write_clip(folder / "clip.mp4", tones(3.0, 48000, 2), tags={"title": "a clip"})


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three windows."""
    folder = tmp_path_factory.mktemp("long")
    return write_clip(folder / "long.mkv", tones(22.0, 16000, 2), 16000, codec="flac")


def test_picture_is_copied_and_stems_add_up(clip: Path, tmp_path: Path) -> None:
    out, stems = tmp_path / "out.mp4", tmp_path / "stems"
    record = run(clip, out, stems=stems)
    assert payloads(out) == payloads(clip)
    assert decode(out)[1:] == decode(clip)[1:]
    mixture = decode(clip)[0]
    dog, rest = read(stems / "dog.wav"), read(stems / "residual.wav")
    assert np.abs(dog.astype("f8") + rest - mixture).max() < LIMIT
    assert np.abs(dog).max() > 1e-4
    assert [stem["name"] for stem in record["stems"]] == ["dog", "residual"]
    assert files_in(stems) == {"dog.wav", "dog.png", "residual.wav"}
    assert {p.name for p in tmp_path.iterdir()} == {"out.mp4", "out.mp4.seehear.json", "stems"}
    assert json.loads(receipt_path(out).read_text()) == record
    (source,) = record["sources"]
    assert source["heard"]
    assert 0 <= source["place"]["x"] <= 1
    with Image.open(stems / "dog.png") as drawn:
        assert drawn.size == (64, 48)


def test_queried_and_removed_are_the_mixture(long_clip: Path, tmp_path: Path) -> None:
    run(long_clip, tmp_path / "dog.wav")
    run(long_clip, tmp_path / "rest.wav", remove=True)
    together = read(tmp_path / "dog.wav").astype("f8") + read(tmp_path / "rest.wav")
    assert np.abs(together - decode(long_clip)[0]).max() < LIMIT
    assert np.abs(read(tmp_path / "dog.wav")).max() > 1e-4


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("5.1", 6), ("7.1", 8)])
def test_layouts(tmp_path: Path, layout: str, channels: int) -> None:
    sound = tones(1.0, 48000, channels)
    source = write_clip(tmp_path / "in.mkv", sound, 48000, layout, codec="flac")
    run(source, tmp_path / "out.mkv", stems=tmp_path / "s")
    assert decode(tmp_path / "out.mkv")[0].shape == sound.shape
    total = read(tmp_path / "s" / "dog.wav") + read(tmp_path / "s" / "residual.wav")
    assert np.abs(total - decode(source)[0]).max() < LIMIT


@pytest.mark.parametrize("samples", [1, 160, 44055])
def test_sound_of_any_length(tmp_path: Path, samples: int) -> None:
    sound = tones(1.0, 44100, 1)[:, :samples]
    soundfile.write(tmp_path / "in.wav", sound.T, 44100, subtype="FLOAT")
    run(tmp_path / "in.wav", tmp_path / "out.wav", stems=tmp_path / "s")
    total = read(tmp_path / "s" / "dog.wav") + read(tmp_path / "s" / "residual.wav")
    assert total.shape == sound.shape
    assert np.abs(total - sound).max() < LIMIT


def test_queries_of_all_kinds_give_different_sounds(clip: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (250, 30, 30)).save(tmp_path / "red.png")
    queries: dict[str, dict[str, Any]] = {
        "text": {"text": "violin"},
        "image": {"image": tmp_path / "red.png"},
        "ground": {"at": "0.05,0.05"},
        "square": {"at": "0.1,0.45@0"},
        "box": {"box": "0,0.3,0.25,0.3"},
        "span": {"span": "1-2"},
    }
    made = {}
    for name, query in queries.items():
        record = run(clip, tmp_path / f"{name}.wav", **query)
        assert record["sources"][0]["nearest"]
        made[name] = read(tmp_path / f"{name}.wav")
    names = list(made)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert np.abs(made[one] - made[other]).max() > 1e-6, (one, other)


def test_all_lists_what_is_heard(clip: Path, tmp_path: Path) -> None:
    record = run(clip, tmp_path / "out.wav", all=True, stems=tmp_path / "s")
    labels = [source["label"] for source in record["sources"]]
    assert 1 <= len(labels) <= 6
    paths = [Path(stem["path"]) for stem in record["stems"]]
    assert len(paths) == len(labels) + 1
    total = np.sum([read(path) for path in paths], axis=0, dtype="f8")
    assert np.abs(total - decode(clip)[0]).max() < LIMIT
    pictures = {path.stem for path in (tmp_path / "s").glob("*.png")}
    assert pictures == {path.stem for path in paths} - {"residual"}
    rest = read(tmp_path / "s" / "residual.wav")
    assert np.abs(read(tmp_path / "out.wav") + rest - decode(clip)[0]).max() < LIMIT


def test_what_is_not_there(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("seehear.tasks.separate.separator.UNSURE_SHARE", 0.99)
    words = [str(clip), "-o", str(tmp_path / "rest.wav"), "--text", "a violin", "--remove"]
    assert main(["separate", *words, "--model", TINY, "--stems", str(tmp_path / "s")]) == 3
    assert "no violin seen or heard" in capsys.readouterr().err
    np.testing.assert_array_equal(read(tmp_path / "rest.wav"), decode(clip)[0])
    np.testing.assert_array_equal(read(tmp_path / "s" / "residual.wav"), decode(clip)[0])
    assert not read(tmp_path / "s" / "violin.wav").any()


def test_silence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.zeros((20000, 2)), 16000)
    record = run(tmp_path / "in.wav", tmp_path / "out.wav")
    assert record["warnings"] == ["the sound is silent throughout; there is nothing to separate"]
    assert not read(tmp_path / "out.wav").any()


def test_interrupted_and_resumed_is_the_same(long_clip: Path, tmp_path: Path) -> None:
    run(long_clip, tmp_path / "whole.wav")
    out = tmp_path / "out.wav"

    def stop_after_one(done: float, _total: float, note: str) -> None:
        if note == "listening" and done > 0.3:
            raise Cancelled("enough")

    options = SeparateOptions(input=str(long_clip), output=out, model=TINY, text="dog")
    with pytest.raises(Cancelled):
        separate(options, stop_after_one)
    assert not out.exists()
    with pytest.raises(OutputError, match="another input, model or options"):
        run(long_clip, out, resume=True, text="violin")
    record = run(long_clip, out, resume=True, stems=tmp_path / "s")
    assert record["windows"]["reused"] >= 1
    assert record["windows"]["total"] == 3
    np.testing.assert_array_equal(read(out), read(tmp_path / "whole.wav"))
    np.testing.assert_array_equal(read(tmp_path / "s" / "dog.wav"), read(out))
    assert not list(tmp_path.glob("*.seehear-part"))


def test_an_error_on_the_way_leaves_nothing(long_clip: Path, tmp_path: Path) -> None:
    def fail(_done: float, _total: float, note: str) -> None:
        if note == "writing":
            raise InputError("made up")

    options = SeparateOptions(
        input=str(long_clip),
        output=tmp_path / "o.wav",
        model=TINY,
        text="dog",
        stems=tmp_path / "s",
    )
    with pytest.raises(InputError, match="made up"):
        separate(options, fail)
    assert files_in(tmp_path) == set()


def test_replay_gives_the_same_samples(clip: Path, tmp_path: Path) -> None:
    run(clip, tmp_path / "out.wav", at="0.1,0.45", stems=tmp_path / "s")
    again = tmp_path / "again.wav"
    assert main(["replay", str(receipt_path(tmp_path / "out.wav")), "-o", str(again)]) == 0
    np.testing.assert_array_equal(read(again), read(tmp_path / "out.wav"))
    assert files_in(tmp_path / "again-stems") == files_in(tmp_path / "s")


def test_dry_run_names_windows_and_writes_nothing(long_clip: Path, tmp_path: Path) -> None:
    plan = run(long_clip, tmp_path / "out.wav", dry_run=True)
    assert files_in(tmp_path) == set()
    assert plan["windows"][0][0] == 0.0
    assert plan["windows"][-1][1] == pytest.approx(22.0, abs=0.01)
    assert plan["state_bytes"] == 3 * 4 * 501 * 20


def test_refusals(clip: Path, tmp_path: Path) -> None:
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, tones(0.2, 16000, 1).T, 16000)
    out = tmp_path / "out.wav"
    with pytest.raises(UsageError, match="has none"):
        run(sound, out, at="0.5,0.5")
    with pytest.raises(UsageError, match="ends at"):
        run(clip, out, at="0.5,0.5@70")
    with pytest.raises(UsageError, match="outside the file"):
        run(clip, out, span="2-70")
    with pytest.raises(InputError, match=r"known words: .*dog"):
        run(clip, out, text="qwertz")
    with pytest.raises(InputError):
        run(clip, out, image=sound)
    with pytest.raises(InputError):
        run(clip, out, image=tmp_path / "missing.png")
    assert files_in(tmp_path) == {"sound.wav"}


def test_in_memory_is_the_same_as_on_file(long_clip: Path, tmp_path: Path) -> None:
    run(long_clip, tmp_path / "out.wav")
    separator = load_separator(TINY, choose_runtime("cpu"))
    mixture = torch.from_numpy(decode(long_clip)[0])
    stems = separator.run(Audio(mixture, 16000), separator.encoder.encode_texts(["dog"]))
    torch.testing.assert_close(stems.sum(0), mixture, atol=LIMIT, rtol=0)
    np.testing.assert_allclose(stems[0].numpy(), read(tmp_path / "out.wav"), atol=1e-6)


def test_the_python_call(clip: Path, tmp_path: Path) -> None:
    result = seehear.separate(clip, tmp_path / "o.wav", text="dog", model=TINY)
    assert result.path == tmp_path / "o.wav"
    assert result.stems == {}
    assert not result.warnings
