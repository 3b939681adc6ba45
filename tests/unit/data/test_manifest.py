"""Manifests: round trip, strictness, hashes, helpful errors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seehear.data.manifest import ClipRow, read_manifest, rows_sha256, write_manifest
from seehear.data.muddy import STEMS, MuddySpec
from seehear.errors import InputError, OutputError

PATHS = {name: f"a/{name}.flac" for name in STEMS}


def _row(name: str = "a", **changes: Any) -> ClipRow:
    row = ClipRow(
        id=name,
        split="test",
        duration_s=10.0,
        sample_rate=44100,
        stems=PATHS,
        frames="a/frames.npz",
        focus=("speech", "music", "music"),
        muddy=MuddySpec("continuous", "high", 5),
        sources={"speech": ("s1",), "music": ("m1", "m2")},
    )
    return replace(row, **changes)


def _plain(**changes: Any) -> dict[str, Any]:
    values = {"id": "a", "split": "test", "duration_s": 1, "sample_rate": 8000}
    return {**values, "stems": dict(PATHS), "muddy": {"seed": 3}, **changes}


def _write(folder: Path, *rows: Any) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text(
        "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    )
    return path


def test_round_trip(tmp_path: Path) -> None:
    published = ClipRow("b", "val", 9.5, 44100, mixture="b/mix.wav", target="b/raw.wav")
    rows = (_row(), published)
    path = tmp_path / "new" / "manifest.jsonl"
    write_manifest(path, rows)
    manifest = read_manifest(path)
    assert manifest.rows == rows
    assert manifest.split("val") == (published,)
    assert manifest.resolve("b/mix.wav") == tmp_path / "new" / "b" / "mix.wav"
    assert [p.name for p in path.parent.iterdir()] == ["manifest.jsonl"]
    assert "null" not in path.read_text(), "absent values are left out"


def test_defaults_of_a_minimal_row(tmp_path: Path) -> None:
    row = read_manifest(_write(tmp_path, _plain())).rows[0]
    assert row.muddy == MuddySpec("paper", "mixed", 3, silent_may_rise=False)
    assert (row.frames, row.focus, row.main_focus()) == (None, (), "")
    assert row.recordings() == {"a"}


def test_recordings_and_main_focus() -> None:
    assert _row().recordings() == {"s1", "m1", "m2"}
    assert _row().main_focus() == "music"
    assert _row(focus=("effects", "", "", "", "speech")).main_focus() == "speech", "tie"


def test_hash_depends_on_content_and_order_only(tmp_path: Path) -> None:
    spaced = json.dumps(_plain(), indent=None, separators=(" , ", " :  "))
    tight = json.dumps(_plain(frames=None), separators=(",", ":"))
    one = read_manifest(_write(tmp_path, spaced, "", _plain(id="b"))).rows
    two = read_manifest(_write(tmp_path, tight, _plain(id="b"))).rows
    assert rows_sha256(one) == rows_sha256(two)
    assert rows_sha256(one) != rows_sha256(two[::-1])
    assert rows_sha256(one) != rows_sha256((two[0],))


def test_missing_files(tmp_path: Path) -> None:
    path = _write(tmp_path, _plain())
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "music.flac").touch()
    names = [p.name for p in read_manifest(path).missing_files()]
    assert names == ["speech.flac", "effects.flac"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{not json", "line 2: not a JSON object"),
        ("[1]", "line 2: expected a JSON object, got list"),
        (_plain(colour=1), "line 2: unknown key 'colour' in clip; known: id, split"),
        (_plain(duration_s="10"), "line 2: clip.duration_s must be float, not '10'"),
        (_plain(duration_s=0), "needs an id, a duration"),
        (_plain(muddy={"mode": "wild"}), "clip.muddy.mode must be one of 'paper', 'continuous'"),
        (_plain(stems={"speech": "a.wav"}), "needs the stems speech, music, effects"),
        (_plain(stems=None), "neither stems nor a target"),
        (_plain(muddy=None), "no mixture and cannot be muddied"),
        (_plain(stems=None, target="t.wav"), "no mixture and cannot be muddied"),
        (_plain(frames="/abs/frames.npz"), "paths are relative"),
        (_plain(focus=["dog"]), "the focus 'dog'; known: speech, music, effects"),
        (_plain(id="first"), "the id 'first' more than once"),
    ],
)
def test_bad_rows_name_file_line_and_remedy(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_manifest(_write(tmp_path, _plain(id="first"), row))
    assert message in str(caught.value)
    assert "manifest.jsonl" in str(caught.value)


def test_unreadable_and_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the manifest"):
        read_manifest(tmp_path / "nowhere.jsonl")
    with pytest.raises(InputError, match="has no clips"):
        read_manifest(_write(tmp_path))
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_manifest(tmp_path / "bytes.jsonl")
    with pytest.raises(InputError, match="no clips of the split 'train'; splits: test"):
        read_manifest(_write(tmp_path, _plain())).split("train")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*manifest\.jsonl"):
        write_manifest(tmp_path / "file" / "manifest.jsonl", [_row()])
