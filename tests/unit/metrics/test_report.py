"""Bootstrap over recordings against known variances, and tables on disk."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import InputError, OutputError
from seehear.metrics.report import Interval, RecordingBootstrap, write_table


def _sigma(interval: Interval) -> float:
    return (interval.high - interval.low) / (2 * 1.96)


def test_independent_clips_give_the_standard_error() -> None:
    scores = np.random.default_rng(0).normal(5, 2, 400)
    interval = RecordingBootstrap([{}] * 400).mean(scores.tolist())
    assert interval.value == pytest.approx(scores.mean())
    assert _sigma(interval) == pytest.approx(scores.std() / 20, rel=0.08)
    assert (interval.num_clips, interval.num_recordings) == (400, 400)


def test_a_deciding_recording_counts_once_however_many_clips_it_is_in() -> None:
    rng = np.random.default_rng(1)
    effect = rng.normal(0, 1, 40)
    scores = np.repeat(effect, 10)  # forty speakers, ten clips each
    sources = [{"speech": [f"speaker {i // 10}"]} for i in range(400)]
    interval = RecordingBootstrap(sources).mean(scores.tolist())
    assert _sigma(interval) == pytest.approx(effect.std() / math.sqrt(40), rel=0.08)
    assert interval.num_recordings == 40
    naive = RecordingBootstrap([{}] * 400).mean(scores.tolist())
    assert _sigma(naive) < 0.4 * _sigma(interval)


def test_two_crossed_stems_add_their_variances() -> None:
    rng = np.random.default_rng(2)
    speech, music = rng.normal(0, 1, 30), rng.normal(0, 1, 20)
    pairs = [(i, j) for i in range(30) for j in range(20)]
    scores = [speech[i] + music[j] for i, j in pairs]
    sources = [{"speech": [f"s{i}"], "music": [f"m{j}"]} for i, j in pairs]
    expected = math.sqrt(speech.var() / 30 + music.var() / 20)
    assert _sigma(RecordingBootstrap(sources).mean(scores)) == pytest.approx(expected, rel=0.08)


def test_where_recordings_do_not_matter_the_interval_is_too_wide_and_not_too_narrow() -> None:
    scores = np.random.default_rng(3).normal(0, 1, 300)
    stems = ("speech", "music", "effects")
    sources = [{stem: [f"{stem}{i}"] for stem in stems} for i in range(300)]
    ratio = _sigma(RecordingBootstrap(sources).mean(scores.tolist())) * math.sqrt(300)
    assert 1.0 <= ratio <= 1.1 * math.sqrt(3)


def test_paired_difference_and_reduction() -> None:
    rng = np.random.default_rng(4)
    base = rng.uniform(1, 10, 200)
    ours = 0.7 * base
    bootstrap = RecordingBootstrap([{"music": [f"m{i % 50}"]} for i in range(200)])
    reduction = bootstrap.reduction(ours.tolist(), base.tolist())
    assert (reduction.value, reduction.low, reduction.high) == pytest.approx((0.3, 0.3, 0.3))
    difference = bootstrap.paired_difference((base + 0.1).tolist(), base.tolist())
    assert (difference.low, difference.high) == pytest.approx((0.1, 0.1))


def test_reduction_agrees_with_resampling_clips() -> None:
    rng = np.random.default_rng(6)
    base = rng.uniform(1, 3, 300)
    ours = 0.6 * base + rng.normal(0, 0.3, 300)
    interval = RecordingBootstrap([{}] * 300).reduction(ours.tolist(), base.tolist())
    picks = rng.integers(300, size=(2000, 300))
    draws = 1 - ours[picks].mean(1) / base[picks].mean(1)
    assert (interval.low, interval.high) == pytest.approx(
        np.quantile(draws, [0.025, 0.975]), abs=3e-3
    )


def test_draws_are_seeded() -> None:
    scores = np.random.default_rng(5).random(9).tolist()
    sources = [{"music": [str(i)]} for i in range(9)]
    one, two = (RecordingBootstrap(sources, seed=s).mean(scores) for s in (0, 0))
    assert one == two
    assert one != RecordingBootstrap(sources, seed=1).mean(scores)
    assert one.low <= one.value <= one.high


def test_errors() -> None:
    with pytest.raises(InputError, match="at least one clip"):
        RecordingBootstrap([])
    with pytest.raises(InputError, match="2 finite scores, one per clip, got 2 of which 1"):
        RecordingBootstrap([{}, {}]).mean([1.0, math.inf])


def test_table(tmp_path: Path) -> None:
    rows = [{"id": "a, b", "mag": 0.25}, {"id": "c", "mag": 0.5, "note": 'said "é"'}]
    table, lines = write_table(tmp_path / "new" / "clips", rows)
    with table.open(newline="", encoding="utf-8") as stream:
        read = list(csv.DictReader(stream))
    assert read[0] == {"id": "a, b", "mag": "0.25", "note": ""}
    assert read[1]["note"] == 'said "é"'
    assert [json.loads(line) for line in lines.read_text().splitlines()] == rows
    write_table(tmp_path / "infinite", [{"a": math.inf, "b": 1.0}])
    assert json.loads((tmp_path / "infinite.jsonl").read_text()) == {"a": None, "b": 1.0}
    assert (tmp_path / "infinite.csv").read_text() == "a,b\n,1.0\n"
    assert sorted(p.name for p in table.parent.iterdir()) == ["clips.csv", "clips.jsonl"]
    table.parent.joinpath("file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        write_table(table.parent / "file" / "clips", rows)
