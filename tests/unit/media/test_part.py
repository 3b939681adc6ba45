"""Unfinished outputs: one owner, complete or not at all, resumable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seehear.errors import Cancelled, OutputError, UsageError
from seehear.media.part import (
    PartFolder,
    check_output,
    claimed,
    finish_published,
    receipt_path,
)
from tests.media_kit import files_in

JOB = {"model": "m", "input": [1, 2]}


def test_publishing_leaves_output_and_receipt_only(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with claimed(out, JOB, force=False, resume=False) as part:
        part.media.write_bytes(b"sound")
        assert not out.exists()
        part.publish({"verb": "highlight"})
    assert files_in(tmp_path) == {"out.wav", "out.wav.seehear.json"}
    assert out.read_bytes() == b"sound"


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="boom"),
        claimed(tmp_path / "out.wav", JOB, force=False, resume=False) as part,
    ):
        part.store(0, np.zeros(4, np.float32))
        raise ValueError("boom")
    assert files_in(tmp_path) == set()


def test_interruption_keeps_windows_for_resume(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    window = np.arange(6, dtype=np.float32).reshape(2, 3)
    with pytest.raises(Cancelled), claimed(out, JOB, force=False, resume=False) as part:
        part.store(0, window)
        raise Cancelled("stop")
    with claimed(out, JOB, force=False, resume=True) as part:
        assert part.has(0)
        assert not part.has(1)
        np.testing.assert_array_equal(part.load(0), window)


def test_without_resume_a_run_starts_afresh(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with pytest.raises(Cancelled), claimed(out, JOB, force=False, resume=False) as part:
        part.store(0, np.zeros(3, np.float32))
        raise Cancelled("stop")
    with claimed(out, JOB, force=False, resume=False) as part:
        assert not part.has(0)


def test_resume_of_another_job_is_refused_and_keeps_the_state(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with pytest.raises(Cancelled), claimed(out, JOB, force=False, resume=False) as part:
        part.store(0, np.zeros(3, np.float32))
        raise Cancelled("stop")
    with pytest.raises(OutputError, match="another input, model or options"):
        PartFolder(out, force=False).claim({"model": "other"}, resume=True)
    with claimed(out, JOB, force=False, resume=True) as part:
        assert part.has(0)


def test_a_second_run_is_turned_away(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with claimed(out, JOB, force=False, resume=False) as part:
        part.store(0, np.zeros(3, np.float32))
        with pytest.raises(OutputError, match="another run is writing"):
            PartFolder(out, force=False).claim(JOB, resume=False)
        assert part.has(0)


def test_an_output_that_appeared_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with (
        pytest.raises(OutputError, match="appeared while"),
        claimed(out, JOB, force=False, resume=False) as part,
    ):
        part.media.write_bytes(b"new")
        out.write_bytes(b"precious")
        part.publish({})
    assert out.read_bytes() == b"precious"
    assert files_in(tmp_path) == {"out.wav"}


def test_force_replaces(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    out.write_bytes(b"old")
    with claimed(out, JOB, force=True, resume=False) as part:
        part.media.write_bytes(b"new")
        part.publish({})
    assert out.read_bytes() == b"new"
    assert receipt_path(out).is_file()


def test_names_that_must_not_be_written(tmp_path: Path) -> None:
    source = tmp_path / "in.mp4"
    source.write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to(source)
    for name in ("in.mp4", "link.mp4"):
        with pytest.raises(UsageError, match="the input itself"):
            check_output(source, tmp_path / name, force=True)
    with pytest.raises(OutputError, match="does not exist"):
        check_output(source, tmp_path / "no" / "out.mp4", force=False)
    with pytest.raises(OutputError, match="is a folder"):
        check_output(source, tmp_path, force=True)


def test_a_kill_between_the_two_names_is_completed(tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with pytest.raises(Cancelled), claimed(out, JOB, force=False, resume=False) as part:
        part.media.write_bytes(b"sound")
        (part.folder / "receipt.json").write_text('{"verb": "highlight"}')
        out.hardlink_to(part.media)
        raise Cancelled("killed here")
    assert finish_published(out) == {"verb": "highlight"}
    assert files_in(tmp_path) == {"out.wav", "out.wav.seehear.json"}
    assert finish_published(out) is None
