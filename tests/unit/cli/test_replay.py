"""A receipt becomes the same options again, if input and weights are still the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from seehear import registry
from seehear.cli.main import main
from seehear.config import to_dict
from seehear.tasks import TASKS
from seehear.tasks.highlight.config import HighlightOptions
from tests.unit.cli import fake_job


@pytest.fixture(autouse=True)
def fake_highlight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "highlight", fake_job.SPEC)
    monkeypatch.setattr(registry, "weights_sha256", lambda model, task: f"hash of {model}")
    fake_job.CALLS.clear()


def first_run(folder: Path) -> HighlightOptions:
    source = folder / "in.mp4"
    source.write_bytes(b"picture and sound")
    return HighlightOptions(
        input=str(source),
        output=folder / "out.mp4",
        seed=11,
        model="highlight/tiny",
        strength=0.5,
        start=1.0,
        force=True,
        json=True,
        quiet=True,
    )


def write_receipt(folder: Path, **changed: Any) -> Path:
    options = first_run(folder)
    receipt = {
        "verb": "highlight",
        "options": to_dict(options),
        "seed": options.seed,
        "input": {"sha256": hashlib.sha256(b"picture and sound").hexdigest()},
        "model": {"id": "highlight/tiny", "sha256": "hash of highlight/tiny"},
        **changed,
    }
    path = folder / "out.mp4.seehear.json"
    path.write_text(json.dumps(receipt))
    return path


def test_same_options_with_another_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again.mp4"
    assert main(["replay", str(write_receipt(tmp_path)), "-o", str(again)]) == 0
    expected = dataclasses.replace(
        first_run(tmp_path), output=again, force=False, json=False, quiet=False
    )
    assert [expected] == fake_job.CALLS
    assert capsys.readouterr().out == f"{again}\n"


def test_what_is_told_on_the_command_line(tmp_path: Path) -> None:
    receipt = str(write_receipt(tmp_path))
    words = ["--force", "--resume", "--json", "--quiet", "--device", "cpu"]
    assert main(["replay", receipt, "-o", str(tmp_path / "b.wav"), *words]) == 0
    told = fake_job.CALLS[0]
    assert (told.force, told.resume, told.json, told.quiet, told.device) == (
        *[True] * 4,
        "cpu",
    )


@pytest.mark.parametrize(
    ("changed", "code", "sentence"),
    [
        ({"input": {"sha256": "0" * 64}}, 1, "has changed since the receipt was written"),
        ({"model": {"sha256": "f" * 64}}, 1, "has other weights than the recorded run"),
        ({"verb": "shout"}, 1, "records the verb 'shout'"),
        ({"options": None}, 1, "holds no options"),
        ({"options": {"input": "a", "smell": 1}}, 2, "unknown key 'smell'"),
        ({"options": {"strength": 1.0}}, 2, "needs a value for 'input'"),
    ],
)
def test_receipts_that_cannot_be_replayed(
    changed: dict[str, Any],
    code: int,
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    receipt = write_receipt(tmp_path, **changed)
    assert main(["replay", str(receipt), "-o", str(tmp_path / "b.mp4")]) == code
    shown = capsys.readouterr()
    assert sentence in shown.err and shown.out == "" and shown.err.count("\n") == 1
    assert fake_job.CALLS == []


def test_input_that_is_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = write_receipt(tmp_path)
    (tmp_path / "in.mp4").unlink()
    assert main(["replay", str(receipt), "-o", str(tmp_path / "b.mp4")]) == 1
    assert "cannot read the recorded input" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", "{}", "not JSON", '{"options": {}}'])
def test_files_that_are_no_receipts(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    assert main(["replay", str(path), "-o", str(tmp_path / "b.mp4")]) == 1
    assert str(path) in capsys.readouterr().err


def test_receipt_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "nowhere.json", "-o", "b.mp4"]) == 1
    assert "cannot read the receipt" in capsys.readouterr().err
