"""Training, fixed pairs and evaluation of bearings on a tiny corpus."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.checkpoint import load_checkpoint, save_checkpoint
from seehear.config import load_config
from seehear.data.pair_manifest import read_pairs
from seehear.data.sources import read_sources
from seehear.dsp.hrir import spherical_head
from seehear.errors import ConfigError, InputError, ModelError, OutputError, UsageError
from seehear.features.concepts import load_grid_words
from seehear.features.places import detail, detailed_maps
from seehear.models.bearings import Bearings, tiny_bearings
from seehear.tasks.spatialize import cutting
from seehear.tasks.spatialize.baselines import busiest_place, everything_at, known_parts
from seehear.tasks.spatialize.cutting import crops_in_boxes
from seehear.tasks.spatialize.data import direction_azimuths, small_frame
from seehear.tasks.spatialize.evaluate import evaluate_spatialize
from seehear.tasks.spatialize.evaluate_options import EvaluateOptions
from seehear.tasks.spatialize.objective import difference_mask, true_shares
from seehear.tasks.spatialize.pairs_options import PairsOptions
from seehear.tasks.spatialize.prepare_pairs import prepare_pairs
from seehear.tasks.spatialize.scoring import Listener
from seehear.tasks.spatialize.train import train_spatialize
from seehear.tasks.spatialize.train_options import Pairing, TrainConfig
from tests.unit.data.corpus import make_corpus

CONFIGS = Path(__file__).resolve().parents[4] / "configs" / "spatialize"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"), splits=("train", "val", "test"), copies=4)


@pytest.fixture(scope="module")
def pairs(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    report = prepare_pairs(PairsOptions(source=corpus, output=root, count=3, duration=0.6))
    assert report["pairs"] == 9 and set(report["classes"]) == {"dog", "piano", "speech"}
    return root / "manifest.jsonl"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    save_checkpoint(folder, tiny_bearings(), "bearings", {"task": "spatialize", "licence": "x"})
    return folder


def tiny_config(corpus: Path, output: Path) -> TrainConfig:
    config = load_config(TrainConfig, CONFIGS / "tiny.toml", [f"sources={corpus}"])
    return replace(config, output=output)


def test_training_writes_a_checkpoint_that_loads_with_its_card(
    corpus: Path, tmp_path: Path
) -> None:
    report = train_spatialize(tiny_config(corpus, tmp_path))
    assert report["step"] == 3 and np.isfinite(report["validation"]["difference"])
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert isinstance(loaded.module, Bearings)
    assert loaded.meta["seen_and_heard"] == ["dog", "piano", "speech"]
    assert loaded.meta["heads"] == ["sphere of 87.5 mm"]
    card = (tmp_path / "checkpoint" / "README.md").read_text()
    assert "simulated" in card and "made here" in card and "nobody" in card


def test_a_stopped_run_goes_on_to_the_same_weights(corpus: Path, tmp_path: Path) -> None:
    config = tiny_config(corpus, tmp_path)
    config = replace(
        config,
        optim=replace(config.optim, schedule="constant"),
        pairing=replace(config.pairing, validation=1),
    )
    for name, stops in (("whole", (2,)), ("parts", (1, 2))):
        for steps in stops:
            loop = replace(config.loop, steps=steps)
            train_spatialize(replace(config, output=tmp_path / name, loop=loop))
    first, second = (load_checkpoint(tmp_path / n / "checkpoint") for n in ("whole", "parts"))
    assert first.sha256 == second.sha256


def test_what_does_not_fit_is_said(corpus: Path, tmp_path: Path, tiny: Path) -> None:
    config = tiny_config(corpus, tmp_path)
    with pytest.raises(ModelError, match=r"set model\.num_classes"):
        train_spatialize(replace(config, model={**config.model, "num_classes": 9}))
    with pytest.raises(ModelError, match="of another kind or shape"):
        train_spatialize(replace(config, start=str(tiny)))
    with pytest.raises(ConfigError, match="sources=FILE"):
        TrainConfig(kind="bearings")
    with pytest.raises(ConfigError, match="three shares"):
        replace(config, pairing=Pairing(counts=(0.5, 0.5, 0.5)))
    with pytest.raises(ConfigError, match="needs a head"):
        replace(config, pairing=Pairing(spheres=()))


def test_configurations_load_and_name_what_they_train() -> None:
    for path in sorted(CONFIGS.glob("*.toml")):
        config = load_config(TrainConfig, path, ["sources=x.csv"])
        assert (config.kind == "bearings") == (path.stem in ("starter", "tiny"))


def test_pairs_are_the_same_again_and_say_where_things_are(
    corpus: Path, pairs: Path, tmp_path: Path
) -> None:
    rows = read_pairs(pairs)
    assert [len(row.sources) for row in rows] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert {row.backdrop for row in rows} == {"black", "photo", "blend"}
    for row in rows:
        for source in row.sources:
            left, top, width, height = source.box
            assert source.azimuth_deg == pytest.approx((320 - left - width / 2) / 640 * 120)
            assert source.elevation_deg == pytest.approx((180 - top - height / 2) / 360 * 90)
    prepare_pairs(PairsOptions(source=corpus, output=tmp_path, count=3, duration=0.6))
    assert (tmp_path / "manifest.jsonl").read_bytes() == pairs.read_bytes()
    for name in (rows[0].picture, rows[8].sources[2].path):
        assert (tmp_path / name).read_bytes() == (pairs.parent / name).read_bytes()
    with pytest.raises(OutputError, match="--force"):
        prepare_pairs(PairsOptions(source=corpus, output=tmp_path))
    with pytest.raises(InputError, match="both sounds and pictures"):
        prepare_pairs(PairsOptions(source=corpus, output=tmp_path / "x", fewest=9))


def test_options_are_checked(corpus: Path, tmp_path: Path) -> None:
    for wrong in (
        {"count": 0},
        {"sources": (4,)},
        {"fov": 1.0},
        {"duration": 0.1},
        {"pictures": "boxes"},
        {"detector": "some/model"},
    ):
        with pytest.raises(UsageError):
            PairsOptions(source=corpus, output=tmp_path, **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--heads"):
        EvaluateOptions(manifest=corpus, output=tmp_path, heads=())


def test_given_boxes_are_cut_out(corpus: Path, tmp_path: Path) -> None:
    rows = [row for row in read_sources(corpus) if row.split == "test"]
    table = tmp_path / "boxes.csv"
    lines = [["path", "left", "top", "width", "height"], ["test-dog0.png", 0.5, 0, 0.5, 1]]
    with table.open("w", newline="") as stream:
        csv.writer(stream).writerows([*lines, ["elsewhere.png", 0, 0, 1, 1]])
    crops, found = crops_in_boxes(table, rows)
    assert crops["dog"][0].pixels.shape == (20, 15, 3)
    assert found == {"boxes_used": 1, "boxes_elsewhere": 1}
    table.write_text("path,left\n")
    with pytest.raises(InputError, match="lacks the column"):
        crops_in_boxes(table, rows)


def test_a_detectors_surest_find_of_the_kind_is_cut_out(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seehear.features.detection import Detector, Found

    finds = [
        Found("tennis racket", 0.9, (0.0, 0.0, 1.0, 1.0)),
        Found("dog", 0.8, (0.0, 0.0, 0.5, 1.0)),
        Found("dog", 0.4, (0.0, 0.0, 1.0, 1.0)),
    ]
    monkeypatch.setattr(cutting, "load_detector", lambda _: Detector("d", "", lambda _: finds))
    rows = [row for row in read_sources(corpus) if row.split == "test"]
    crops, found = cutting.crops_of_detector("d", rows)
    assert [crop.pixels.shape for crop in crops["dog"]] == [(20, 15, 3)] * 4
    assert set(crops) == {"dog"} and found["photos_without"] == 16


def test_evaluation_compares_every_method_on_every_pair(
    pairs: Path, tiny: Path, tmp_path: Path
) -> None:
    options = EvaluateOptions(
        manifest=pairs, output=tmp_path / "out", model=str(tiny), heads=("sphere",), limit=2
    )
    headline = evaluate_spatialize(options)
    assert headline["pairs"] == 6
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(summary["methods"]) == {"mono", "picture", "middle", "model", "known"}
    assert summary["simulated"] and set(summary["sources"]) == {"1", "2", "3"}
    # Whoever knows the parts is nearer than mono; one source in the middle is at its place.
    assert summary["methods"]["known"]["stft_peak_ratio"]["value"] < 0.7
    assert summary["methods"]["mono"]["stft_ratio"]["value"] == pytest.approx(1.0)
    assert summary["sources"]["1"]["middle"]["one_source_azimuth_error_deg_median"] < 3
    page = (tmp_path / "out" / "summary.md").read_text()
    assert "simulated" in page and "| mono |" in page
    with pytest.raises(OutputError, match="--force"):
        evaluate_spatialize(options)


def test_shares_at_one_place_put_everything_there() -> None:
    model = tiny_bearings().eval()
    mono = torch.randn(16000)
    power = model.band_power(mono[None])[0]
    shares = everything_at(model, 0.75, power)
    # Between the two leftmost directions, at 0.875 and 0.625.
    assert torch.allclose(shares[0], torch.full_like(power, 0.5))
    assert torch.allclose(shares.sum(0), torch.ones_like(power))
    head = spherical_head(16000)
    ears = Listener(model, load_grid_words(), [head]).ears(mono, shares, head, 120.0)
    assert torch.allclose(ears.mean(0), mono, atol=1e-5)
    assert float(ears[0].square().sum()) > 2 * float(ears[1].square().sum())
    nowhere = everything_at(model, float("nan"), power)
    assert float(nowhere[-1].min()) == 1.0


def test_true_shares_follow_power_and_place() -> None:
    positions = torch.tensor([0.5, -0.5])
    power = torch.tensor([3.0, 1.0, 0.0]).reshape(1, 3, 1, 1)
    places = torch.tensor([0.25, -0.5, float("nan")]).reshape(1, 3, 1)
    shares = true_shares(power, places, positions)[0, :, 0, 0]
    assert torch.allclose(shares, torch.tensor([0.5625, 0.4375, 0.0]))
    model = tiny_bearings()
    found = known_parts(model, torch.randn(2, 8000), torch.tensor([0.875, -0.875]))
    assert torch.allclose(found[[0, 7]].sum(0), torch.ones(()), atol=1e-5)


def test_the_mask_of_a_pure_share_is_the_directions_mask() -> None:
    model = tiny_bearings()
    masks = torch.randn(8, 513, dtype=torch.complex64)
    shares = torch.zeros(1, 9, 16, 3)
    shares[:, 2] = 1.0
    made = difference_mask(shares, masks, model.gather)
    assert torch.allclose(made[0, :, 0], masks[2], atol=1e-5)
    shares = torch.zeros(1, 9, 16, 3)
    shares[:, -1] = 1.0
    assert not difference_mask(shares, masks, model.gather).any()


def test_azimuths_of_directions_span_the_field_of_view() -> None:
    assert direction_azimuths(4, 120.0).tolist() == [45.0, 15.0, -15.0, -45.0]


def test_the_busiest_place_is_where_detail_is() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 5:15] = np.random.default_rng(0).integers(0, 256, (40, 10, 3), dtype=np.uint8)
    assert busiest_place(picture) == pytest.approx(0.75, abs=0.05)
    assert busiest_place(np.full((40, 80, 3), 7, np.uint8)) == 0.0


def test_nothing_is_seen_where_nothing_is_to_be_seen() -> None:
    encoder = load_grid_words()
    picture = np.zeros((36, 64, 3), np.uint8)
    picture[:, :16] = np.random.default_rng(0).integers(0, 256, (36, 16, 3), dtype=np.uint8)
    frame = small_frame(picture, 32, 64)[None]
    maps = detailed_maps(encoder, frame)
    length = maps.norm(dim=1)[0]
    assert torch.allclose(length[:, :2], torch.ones(4, 2), atol=1e-5)
    assert not length[:, 2:].any()
    assert float(detail(frame, 4, 8).max()) == 1.0
