"""The command line with a real job on a short film: result, plan, receipt, replay, refusals."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from seehear.cli.main import main
from tests.media_kit import decode, tones, write_clip

MODEL = ["--model", "highlight/tiny-bands", "--quiet"]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds of a moving square and noise, under a name that looks like markup."""
    path = tmp_path / "[bold] Übung.mkv"
    write_clip(path, tones(2.0, 16000, 2), rate=16000, codec="pcm_s16le", video="mpeg4")
    return path


def test_run_and_replay(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = hashlib.sha256(film.read_bytes()).hexdigest()
    out, again = tmp_path / "out [bold].wav", tmp_path / "again.wav"
    assert main(["highlight", str(film), "-o", str(out), *MODEL, "--seed", "3", "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert shown.err == ""
    assert Path(told["output"]) == out and Path(told["receipt"]).is_file()
    assert told["windows"] == {"total": 1, "reused": 0} and told["seed"] == 3
    assert main(["replay", told["receipt"], "-o", str(again), "--quiet"]) == 0
    (first, rate, _), (second, _, _) = decode(out), decode(again)
    assert first.shape == (2, 32000) and rate == 16000 and np.isfinite(first).all()
    assert np.array_equal(first, second)
    assert hashlib.sha256(film.read_bytes()).hexdigest() == digest
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [film.name, out.name, again.name, f"{out.name}.seehear.json", f"{again.name}.seehear.json"]
    )


def test_replay_of_another_film_is_refused(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    assert main(["highlight", str(film), "-o", str(out), *MODEL]) == 0
    film.write_bytes(film.read_bytes() + b"\0")
    capsys.readouterr()
    assert main(["replay", f"{out}.seehear.json", "-o", str(tmp_path / "b.wav")]) == 1
    assert "has changed since the receipt was written" in capsys.readouterr().err
    assert not (tmp_path / "b.wav").exists()


def test_plan_names_windows_and_writes_nothing(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mkv"
    call = ["highlight", str(film), "-o", str(out), *MODEL, "--start", "0.5", "--dry-run"]
    assert main([*call, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["windows"] == [[0.5, 2.0]]
    assert main(call) == 0
    assert "windows: [[0.5, 2.0]]" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [film]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--track", "5"], 1, "track"),
        (["--model", "highlight/none"], 1, "known: "),
        (["--device", "cuda:99"], 2, "CUDA"),
        (["--start", "10"], 1, "--start 10 lies behind the end"),
        (["--captions", "nowhere.srt", "--context", "both"], 1, "nowhere.srt"),
    ],
)
def test_refusals_leave_nothing(
    words: list[str],
    code: int,
    sentence: str,
    film: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.mkv"
    assert main(["highlight", str(film), "-o", str(out), *MODEL, *words, "--json"]) == code
    shown = capsys.readouterr()
    assert sentence in shown.err and shown.err.count("\n") == 1 and shown.out == ""
    assert list(tmp_path.iterdir()) == [film]
