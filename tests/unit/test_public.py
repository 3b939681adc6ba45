"""`seehear.highlight` builds the same options as the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import seehear
from seehear.tasks import TASKS
from seehear.tasks.highlight.config import HighlightOptions
from tests.unit.cli import fake_job


@pytest.fixture(autouse=True)
def fake_highlight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "highlight", fake_job.SPEC)
    fake_job.CALLS.clear()


def test_options_by_name() -> None:
    seen: list[str] = []
    result = seehear.highlight(
        Path("in.mp4"),
        "out.mp4",
        strength=1,
        captions="c.srt",
        context="both",
        progress=lambda done, total, note: seen.append(note),
    )
    assert [
        HighlightOptions(
            input="in.mp4",
            output=Path("out.mp4"),
            strength=1.0,
            captions=Path("c.srt"),
            context="both",
        )
    ] == fake_job.CALLS
    assert isinstance(result, seehear.Result) and result.path == Path("out.mp4")
    assert seen == ["half of [bold]it[/bold]"]


def test_wrong_names_and_values() -> None:
    with pytest.raises(seehear.ConfigError, match=r"unknown key 'stregth'.*known: .*strength"):
        seehear.highlight("in.mp4", "out.mp4", stregth=1)
    with pytest.raises(seehear.ConfigError, match="strength must be float, not '1'"):
        seehear.highlight("in.mp4", "out.mp4", strength="1")
    with pytest.raises(seehear.UsageError, match="between 0 and 1"):
        seehear.highlight("in.mp4", "out.mp4", strength=2.0)
    with pytest.raises(seehear.InputError):
        seehear.highlight("refused.mp4", "out.mp4")
    with pytest.raises(AttributeError, match="no attribute 'improvise'"):
        seehear.improvise  # noqa: B018
