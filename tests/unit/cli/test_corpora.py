"""`prepare`, `train`, `evaluate`: second words, overrides and reports, with actions that do nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import tyro

from seehear.cli.main import main
from seehear.tasks import TASKS, Action, TaskSpec

HERE = __name__
CALLS: list[Any] = []


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeOptions:
    """Do nothing.

    Args:
        output: folder.
        json: JSON on stdout.
        quiet: no progress.
        debug: traceback.
    """

    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    json: bool = False
    quiet: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True)
class FakeLoop:
    steps: int = 10


@dataclasses.dataclass(frozen=True)
class FakeConfig:
    loop: FakeLoop = FakeLoop()
    max_minutes: float = 0.0


@dataclasses.dataclass(frozen=True)
class Report:
    folder: Path
    scores: dict[str, float]
    warnings: tuple[str, ...] = ()


def work(options: Any, progress: Callable[[float, float, str], None]) -> Report:
    CALLS.append(options)
    progress(1, 1, "done")
    sad = isinstance(options, FakeOptions) and options.output.name == "sad"
    return Report(Path("made"), {"mag": 0.5}, ("two clips are missing",) if sad else ())


@pytest.fixture(autouse=True)
def fake_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    action = Action("does nothing", f"{HERE}:FakeOptions", f"{HERE}:work")
    job = TASKS["highlight"].job
    trainer = Action("", f"{HERE}:FakeConfig", f"{HERE}:work")
    spec = TaskSpec("highlight", job, {"dust": action}, train=trainer, evaluate=action)
    monkeypatch.setitem(TASKS, "highlight", spec)
    CALLS.clear()


@pytest.mark.parametrize("words", [["prepare", "dust"], ["evaluate", "highlight"]])
def test_report_for_people_and_machines(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "-o", "folder"]) == 0
    assert capsys.readouterr().out == "folder: made\nscores.mag: 0.5\n"
    assert main([*words, "-o", "folder", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == {"mag": 0.5}
    assert [options.output for options in CALLS] == [Path("folder")] * 2


def test_warnings_of_a_report_give_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "dust", "-o", "sad"]) == 3
    shown = capsys.readouterr()
    assert shown.err == "seehear: warning: two clips are missing\n"


@pytest.mark.parametrize(
    "overrides",
    [
        ["--config", "FILE", "loop.steps=3", "max_minutes=9"],
        ["loop.steps=3", "--config", "FILE", "max_minutes=9"],
        ["loop.steps=3", "max_minutes=9", "--quiet", "--config", "FILE"],
    ],
)
def test_overrides_come_after_the_file(overrides: list[str], tmp_path: Path) -> None:
    config = tmp_path / "a=b.toml"
    config.write_text("max_minutes = 1.0\n[loop]\nsteps = 2\n")
    argv = [str(config) if word == "FILE" else word for word in overrides]
    assert main(["train", "highlight", *argv]) == 0
    assert [FakeConfig(FakeLoop(3), 9.0)] == CALLS


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["prepare"], "prepare takes one of dust"),
        (["prepare", "mud"], "not 'mud'"),
        (["train", "nothing"], "not 'nothing'"),
        (["evaluate", "--manifest", "x"], "evaluate takes one of highlight"),
        (["prepare", "dust"], "prepare dust needs -o"),
        (["prepare", "dust", "-o", "x", "--engine", "y"], "unknown option --engine"),
        (["train", "highlight"], "train highlight needs --config FILE"),
        (["train", "highlight", "--config", "nowhere.toml"], "cannot read the configuration"),
        (["train", "highlight", "--config", "FILE", "steps"], "expected key=value, got 'steps'"),
        (["train", "highlight", "--config", "FILE", "stps=1"], "unknown key 'stps'"),
        (["train", "highlight", "--config", "FILE", "loop.steps=x"], "must be int, not 'x'"),
    ],
)
def test_wrong_use(
    argv: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "empty.toml"
    config.touch()
    assert main([str(config) if word == "FILE" else word for word in argv]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err and shown.err.count("\n") == 1 and shown.out == ""
    assert CALLS == []


def test_help_lists_the_second_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--help"]) == 0
    assert "seehear prepare dust: does nothing" in capsys.readouterr().out
