"""Exit codes, streams and sentences of the whole command line, with a job that does nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seehear import __version__
from seehear.cli.main import main
from seehear.cli.verbs import VERBS
from seehear.tasks import TASKS
from tests.unit.cli import fake_job

CALL = ["highlight", "in.mp4", "-o", "out.mp4"]


WAITING_JOB = """
import pathlib, sys, time
from seehear.cli import main
from seehear.errors import Cancelled
from seehear.tasks import TASKS, Action, TaskSpec

def job(options, progress):
    try:
        try:
            print("ready", flush=True)
            time.sleep(30)
        except Cancelled:
            if not {swallowed}:
                raise
        while True:
            time.sleep(0.01)
            progress(0, 1, "")
    except Cancelled:
        pathlib.Path({cleaned!r}).touch()
        raise

sys.modules["job"] = sys.modules["__main__"]
TASKS["highlight"] = TaskSpec("highlight", Action("", TASKS["highlight"].job.options, "job:job"))
main.run()
"""


@pytest.fixture(autouse=True)
def fake_highlight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "highlight", fake_job.SPEC)
    fake_job.CALLS.clear()


def test_success_prints_the_output_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(CALL) == 0
    assert capsys.readouterr() == ("out.mp4\n", "")


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CALL, "--json", "--seed", "5"]) == 0
    shown = capsys.readouterr()
    value = json.loads(shown.out)
    assert value["output"] == "out.mp4"
    assert value["receipt"] == "out.mp4.seehear.json"
    assert value["seed"] == 5
    assert value["windows"] == {"total": 2, "reused": 0}
    assert value["warnings"] == []
    assert "secret" not in value
    assert shown.err == ""


def test_dry_run_prints_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CALL, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["windows"] == [[0.0, 10.0], [10.0, 12.5]]
    assert main([*CALL, "--dry-run"]) == 0
    assert "windows: [[0.0, 10.0], [10.0, 12.5]]" in capsys.readouterr().out


def test_warning_gives_three_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["highlight", "short.mp4", "-o", "out.mp4", "--quiet", "--json"]) == 3
    shown = capsys.readouterr()
    assert shown.err == "seehear: warning: the input ends too early\n"
    assert json.loads(shown.out)["warnings"] == ["the input ends too early"]


def test_failure_is_one_line_and_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["highlight", "refused.mp4", "-o", "out.mp4", "--json"]) == 1
    shown = capsys.readouterr()
    assert shown == ("", "seehear: refused.mp4 holds no sound\\nat all\n")


def test_trace_only_with_debug(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["highlight", "bug.mp4", "-o", "out.mp4"]) == 1
    plain = capsys.readouterr().err
    assert plain == ("seehear: unexpected KeyError: 'lost'; run again with --debug to see where\n")
    assert main(["highlight", "bug.mp4", "-o", "out.mp4", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_keyboard_interrupt_gives_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["highlight", "stop.mp4", "-o", "out.mp4"]) == 130
    assert capsys.readouterr() == ("", "seehear: interrupted\n")


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ([], "expected a verb"),
        (["enhance", "in.mp4"], "unknown verb 'enhance'"),
        (["Highlight", "in.mp4"], "unknown verb 'Highlight'"),
        (["./in.mp4"], "unknown verb './in.mp4'"),
        (["--verbose"], "unknown option '--verbose'"),
        ([*CALL, "--strength", "7"], "--strength must be between 0 and 1"),
        (["models"], "models takes one of list, show, fetch, verify, import"),
        (["models", "burn"], "not 'burn'"),
    ],
)
def test_wrong_use_gives_two(
    argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("seehear: ") and sentence in shown.err
    assert shown.err.count("\n") == 1
    assert fake_job.CALLS == []


def test_unknown_verb_lists_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    main(["nothing"])
    shown = capsys.readouterr().err
    assert all(verb in shown for verb in VERBS)


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr()
    assert all(f"  {verb} " in shown.out for verb in VERBS) and shown.err == ""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"seehear {__version__}\n"
    assert main(["highlight", "--help"]) == 0


@pytest.mark.parametrize(
    ("argv", "light"),
    [
        (["--help"], ["torch", "numpy", "av", "rich", "tyro", "scipy"]),
        (["highlight", "--help"], ["torch", "numpy", "av", "rich", "scipy"]),
        (["highlight", "x", "-o", "y", "--strength", "7"], ["torch", "numpy", "av", "rich"]),
        (["replay", "--help"], ["torch", "av", "rich"]),
        (["models", "list"], ["torch", "av", "rich"]),
    ],
)
def test_what_answers_at_once_imports_nothing_heavy(argv: list[str], light: list[str]) -> None:
    code = (
        "import sys; from seehear.cli.main import main; main(sys.argv[1:]);"
        f"print('heavy:', *sorted({set(light)} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.splitlines()[-1] == "heavy:"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("swallowed", [False, True])
def test_signals_let_the_job_clean_up(
    tmp_path: Path, number: signal.Signals, code: int, swallowed: bool
) -> None:
    """Even if a destructor or a foreign callback swallows the exception of the handler."""
    script = tmp_path / "job.py"
    script.write_text(WAITING_JOB.format(swallowed=swallowed, cleaned=str(tmp_path / "cleaned")))
    process = subprocess.Popen(
        [sys.executable, str(script), *CALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == code
    assert (tmp_path / "cleaned").is_file()
    assert complaint.startswith("seehear: ") and "--resume" in complaint
    assert "Traceback" not in complaint


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -c 'from seehear.cli.main import run; run()' models list | true"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
