"""Lines that no file name can break, and progress that only a terminal sees."""

from __future__ import annotations

import json
import sys

import pytest

from seehear.cli.output import one_line, progress_bar, say_json, table


class Terminal:
    """stderr that claims to be a terminal."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Übung 東京 🎻.mp4", "Übung 東京 🎻.mp4"),
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("[/red] [bold]", "[/red] [bold]"),
        ("not text \udcff", "not text \\udcff"),
        ("right to left \u202e", "right to left \\u202e"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert one_line(text) == shown
    one_line(text).encode()


def test_json_carries_any_name(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"output": "ü \udcff\n", "windows": [[0.0, 1.5]]}
    say_json(value)
    shown = capsys.readouterr().out
    assert shown.isascii()
    assert json.loads(shown) == value


def test_columns_are_aligned() -> None:
    assert table([("a", "bb", "c"), ("long", "b", "")]) == ["a     bb  c", "long  b"]
    assert table([]) == []


@pytest.mark.parametrize("quiet", [False, True])
def test_no_bar_without_a_terminal(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(quiet, lambda: None) as progress:
        progress(1, 2, "half")
    assert capsys.readouterr() == ("", "")


def test_bar_on_a_terminal_shows_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with progress_bar(False, lambda: None) as progress:
        progress(1, 2, "window 1 of [/red]")
    assert "window 1 of [/red]" in terminal.text
    assert "50%" in terminal.text


def test_quiet_on_a_terminal_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar(True, lambda: None) as progress:
        progress(1, 2, "half")
    assert terminal.text == ""


def test_every_report_asks_whether_to_stop() -> None:
    def check() -> None:
        raise RuntimeError("asked")

    with progress_bar(True, check) as progress, pytest.raises(RuntimeError, match="asked"):
        progress(0, 1, "")
