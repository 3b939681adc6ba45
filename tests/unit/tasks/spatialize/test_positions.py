"""Positions that users write: what is read, what lies between rows, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import InputError
from seehear.tasks.spatialize.positions import complaints, read_positions


def write(folder: Path, text: str, name: str = "p.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    table = write(
        tmp_path, "time, azimuth, elevation, distance, source\n2,-30,10,2,1\n0,30,,,1\n1,5,,,0\n"
    )
    rows = [
        {"time": 0, "azimuth": 30, "source": 1},
        {"time": 2.0, "azimuth": -30, "elevation": 10, "distance": 2, "source": 1},
        {"time": 1, "azimuth": 5, "source": 0},
    ]
    listed = write(tmp_path, json.dumps(rows), "p.json")
    for path in (table, listed):
        first, second = read_positions(path)
        assert (first.source, second.source) == (0, 1)
        np.testing.assert_allclose(
            second.at(np.array([-1.0, 0.0, 1.0, 2.0, 5.0])),
            [[30, 30, 0, -30, -30], [0, 0, 5, 10, 10], [1, 1, 1.5, 2, 2]],
        )


def test_a_source_goes_around_the_back_by_the_shorter_way(tmp_path: Path) -> None:
    (way,) = read_positions(write(tmp_path, "time,azimuth\n0,170\n1,-170\n2,-90\n"))
    assert way.source is None
    np.testing.assert_allclose(way.at(np.array([0.5, 1.5]))[0] % 360, [180, 230])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line"),
        ("0,30\n", "first line"),
        ("time,azimut\n0,30\n", "first line"),
        ("time,azimuth\n", "no positions"),
        ("time,azimuth\n0,\n", "row 1 .* has no azimuth"),
        ("time,azimuth\n0,left\n", "row 1 .* azimuth 'left'"),
        ("time,azimuth\n0,nan\n", "row 1 .* azimuth 'nan'"),
        ("time,azimuth\n0,400\n", "-360 to 360"),
        ("time,azimuth,elevation\n0,0,95\n", "elevation 95"),
        ("time,azimuth,distance\n0,0,0\n", "distance 0"),
        ("time,azimuth,source\n0,0,1.5\n", "channel"),
        ("time,azimuth,source\n0,0,1\n1,0,\n", "name all"),
        ("time,azimuth\n1,0\n1,5\n", "two places of the source at 1 s"),
        ("time,azimuth\n0,0,7\n", "too many values"),
    ],
)
def test_refusals_name_the_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_positions(write(tmp_path, text))


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"time": 0}]', '[{"time": true}]'])
def test_json_of_another_form(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        read_positions(write(tmp_path, text, "p.json"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_positions(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not text"):
        read_positions(tmp_path / "b.csv")


def test_gaps_and_ends_are_named_for_tracked_sources_only(tmp_path: Path) -> None:
    sparse = read_positions(write(tmp_path, "time,azimuth\n0,0\n9,9\n"))
    assert complaints(sparse, 0.0, 20.0) == []
    rows = "".join(f"{n / 10},0\n" for n in [*range(20), *range(60, 80)])
    tracked = read_positions(write(tmp_path, "time,azimuth\n" + rows))
    said = complaints(tracked, 0.0, 20.0)
    assert [sentence.split(";")[0] for sentence in said] == [
        "there are no positions between 1.90 and 6.00 s",
        "the positions end 12.10 s before the sound",
    ]
    assert "10 of 40 positions lie outside" in complaints(tracked, 0.0, 6.9)[0]
    with pytest.raises(InputError, match="behind the end"):
        complaints(read_positions(write(tmp_path, "time,azimuth\n30,0\n")), 0.0, 20.0)
