"""`inspect` and `doctor` say what is there, for people and for machines."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from seehear import registry
from seehear.checkpoint import save_checkpoint
from seehear.cli import doctor
from seehear.cli.main import main
from tests.unit.cli.test_models import only_toys
from tests.unit.test_registry import tiny_toy, toy_model

__all__ = ["only_toys", "toy_model"]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Half a second of picture with two sound tracks."""
    path = tmp_path / "[bold] film.mkv"
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=10, width=64, height=48)
        sounds = [container.add_stream("pcm_s16le", rate=rate) for rate in (48000, 44100)]
        sounds[1].metadata["language"] = "deu"
        for sound in sounds:
            sound.layout = "stereo"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            container.mux(picture.encode(frame))
        for sound in sounds:
            samples = np.zeros((1, 2 * (sound.rate // 2)), np.int16)
            block = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            block.rate = sound.rate
            container.mux(sound.encode(block))
        for stream in (picture, *sounds):
            container.mux(stream.encode(None))
    return path


def test_inspect_for_people(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(film)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{film}: matroska")
    rows = [line for line in lines if line[:1].isdigit()]
    assert "mpeg4" in rows[0] and "64x48" in rows[0] and "looked at, and copied" in rows[0]
    assert "48000 Hz" in rows[1] and "replaced by the new sound" in rows[1]
    assert "deu" in rows[2] and "copied (--track 1 would work on it)" in rows[2]


def test_inspect_for_machines(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(film), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [stream["kind"] for stream in facts["streams"]] == ["video", "audio", "audio"]
    assert [stream["sample_rate"] for stream in facts["streams"][1:]] == [48000, 44100]
    assert facts["streams"][1]["plan"] == "replaced by the new sound"


def test_inspect_refuses_what_is_no_media(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("not a film")
    for name in (str(text), "nowhere.mp4", "http://127.0.0.1:9/x.mp4"):
        assert main(["inspect", name, "--json"]) == 1
        shown = capsys.readouterr()
        assert shown.out == "" and shown.err.count("\n") == 1


@pytest.mark.usefixtures("only_toys")
def test_doctor_is_content_with_this_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", 0)
    table = {"highlight/toy": registry.rows()["highlight/toy"]}
    monkeypatch.setattr(registry, "rows", lambda: table)
    assert main(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"torch", "av", "libavcodec"} <= facts["versions"].keys()
    assert facts["machine"]["--device auto"] in ("cpu", "cuda")
    assert facts["encoders"]["aac"] == "available"
    assert facts["models"]["highlight/toy"] == "made on the spot"
    assert "damaged" not in facts["models"].values()
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("ready\n")


@pytest.mark.usefixtures("only_toys")
def test_doctor_finds_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", 10**18)
    monkeypatch.setattr(doctor, "NEEDED_ENCODERS", ("aac", "no-such-codec"))
    table = {**registry.rows()}
    table["highlight/starter"] = table["highlight/lost"]
    monkeypatch.setattr(registry, "rows", lambda: table)
    monkeypatch.setattr(registry, "PACKAGE", tmp_path)
    broken = tmp_path / "weights" / "encoder"
    save_checkpoint(broken, tiny_toy(), "toy", {})
    (broken / "model.safetensors").write_bytes(b"")
    assert main(["doctor", "--json"]) == 3
    shown = capsys.readouterr()
    warnings = json.loads(shown.out)["warnings"]
    assert len(warnings) == len(shown.err.splitlines()) > 2
    assert any("no-such-codec" in sentence for sentence in warnings)
    assert any("model.safetensors has sha256" in sentence for sentence in warnings)
    assert any("GB are free" in sentence for sentence in warnings)
