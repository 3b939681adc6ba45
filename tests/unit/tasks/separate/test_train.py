"""Training the separator and the concept space on a made-up corpus, mixtures for tests, evaluation."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seehear.checkpoint import load_checkpoint, save_checkpoint
from seehear.config import load_config
from seehear.data.mix_manifest import read_mixes
from seehear.errors import ConfigError, InputError, ModelError, OutputError, UsageError
from seehear.features.concepts import load_grid_words
from seehear.features.vocabulary import GROUPS
from seehear.models.bandmask import BandMask, tiny_bandmask
from seehear.models.concepts import Concepts, ConceptsConfig
from seehear.tasks.separate.data import AskSettings, MixBatches
from seehear.tasks.separate.evaluate import evaluate_separate
from seehear.tasks.separate.evaluate_options import EvaluateOptions
from seehear.tasks.separate.mixes_options import MixesOptions
from seehear.tasks.separate.objective import BandMaskObjective
from seehear.tasks.separate.prepare_mixes import plan_labels, prepare_mixes
from seehear.tasks.separate.train import train_separate
from seehear.tasks.separate.train_options import Asking, TrainConfig
from seehear.tasks.separate.validation import si_sdr
from tests.unit.data.corpus import make_corpus

CONFIGS = Path(__file__).resolve().parents[4] / "configs" / "separate"
CLASSES = ("background", "dog", "piano", "rain", "speech")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"), splits=("train", "val", "test"), copies=4)


@pytest.fixture(scope="module")
def concepts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("concepts")
    model = Concepts(ConceptsConfig(frame_size=32, widths=(8, 16), dim=8, classes=CLASSES))
    save_checkpoint(folder, model, "concepts", {"id": "concepts@test"})
    return folder


@pytest.fixture(scope="module")
def mixes(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mixes")
    prepare_mixes(MixesOptions(source=corpus, output=root, count=6, fewest=4, frame_size=32))
    return root / "manifest.jsonl"


def tiny_config(corpus: Path, concepts: Path, output: Path) -> TrainConfig:
    config = load_config(TrainConfig, CONFIGS / "tiny.toml", [f"sources={corpus}"])
    model = {**config.model, "query_dim": 8, "num_classes": len(CLASSES)}
    return replace(config, concepts=str(concepts), output=output, model=model)


def batches(corpus: Path, **told: float) -> MixBatches:
    from seehear.data.mixes import MixRule
    from seehear.data.sounds import load_things, rows_of_split
    from seehear.data.sources import read_sources

    library = load_things(rows_of_split(read_sources(corpus), "train", True))
    encoder = load_grid_words()
    names = ["dog", "piano", "rain", "speech"]
    vectors = dict(zip(names, encoder.encode_texts(names), strict=True))
    settings = replace(AskSettings(batch=8), **told)  # type: ignore[arg-type]
    return MixBatches(library, vectors, GROUPS, settings, MixRule(duration_s=1.0))


def test_training_writes_a_checkpoint_that_loads_with_its_card(
    corpus: Path, concepts: Path, tmp_path: Path
) -> None:
    report = train_separate(tiny_config(corpus, concepts, tmp_path))
    assert report["step"] == 3 and np.isfinite(report["validation"]["si_sdr_gain"])
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert isinstance(loaded.module, BandMask)
    assert loaded.meta["heard"] == ["dog", "piano", "rain", "speech"]
    assert loaded.meta["query_encoder"] == "concepts@test"
    assert torch.allclose(loaded.module.directions.norm(dim=1), torch.ones(5), atol=1e-3)
    card = (tmp_path / "checkpoint" / "README.md").read_text()
    assert "made here" in card and "nobody" in card and "heard | dog, piano" in card


def test_a_stopped_run_goes_on_to_the_same_weights(
    corpus: Path, concepts: Path, tmp_path: Path
) -> None:
    whole = tiny_config(corpus, concepts, tmp_path / "whole")
    train_separate(whole)
    parts = replace(whole, output=tmp_path / "parts")
    constant = replace(whole.optim, schedule="constant")
    for name, run in (("whole", whole), ("parts", parts)):
        for steps in (3,) if name == "whole" else (1, 3):
            folder = tmp_path / f"{name}-constant"
            loop = replace(run.loop, steps=steps)
            train_separate(replace(run, output=folder, optim=constant, loop=loop))
    first, second = (
        load_checkpoint(tmp_path / f"{name}-constant" / "checkpoint") for name in ("whole", "parts")
    )
    assert first.sha256 == second.sha256


def test_concepts_learn_from_photos_and_keep_the_table(corpus: Path, tmp_path: Path) -> None:
    config = load_config(TrainConfig, CONFIGS / "concepts.toml", [f"sources={corpus}"])
    model = {"frame_size": 32, "widths": [8, 16], "dim": 64}
    loop = replace(config.loop, steps=2, validate_every=0, precision="fp32")
    report = train_separate(replace(config, model=model, loop=loop, output=tmp_path, batch=16))
    assert 0.0 <= report["validation"]["class_accuracy"] <= 1.0
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert loaded.meta["seen"] == ["accordion", "background", "dog", "piano", "speech"]
    assert isinstance(loaded.module, Concepts) and len(loaded.module.config.classes) == 52


def test_a_model_and_its_query_encoder_must_fit(
    corpus: Path, concepts: Path, tmp_path: Path
) -> None:
    config = tiny_config(corpus, concepts, tmp_path)
    with pytest.raises(ModelError, match=r"set model\.query_dim"):
        train_separate(replace(config, model={**config.model, "query_dim": 9}))
    with pytest.raises(ModelError, match=r"set model\.num_classes"):
        train_separate(replace(config, model={**config.model, "num_classes": 9}))
    with pytest.raises(ConfigError, match="sources=FILE"):
        TrainConfig(kind="bandmask")
    with pytest.raises(ConfigError, match="three shares"):
        replace(config, asking=Asking(counts=(0.5, 0.5, 0.5)))


def test_batches_repeat_and_every_stem_belongs_to_one_side(corpus: Path) -> None:
    make = batches(corpus, several=0.7, absent=0.3)
    for number in range(6):
        first, again = make(number), make(number)
        assert torch.equal(first.stems, again.stems) and torch.equal(first.queries, again.queries)
        heard = first.stems.abs().sum(2) > 0  # [B, S]
        assert torch.equal(first.asked.sum(1), heard.float())
        assert float(first.asked[:, :-1].masked_fill(first.query_mask[..., None], 0).sum()) == 0
        norms = first.queries.norm(dim=2)[first.query_mask]
        assert torch.allclose(norms, torch.ones(()), atol=1e-5)
        assert bool(((first.labels < 4) <= heard).all())


def test_true_masks_cost_less_than_any_others(corpus: Path) -> None:
    batch = batches(corpus, several=0.0, absent=0.0, blurred=0.0)(1)
    objective = BandMaskObjective(tiny_bandmask())
    power, coherent, energy, classes = objective.statistics(batch)
    assert classes.shape[1] == 9
    true = (coherent / power[:, None].clamp_min(1e-12)).clamp(0, 1)
    half = torch.full_like(true, 0.5)
    costs = [
        float(objective._terms(m, power, coherent, energy, batch.query_mask)["error"])
        for m in (true, half)
    ]
    assert costs[0] < costs[1] - 0.2


def test_error_energy_is_that_of_masked_waveforms(corpus: Path) -> None:
    """The band formula against a mask applied to spectra, for a mask that is constant over bands."""
    batch = batches(corpus, several=0.0, absent=0.0, blurred=0.0)(2)
    model = tiny_bandmask()
    power, coherent, energy, _ = BandMaskObjective(model).statistics(batch)
    mask = 0.3
    inner = (mask**2 * power[:, None] - 2 * mask * coherent + energy).sum((2, 3))
    mixture = model.spectrum(batch.stems.sum(1))
    target = model.spectrum((batch.stems * batch.asked[:, 0, :, None]).sum(1))
    outer = (mask * mixture - target).abs().square().sum((1, 2))
    assert torch.allclose(inner[:, 0], outer, rtol=1e-3)


def test_si_sdr_of_training_is_that_of_the_metrics() -> None:
    from seehear.metrics.separation import si_sdr as judged

    torch.manual_seed(0)
    reference = torch.randn(3, 4000)
    estimate = 0.7 * reference + 0.2 * torch.randn(3, 4000)
    expected = torch.from_numpy(judged(reference.numpy(), estimate.numpy()))
    assert torch.allclose(si_sdr(estimate, reference).double(), expected, atol=1e-3)


def test_every_class_and_recording_takes_its_turn(mixes: Path, corpus: Path) -> None:
    rows = read_mixes(mixes)
    labels = [stem.label for row in rows for stem in row.stems]
    assert {labels.count(label) for label in ("dog", "piano", "rain", "speech")} == {3}
    used = [stem.recordings for row in rows for stem in row.stems]
    assert len(used) == len(set(used))
    for row in rows:
        assert row.split == "test" and len({s.label for s in row.stems}) == 2
        for stem in row.stems:
            assert (stem.picture is not None) == (stem.label in {"dog", "piano", "speech"})
            assert soundfile.info(mixes.parent / stem.path).frames == 80000
    plan = plan_labels("abcdefg", 3, 50, seed=0)
    counts = [sum(name in labels for labels in plan) for name in "abcdefg"]
    assert max(counts) - min(counts) <= 1
    with pytest.raises(OutputError, match="exists"):
        prepare_mixes(MixesOptions(source=corpus, output=mixes.parent, count=1))
    with pytest.raises(InputError, match="lower --fewest"):
        prepare_mixes(MixesOptions(source=corpus, output=mixes.parent / "n", fewest=99))
    with pytest.raises(UsageError, match="--sounds"):
        MixesOptions(source=corpus, output=mixes, sounds=1)


def test_evaluation_scores_every_sound_by_every_method(mixes: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_checkpoint(folder, tiny_bandmask(), "bandmask", {"licence": "CC0"})
    options = EvaluateOptions(manifest=mixes, output=tmp_path / "out", model=str(folder), limit=3)
    headline = evaluate_separate(options)
    assert headline["mixtures"] == 3
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(summary["methods"]) == {"text", "joint", "photo", "click", "box"}
    text = summary["methods"]["text"]
    assert text["si_sdr_gain"]["num_clips"] == 6
    assert {"sdr_gain", "sir", "sar", "right", "wrong_query_gain"} <= set(text)
    assert summary["recordings"] == 6 and summary["photo_against_text"]["all"]
    assert summary["click_against_text"]["all"]["click"]
    lines = (tmp_path / "out" / "sounds.csv").read_text().splitlines()
    seen = summary["methods"]["photo"]["si_sdr_gain"]["num_clips"]
    assert len(lines) == 1 + 6 + 6 + 3 * seen
    assert "SI-SDR gain" in (tmp_path / "out" / "summary.md").read_text()
    with pytest.raises(OutputError, match="--force"):
        evaluate_separate(options)
    quick = replace(options, output=tmp_path / "quick", quick=True)
    again = json.loads((Path(str(evaluate_separate(quick)["output"])) / "summary.json").read_text())
    assert "sir" not in again["methods"]["text"]
    assert again["methods"]["text"]["si_sdr_gain"] == text["si_sdr_gain"]
