"""Evaluation with made-up models whose scores are known beforehand."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seehear.data.manifest import Manifest, read_manifest
from seehear.errors import InputError, OutputError, UsageError
from seehear.features.captions import Caption
from seehear.metrics.remix import pooled_envelope_distance
from seehear.tasks.highlight import baselines, evaluate, pairs
from seehear.tasks.highlight.evaluate_options import EvaluateOptions
from seehear.tasks.highlight.scoring import Record, Trial
from seehear.tasks.highlight.summary import summarise
from seehear.tasks.highlight.summary_page import page
from seehear.types import Audio, Video
from tests.unit.tasks.highlight.corpus import COLOURS, write_corpus


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return read_manifest(write_corpus(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="module")
def plain(manifest: Manifest) -> tuple[list[Record], dict[str, Any]]:
    """Baselines only."""
    return _scored(manifest, Trial(None))


class Oracle:
    """Gives the target back if it is shown the right colour, else the muddy mix."""

    def __init__(self, manifest: Manifest, levels: Sequence[Any] = (None,)) -> None:
        self._targets = {}
        for row in manifest.rows:
            for level in levels:
                pair = pairs.load_pair(manifest, row, level)
                key = pair.mixture.waveform.numpy().tobytes()
                self._targets[key] = (pair.target, COLOURS[row.main_focus()], row.main_focus())

    def __call__(self, mixture: Audio, frames: Video | None, captions: Sequence[Caption]) -> Audio:
        target, colour, focus = self._targets[mixture.waveform.numpy().tobytes()]
        seen = frames is not None and tuple(frames.frames[0, :, 0, 0].tolist()) == colour
        read = bool(captions) and captions[0].text.startswith(focus)
        return target if seen or read else mixture


def _scored(manifest: Manifest, trial: Trial) -> tuple[list[Record], dict[str, Any]]:
    records = evaluate.score_rows(manifest, manifest.rows, trial)
    return records, summarise(records, manifest.rows)


def test_an_oracle_reduces_everything_and_depends_on_its_frames(manifest: Manifest) -> None:
    trial = Trial(Oracle(manifest), swap_seeds=range(3))
    records, found = _scored(manifest, trial)
    assert found["clips"] == 6
    assert found["recordings"] == {"speech": 4, "music": 6}
    for name in ("mag", "env", "w_dis", "env_pooled"):
        assert found["methods"]["model"][name]["value"] == pytest.approx(0, abs=1e-7)
        assert found["reduction"]["model"][name]["value"] == pytest.approx(1)
    swapped = found["swapped"]
    assert (swapped["num_clips"], swapped["num_runs"]) == (6, 18)
    assert swapped["mag"]["difference"]["low"] > 0
    assert swapped["mag"]["difference"]["value"] == pytest.approx(
        found["methods"]["input"]["mag"]["value"]
    )
    assert found["blind"]["mag"]["difference"]["value"] == pytest.approx(
        swapped["mag"]["difference"]["value"]
    )
    assert found["reduction"]["level_normalised"]["mag"]["value"] < 1
    assert {r["method"] for r in records} == {
        *baselines.BASELINES,
        "model",
        "model_blind",
        "model_swapped",
    }


def test_a_model_that_looks_at_nothing_is_not_hurt_by_other_frames(manifest: Manifest) -> None:
    def halve(mixture: Audio, frames: Video | None, captions: Sequence[Caption]) -> Audio:
        return Audio(0.5 * mixture.waveform, mixture.sample_rate)

    _, found = _scored(manifest, Trial(halve, swap_seeds=range(2)))
    for name in ("mag", "env_matched", "w_dis"):
        difference = found["swapped"][name]["difference"]
        assert (difference["value"], difference["low"], difference["high"]) == (0, 0, 0)
        assert found["swapped"][name]["worse_by"]["value"] == pytest.approx(0)


def test_captions_alone_are_swapped_too(manifest: Manifest) -> None:
    trial = Trial(Oracle(manifest), use_frames=False, use_captions=True, swap_seeds=[0])
    _, found = _scored(manifest, trial)
    assert found["methods"]["model"]["mag"]["value"] == pytest.approx(0, abs=1e-7)
    assert found["swapped"]["mag"]["difference"]["low"] > 0


def test_levels_as_written_and_forced(
    manifest: Manifest, plain: tuple[list[Record], dict[str, Any]]
) -> None:
    written = plain[1]
    assert {k: v["input"]["num_clips"] for k, v in written["by_level"].items()} == {
        "low": 2,
        "moderate": 2,
        "high": 2,
    }
    levels = ("low", "moderate", "high")
    trial = Trial(Oracle(manifest, (None, *levels)), by_level=True)
    records, forced = _scored(manifest, trial)
    values = [forced["by_level"][level]["input"]["mag"]["value"] for level in levels]
    assert values == sorted(values), "harder levels are further from the target"
    assert all(forced["by_level"][level]["input"]["num_clips"] == 6 for level in levels)
    assert forced["by_level"]["high"]["reduction"]["mag"]["value"] == pytest.approx(1)
    assert forced["methods"]["input"]["num_clips"] == 6, "extra runs do not enter the main table"
    assert sum(not r["as_written"] for r in records) == 6 * 3 * 2


def test_figures_are_means_of_the_table(plain: tuple[list[Record], dict[str, Any]]) -> None:
    records, found = plain
    chosen = [r for r in records if r["method"] == "compressor"]
    figures = found["methods"]["compressor"]
    mean = sum(r["mag"] for r in chosen) / len(chosen)
    assert figures["mag"]["value"] == pytest.approx(mean)
    assert figures["mag"]["x100"] == pytest.approx(100 * mean)
    assert figures["mag"]["low"] < mean < figures["mag"]["high"]
    pooled = pooled_envelope_distance([r["env_power"] for r in chosen])
    assert figures["env_pooled"]["value"] == pytest.approx(pooled)
    assert figures["env_pooled"]["value"] >= figures["env"]["value"]


def test_level_normalised_has_the_targets_loudness(
    plain: tuple[list[Record], dict[str, Any]],
) -> None:
    for record in plain[0]:
        if record["method"] in ("level_normalised", "compressor_normalised"):
            assert record["loudness_difference_lu"] == pytest.approx(0, abs=1e-3)


def test_donors_have_another_focus_and_are_seeded(manifest: Manifest) -> None:
    row = manifest.rows[0]
    donors = [baselines.choose_donor(row, manifest.rows, seed) for seed in range(20)]
    assert all(donor and donor.main_focus() != row.main_focus() for donor in donors)
    assert len({donor.id for donor in donors if donor}) > 1
    again = [baselines.choose_donor(row, manifest.rows, seed) for seed in range(20)]
    assert donors == again
    assert baselines.choose_donor(replace(row, focus=()), manifest.rows, 0) is None
    assert baselines.choose_donor(row, [row, manifest.rows[3]], 0) is None, "same focus only"


def test_a_runner_that_changes_the_length_is_refused(manifest: Manifest) -> None:
    def shorten(mixture: Audio, frames: Video | None, captions: Sequence[Caption]) -> Audio:
        return Audio(mixture.waveform[:, :-1], mixture.sample_rate)

    with pytest.raises(InputError, match="a remix keeps channels and length"):
        evaluate.score_rows(manifest, manifest.rows[:1], Trial(shorten))


def test_files_and_headline(tmp_path: Path, manifest: Manifest) -> None:
    seen: list[tuple[int, int, str]] = []
    options = EvaluateOptions(
        manifest=manifest.path, output=tmp_path / "out", model="highlight/tiny-bands", swaps=1
    )
    made = evaluate.evaluate_highlight(options, lambda *args: seen.append(args))
    assert made["output"] == str(tmp_path / "out")
    assert set(made["MAG"]) == {"input", "model", "below_input_percent"}
    assert seen[0][:2] == (0, 6) and seen[-1][:2] == (6, 6)
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["clips.csv", "clips.jsonl", "summary.json", "summary.md"]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["model"]["id"] == "highlight/tiny-bands"
    assert summary["timing"]["stages"]["whole clip in memory"]["mean_s"] > 0
    assert summary["methods"]["model"]["mag"]["x100"] == pytest.approx(
        made["MAG"]["model"], abs=1e-3
    )
    with (tmp_path / "out" / "clips.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert len(table) == 6 * (4 + 1 + 1 + 1)
    text = (tmp_path / "out" / "summary.md").read_text()
    for title in ("Distances", "Below the input", "By level", "another scene", "Time"):
        assert title in text
    with pytest.raises(OutputError, match="exists already; use --force"):
        evaluate.evaluate_highlight(options)
    rerun = replace(options, force=True, model="none", limit=2)
    assert evaluate.evaluate_highlight(rerun)["clips"] == 2


def test_page_of_a_bare_summary(plain: tuple[list[Record], dict[str, Any]]) -> None:
    found = plain[1]
    text = page({**found, "model": {}, "manifest": {"split": "test", "sha256": "0" * 64}})
    assert "Model: none. Clips: 6" in text
    assert text.count("| compressor |") == 2


def test_input_equal_to_the_target_leaves_nothing_to_reduce(manifest: Manifest) -> None:
    rows = [
        replace(r, mixture=f"{r.id}/speech.wav", target=f"{r.id}/speech.wav") for r in manifest.rows
    ]
    same = Manifest(manifest.path, tuple(rows))
    records = evaluate.score_rows(same, same.rows[:2], Trial(None))
    found = summarise(records, same.rows[:2])
    assert found["methods"]["input"]["mag"]["value"] == 0
    assert found["reduction"]["compressor"] == {}


def test_missing_files_and_wrong_options(tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "c", 2)
    (tmp_path / "c" / "clip1" / "music.wav").unlink()
    options = EvaluateOptions(manifest=path, output=tmp_path / "out", model="none")
    with pytest.raises(InputError, match=r"1 files that .* are missing, the first is .*music\.wav"):
        evaluate.evaluate_highlight(options)
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="--swaps"):
        replace(options, swaps=-1)
    with pytest.raises(UsageError, match="--clip needs --kld"):
        replace(options, clip="some/clip")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="-o names a folder"):
        evaluate.evaluate_highlight(
            replace(options, output=tmp_path / "file", manifest=write_corpus(tmp_path / "d", 2))
        )


def test_extra_scores_reach_table_and_summary(manifest: Manifest) -> None:
    def extra(target: Audio, frames: Video | None) -> Any:
        assert frames is not None and frames.frames.shape[-1] == 16, "frames as stored"
        return lambda estimate: {
            "kld_ast": float((estimate.waveform - target.waveform).abs().mean())
        }

    _, found = _scored(manifest, Trial(Oracle(manifest), frame_size=None, extra=extra))
    assert found["methods"]["model"]["kld_ast"]["value"] == pytest.approx(0, abs=1e-9)
    assert found["methods"]["input"]["kld_ast"]["value"] > 0
    text = page({**found, "model": {}, "manifest": {"split": "test", "sha256": "0" * 64}})
    assert "kld_ast" in text
