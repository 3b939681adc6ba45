"""separate with models that draw: the same promises as with masks, and --steps."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from seehear.checkpoint import save_checkpoint
from seehear.cli.main import main
from seehear.errors import Cancelled, UsageError
from seehear.media.part import receipt_path
from seehear.models.davis import Davis, tiny
from seehear.tasks.separate.config import SeparateOptions
from seehear.tasks.separate.infer import separate
from tests.encoders_kit import DIM, save_clip, save_resnet
from tests.media_kit import Block, decode, files_in, payloads, tones, write_clip

TINY = "separate/tiny-davis"
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
    """Several windows with a picture."""
    folder = tmp_path_factory.mktemp("clip")
    return write_clip(folder / "clip.mp4", tones(2.5, 22050, 2), 22050)


def test_the_command_line(clip: Path, tmp_path: Path) -> None:
    out, stems = tmp_path / "out.mp4", tmp_path / "stems"
    words = ["separate", str(clip), "-o", str(out), "--at", "0.1,0.45@0", "--model", TINY]
    assert main([*words, "--stems", str(stems), "--steps", "3", "--quiet"]) == 0
    assert payloads(out) == payloads(clip)
    record = json.loads(receipt_path(out).read_text())
    assert record["model"]["steps"] == 3
    assert record["windows"]["total"] == 4
    assert files_in(stems) == {"region.wav", "region.png", "residual.wav"}
    wanted, rest = read(stems / "region.wav"), read(stems / "residual.wav")
    mixture = decode(clip)[0]
    assert np.abs(wanted.astype("f8") + rest - mixture).max() < LIMIT
    assert np.abs(wanted).max() > 1e-3 < np.abs(rest).max()
    again = tmp_path / "again.wav"
    assert main(["replay", str(receipt_path(out)), "-o", str(again), "--quiet"]) == 0
    np.testing.assert_array_equal(read(tmp_path / "again-stems" / "region.wav"), wanted)


def test_steps_and_seed_decide(clip: Path, tmp_path: Path) -> None:
    for name, more in {
        "a": {},
        "b": {"steps": 2},
        "c": {"steps": 3},
        "d": {"seed": 1},
        "e": {"model": "separate/tiny-ddpm"},
    }.items():
        run(clip, tmp_path / f"{name}.wav", **more)
    first = read(tmp_path / "a.wav")
    np.testing.assert_array_equal(first, read(tmp_path / "b.wav"))
    for name in "cde":
        assert np.abs(read(tmp_path / f"{name}.wav") - first).max() > 1e-4


def test_steps_are_refused_where_they_mean_nothing(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["separate", str(clip), "-o", str(tmp_path / "o.wav"), "--text", "dog"]
    for model, steps in (("separate/tiny", "2"), (TINY, "0"), ("separate/tiny-ddpm", "1001")):
        assert main([*words, "--model", model, "--steps", steps]) == 2
        assert "--steps" in capsys.readouterr().err
    assert files_in(tmp_path) == set()


def test_all_and_remove(clip: Path, tmp_path: Path) -> None:
    record = run(clip, tmp_path / "rest.wav", all=True, remove=True, stems=tmp_path / "s")
    paths = [Path(stem["path"]) for stem in record["stems"]]
    assert 2 <= len(paths) <= 7
    total = np.sum([read(path) for path in paths], axis=0, dtype="f8")
    assert np.abs(total - decode(clip)[0]).max() < LIMIT
    np.testing.assert_array_equal(read(tmp_path / "rest.wav"), read(tmp_path / "s/residual.wav"))


def test_interrupted_and_resumed_is_the_same(clip: Path, tmp_path: Path) -> None:
    run(clip, tmp_path / "whole.wav")
    out = tmp_path / "out.wav"

    def stop_after_one(done: float, _total: float, note: str) -> None:
        if note == "listening" and done > 0.3:
            raise Cancelled("enough")

    options = SeparateOptions(input=str(clip), output=out, model=TINY, text="dog")
    with pytest.raises(Cancelled):
        separate(options, stop_after_one)
    record = run(clip, out, resume=True)
    assert record["windows"]["reused"] >= 1
    np.testing.assert_array_equal(read(out), read(tmp_path / "whole.wav"))


def test_dry_run(clip: Path, tmp_path: Path) -> None:
    plan = run(clip, tmp_path / "out.wav", dry_run=True)
    assert files_in(tmp_path) == set()
    assert len(plan["windows"]) == 4
    assert plan["state_bytes"] == 4 * 4 * 33 * (32 + 1 + 3)


@pytest.mark.parametrize("kind", ["resnet", "raw"])
def test_models_that_look_through_published_encoders(clip: Path, tmp_path: Path, kind: str) -> None:
    encoder = tmp_path / "encoder"
    encoder.mkdir()
    {"resnet": save_resnet, "raw": save_clip}[kind](encoder)
    config = replace(tiny(), frame_encoder=f"{kind}:{encoder}", frame_dim=DIM)
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "model", Davis(config).eval(), "davis", {"task": "separate"})
    Image.new("RGB", (40, 30), (250, 30, 30)).save(tmp_path / "red.png")
    model = str(tmp_path / "model")
    made = {}
    queries: dict[str, dict[str, Any]] = {
        "image": {"image": tmp_path / "red.png"},
        "at": {"at": "0.1,0.45"},
        "box": {"box": "0.3,0.3,0.5,0.5"},
    }
    for name, query in queries.items():
        record = run(clip, tmp_path / f"{name}.wav", model=model, **query)
        assert record["sources"][0]["nearest"]
        made[name] = read(tmp_path / f"{name}.wav")
    assert np.abs(made["image"] - made["box"]).max() > 1e-6
    for query in ({"text": "dog"}, {"span": "0-1"}):
        out = tmp_path / "words.wav"
        if kind == "resnet":
            with pytest.raises(UsageError, match="knows no words"):
                run(clip, out, model=model, **query)
        else:
            run(clip, out, model=model, force=True, **query)
