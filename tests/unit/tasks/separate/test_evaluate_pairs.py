"""Evaluating models on fixed pairs of clips, sweeps, and the command line around them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
import pytest
import torch

from seehear.checkpoint import save_checkpoint
from seehear.data.pair_list import draw_pairs, is_pair_list, read_pairs, write_pairs
from seehear.data.thing_clips import open_clips
from seehear.data.thing_manifest import ThingClip
from seehear.errors import InputError, OutputError, UsageError
from seehear.models.bandmask import tiny_bandmask
from seehear.models.davis import tiny_davis
from seehear.models.davis.frontend import compress_magnitude, spectrum_of
from seehear.tasks.separate import davis_answers, sweep
from seehear.tasks.separate.davis_answers import DavisAnswers
from seehear.tasks.separate.evaluate import evaluate_separate
from seehear.tasks.separate.evaluate_options import EvaluateOptions, sweep_values
from seehear.tasks.separate.mixes_options import MixesOptions
from seehear.tasks.separate.pair_summary import class_means, mean_of, pair_records
from seehear.tasks.separate.prepare_mixes import prepare_mixes
from tests.unit.data.corpus import make_corpus
from tests.unit.metrics.clap_kit import write_tiny_clap
from tests.unit.tasks.separate.clips import make_videos, prepare


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("videos")
    prepare(make_videos(root / "in"), root / "out", pairs=2)
    return root / "out"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("models")
    save_checkpoint(root / "davis", tiny_davis(), "davis", {"frames": 3, "licence": "CC0"})
    save_checkpoint(root / "mask", tiny_bandmask(), "bandmask", {"licence": "CC0"})
    return {name: str(root / name) for name in ("davis", "mask")}


def options(corpus: Path, output: Path, **told: Any) -> EvaluateOptions:
    base = EvaluateOptions(
        manifest=corpus / "pairs-test.jsonl", output=output, limit=3, clap="", device="cpu"
    )
    return replace(base, **told)


def summary_of(output: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((output / "summary.json").read_text())
    return read


@pytest.mark.parametrize("protocol", ["published", "full"])
@pytest.mark.parametrize("model", ["davis", "mask"])
def test_any_model_is_scored_by_both_protocols(
    corpus: Path, models: dict[str, str], tmp_path: Path, model: str, protocol: str
) -> None:
    told = options(corpus, tmp_path, model=models[model], protocol=protocol, limit=2, quick=True)
    report = evaluate_separate(told)
    summary = summary_of(tmp_path)
    expected = {"mixture", "alone", "joint"}
    assert set(summary["methods"]) == expected and report["pairs"] == 2
    assert summary["methods"]["alone"]["si_sdr_gain"]["num_clips"] == 2
    assert summary["methods"]["mixture"]["si_sdr_gain"]["value"] == pytest.approx(0, abs=1e-6)
    assert len((tmp_path / "pairs.csv").read_text().splitlines()) == 1 + 2 * len(expected)
    assert len((tmp_path / "sounds.csv").read_text().splitlines()) == 1 + 4 * len(expected)
    assert protocol in (tmp_path / "summary.md").read_text()
    with pytest.raises(OutputError, match="--force"):
        evaluate_separate(told)


def test_classes_may_be_asked_for_by_name(
    corpus: Path, models: dict[str, str], tmp_path: Path
) -> None:
    told = options(corpus, tmp_path, model=models["davis"], quick=True, limit=1, words=True)
    evaluate_separate(told)
    assert {"alone", "alone, words"} <= set(summary_of(tmp_path)["methods"])
    rows = [json.loads(line) for line in (tmp_path / "sounds.jsonl").read_text().splitlines()]
    own, named = (
        [row["si_sdr"] for row in rows if row["method"] == m] for m in ("alone", "alone, words")
    )
    assert own != named, "a word is another vector than a picture"


def test_scores_are_those_of_mir_eval_against_the_original_clips(
    corpus: Path, models: dict[str, str], tmp_path: Path
) -> None:
    evaluate_separate(options(corpus, tmp_path, model=models["davis"], limit=1))
    source = open_clips(corpus / "manifest.jsonl")
    pair = read_pairs(corpus / "pairs-test.jsonl", source.clips)[0]
    rows = [json.loads(line) for line in (tmp_path / "sounds.jsonl").read_text().splitlines()]
    mixed = [row for row in rows if row["method"] == "mixture"]
    assert [row["clip"] for row in mixed] == list(pair.clips)
    by_id = {clip.id: clip for clip in source.clips}
    config = tiny_davis().config
    from seehear.tasks.separate.davis_data import cut_window

    stems = np.stack(
        [cut_window(source, by_id[n], source.duration_s(by_id[n]) / 2, config) for n in pair.clips]
    )
    mixture = np.broadcast_to(stems.mean(0), stems.shape)
    with pytest.warns(FutureWarning):
        sdr, sir, _, _ = mir_eval.separation.bss_eval_sources(stems, mixture, False)
    assert [row["sdr"] for row in mixed] == pytest.approx(sdr.tolist(), abs=1e-6)
    assert [row["sir"] for row in mixed] == pytest.approx(sir.tolist(), abs=1e-6)


def test_true_magnitudes_reach_the_ceiling_of_the_representation(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an oracle in place of the network the published protocol separates."""
    source = open_clips(corpus / "manifest.jsonl")
    from seehear.metrics.separation import bss_eval
    from seehear.tasks.separate.davis_data import cut_window

    model = tiny_davis()
    config = replace(model.config, rows=256, columns=33)
    model.config = config
    clips = [next(c for c in source.clips if c.label == name) for name in ("dog", "rain")]
    stems = torch.from_numpy(np.stack([cut_window(source, c, 0.7, config) for c in clips]))
    true = compress_magnitude(spectrum_of(stems, config).abs(), config)

    def oracle(model_: Any, mixture: Any, seen: Any, noise: Any, steps: Any) -> Any:
        from seehear.models.davis.frontend import expand_magnitude, picture_of

        heard = picture_of(mixture, config)
        return expand_magnitude(true, config, heard.spectrum.shape[-1])[None], heard.spectrum

    monkeypatch.setattr(davis_answers, "estimate_magnitudes", oracle)
    answers = DavisAnswers(model)
    asked = stems.mean(0)[None], torch.zeros(1, 2, 1, 32)
    made = answers.windows(*asked)[0].numpy()
    truth = stems[:, : made.shape[1]].numpy()
    before = bss_eval(truth, np.broadcast_to(truth.mean(0), truth.shape)).sdr
    assert bool((bss_eval(truth, made).sdr > before + 5).all())
    alone, joint = (both[0].numpy() for both in answers.windows_both_ways(*asked))
    np.testing.assert_array_equal(alone, made)
    np.testing.assert_allclose(joint.mean(0), truth.mean(0), atol=1e-6)


def test_answers_to_sums_of_any_length_have_that_length() -> None:
    model = tiny_davis()
    sound = 0.1 * torch.randn(20000, generator=torch.Generator().manual_seed(0))
    made = DavisAnswers(model, steps=1).answer(sound, torch.randn(3, 32))
    assert made.shape == (3, 20000) and np.isfinite(made).all()


def test_clap_columns_come_with_weights_and_a_note_without(
    corpus: Path, models: dict[str, str], tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    folder = tmp_path / "clap"
    folder.mkdir()
    told = options(corpus, tmp_path / "with", model=models["davis"], quick=True, limit=2)
    evaluate_separate(replace(told, clap=str(write_tiny_clap(folder))))
    alone = summary_of(tmp_path / "with")["methods"]["alone"]
    assert -1 <= alone["clap_text"]["value"] <= 1 and 0 <= alone["clap_right"]["value"] <= 1
    assert alone["clap_text"]["num_clips"] == 2
    report = evaluate_separate(
        replace(told, output=tmp_path / "without", clap="nobody/no-such-clap")
    )
    assert "nobody/no-such-clap is not on this machine" in report["notes"][0]
    assert "clap_text" not in summary_of(tmp_path / "without")["methods"]["alone"]
    assert "left out" in (tmp_path / "without" / "summary.md").read_text()


def test_silent_pairs_are_left_out_and_counted() -> None:
    def sound(name: str, silent: bool, sdr: float) -> dict[str, Any]:
        return {
            "id": name,
            "method": "alone",
            "label": "dog",
            "recording": f"r{name}{sdr}",
            "silent": silent,
            "sdr": sdr,
        }

    records = [sound("a", False, 4.0), sound("a", False, 8.0)]
    records += [sound("b", True, float("nan")), sound("b", True, float("nan"))]
    pairs = pair_records(records)
    assert pairs[0]["sdr"] == 6.0 and "sdr" not in pairs[1] and pairs[1]["silent"]
    figure = mean_of(pairs, "sdr", seed=0)
    assert figure is not None and figure["value"] == 6.0 and figure["num_clips"] == 1
    assert mean_of(pairs[1:], "sdr", seed=0) is None
    assert class_means(records) == {"dog": {"score": "sdr", "n": 2, "alone": 6.0}}


def test_sweeps_write_one_table_and_one_plot(
    corpus: Path, models: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    told = options(corpus, tmp_path, model=models["davis"], limit=2, sweep="steps=1,3")
    report = evaluate_separate(told)
    lines = (tmp_path / "sweep.csv").read_text().splitlines()
    assert lines[0].startswith("steps,method,n,sdr,sdr_low,sdr_high")
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "1", "3", "3"]
    assert report["plot"].endswith("sweep.png") and (tmp_path / "sweep.png").stat().st_size > 2000
    assert "| 3 | alone | 2 |" in (tmp_path / "sweep.md").read_text()
    assert summary_of(tmp_path / "steps-3")["options"]["steps"] == 3
    with pytest.raises(OutputError, match="exists already"):
        evaluate_separate(told)
    frames = evaluate_separate(replace(told, output=tmp_path / "f", sweep="frames=1,5", quick=True))
    assert frames["values"] == [1, 5]
    both = f"model={models['davis']},{models['mask']}"
    monkeypatch.setattr(sweep, "draw_sweep", _no_matplotlib)
    report = evaluate_separate(replace(told, output=tmp_path / "m", sweep=both, quick=True))
    assert report["plot"] == "" and "matplotlib" in report["notes"][0]
    assert len((tmp_path / "m" / "sweep.csv").read_text().splitlines()) == 1 + 2 + 2


def _no_matplotlib(*args: object) -> None:
    from seehear.errors import MissingDependency

    raise MissingDependency("matplotlib", "report", "the plot of a sweep")


def test_sweeps_are_read_strictly() -> None:
    assert sweep_values("model=a,b") == ("model", ["a", "b"])
    for wrong in ("steps", "steps=", "steps=0", "steps=two", "seed=1"):
        with pytest.raises(UsageError, match="--sweep"):
            sweep_values(wrong)
    with pytest.raises(UsageError, match="--sweep"):
        EvaluateOptions(manifest=Path("x"), output=Path("y"), sweep="wrong")


def test_options_that_do_not_apply_are_refused(
    corpus: Path, models: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--steps is for models that draw"):
        evaluate_separate(options(corpus, tmp_path, model=models["mask"], steps=3))
    with pytest.raises(UsageError, match="--device"):
        options(corpus, tmp_path, device="gpu")


def test_pairs_are_fixed_and_of_two_classes(corpus: Path, tmp_path: Path) -> None:
    clips = [
        ThingClip(f"{label}{n}", f"{label}{n}", label, "test", "x")
        for label in "ab"
        for n in range(3)
    ]
    rows = draw_pairs(clips, 2, seed=0)
    assert len(rows) == 12 and len({row.clips for row in rows}) == 12
    assert all(first[0] != second[0] for first, second in (row.clips for row in rows))
    assert rows == draw_pairs(list(reversed(clips)), 2, seed=0) != draw_pairs(clips, 2, seed=1)
    assert len(draw_pairs(clips, 5, seed=0)) == 30 and not draw_pairs(clips[:3], 2, seed=0)
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, rows)
    assert read_pairs(path, clips) == rows and is_pair_list(path)
    assert not is_pair_list(corpus / "manifest.jsonl") and not is_pair_list(tmp_path / "none")
    with pytest.raises(InputError, match="does not have"):
        read_pairs(path, clips[:2])
    path.write_text('{"id": "p", "clips": ["a0", "a1"]}\n')
    with pytest.raises(InputError, match="another class"):
        read_pairs(path, clips)


@pytest.mark.parametrize("protocol", ["published", "full"])
def test_mixtures_are_for_drawing_models_too(
    models: dict[str, str], tmp_path: Path, protocol: str
) -> None:
    sources = make_corpus(tmp_path, splits=("train", "test"), copies=4)
    prepare_mixes(
        MixesOptions(source=sources, output=tmp_path / "mixes", count=1, fewest=4, frame_size=32)
    )
    told = EvaluateOptions(
        manifest=tmp_path / "mixes" / "manifest.jsonl", output=tmp_path / "out", device="cpu"
    )
    told = replace(told, model=models["davis"], protocol=protocol, steps=1, quick=True)  # type: ignore[arg-type]
    report = evaluate_separate(told)
    assert {"text", "joint"} <= set(report["si_sdr_gain"]) and report["mixtures"] == 1
    with pytest.raises(UsageError, match="--frames and --words are for pairs"):
        evaluate_separate(replace(told, frames=2, force=True))
    with pytest.raises(UsageError, match="models that draw"):
        evaluate_separate(replace(told, model=models["mask"], force=True))
