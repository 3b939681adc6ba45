"""Training as a user meets it: configurations, runs from a corpus, resume, checkpoints."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seehear.checkpoint import load_checkpoint, save_checkpoint
from seehear.config import load_config
from seehear.data.manifest import read_manifest, write_manifest
from seehear.errors import Cancelled, ConfigError, InputError, OutputError
from seehear.models import build_config, build_model
from seehear.models.glance import Glance, GlanceConfig
from seehear.tasks.highlight.prepare_scenes import prepare_scenes
from seehear.tasks.highlight.scenes_options import ScenesOptions
from seehear.tasks.highlight.train import train_highlight
from seehear.tasks.highlight.train_options import TrainConfig
from tests.unit.data.corpus import make_corpus

CONFIGS = Path(__file__).resolve().parents[4] / "configs" / "highlight"
TINY_VISAH = {
    "sample_rate": 8000,
    "window_s": 2.0,
    "n_fft": 256,
    "hop_length": 64,
    "channels": 4,
    "depth": 4,
    "norm_groups": 2,
    "latent_dim": 16,
    "heads": 2,
    "latent_depth": 1,
    "context_layers": 1,
    "frame_encoder": "grid",
    "frame_dim": 48,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    model = Glance(GlanceConfig(frame_size=16, widths=(8,), dim=6))
    save_checkpoint(folder, model, "glance", {"id": "glance@test"})
    return folder


@pytest.fixture(scope="module")
def scenes(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest with two training and two validation scenes."""
    root = tmp_path_factory.mktemp("scenes")
    rows = []
    for split in ("train", "val"):
        made = prepare_scenes(
            ScenesOptions(
                source=corpus, output=root / split, split=split, count=2, any_use_only=True
            )
        )
        for row in read_manifest(Path(made["manifest"])).rows:
            values = {name: f"{split}/{path}" for name, path in (row.stems or {}).items()}
            rows.append((split, row, values))
    write_manifest(
        root / "manifest.jsonl",
        [
            replace(row, id=f"{split}-{row.id}", stems=stems, frames=f"{split}/{row.frames}")
            for split, row, stems in rows
        ],
    )
    return root / "manifest.jsonl"


def bands(corpus: Path, encoder: Path, output: Path, **changes: object) -> TrainConfig:
    told = {
        "sources": corpus,
        "output": output,
        "frame_encoder": encoder,
        "model.frame_dim": 6,
        "scenes.melodies": 0,
        "scenes.short": 0.5,
        "device": "cpu",
        **changes,
    }
    return load_config(TrainConfig, CONFIGS / "tiny.toml", [f"{k}={v}" for k, v in told.items()])


def visah(scenes: Path, output: Path, steps: int = 3) -> TrainConfig:
    told = [f"manifest={scenes}", f"output={output}", "device=cpu", "batch=2", "drop_context=0.3"]
    told += [f"loop.steps={steps}", "loop.save_every=1", "loop.log_every=1", "loop.accumulate=1"]
    told += [f"model.{key}={json.dumps(value)}" for key, value in TINY_VISAH.items()]
    return load_config(TrainConfig, CONFIGS / "paper-vision.toml", told)


def stop_after(steps: int):  # type: ignore[no-untyped-def]
    def progress(done: int, total: int, note: str) -> None:
        if done >= steps:
            raise Cancelled("stopped")

    return progress


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda p: p.stem)
def test_committed_configurations_load_and_fit_their_models(path: Path) -> None:
    config = load_config(TrainConfig, path, ["sources=a.csv", "manifest=b.jsonl"])
    assert build_config(config.kind, config.model)


def test_published_sizes_of_the_configurations() -> None:
    sizes = {}
    for name in ("paper-vision", "paper-text"):
        config = load_config(TrainConfig, CONFIGS / f"{name}.toml", ["manifest=b.jsonl"])
        with torch.device("meta"):
            model = build_model("visah", build_config("visah", config.model))
        sizes[name] = sum(p.numel() for p in model.parameters())
        assert config.batch * config.loop.accumulate == 24
        assert (config.optim.name, config.optim.learning_rate) == ("adam", 1e-4)
    assert sizes == {"paper-vision": 59_956_090, "paper-text": 67_968_378}


def test_what_a_kind_needs_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="needs sources=FILE"):
        TrainConfig(kind="bandgain")
    with pytest.raises(ConfigError, match="needs manifest=FILE"):
        TrainConfig(kind="visah")


def test_bands_resume_bit_for_bit(corpus: Path, encoder: Path, tmp_path: Path) -> None:
    often = {"loop.save_every": 1, "loop.log_every": 1}
    whole = train_highlight(bands(corpus, encoder, tmp_path / "whole", **often))
    assert whole["step"] == 3 and set(whole["validation"]) >= {"magnitude", "swapped"}
    cut = bands(corpus, encoder, tmp_path / "cut", **often)
    with pytest.raises(Cancelled):
        train_highlight(cut, stop_after(2))
    assert train_highlight(cut)["sha256"] == whole["sha256"]
    loaded = load_checkpoint(Path(whole["checkpoint"]))
    assert loaded.name == "bandgain" and loaded.meta["frame_encoder"] == "glance@test"


def test_visah_resumes_bit_for_bit(scenes: Path, tmp_path: Path) -> None:
    whole = train_highlight(visah(scenes, tmp_path / "whole"))
    cut = visah(scenes, tmp_path / "cut")
    with pytest.raises(Cancelled):
        train_highlight(cut, stop_after(1))
    assert train_highlight(cut)["sha256"] == whole["sha256"]
    assert whole["validation"]["loss"] > 0
    assert load_checkpoint(Path(whole["checkpoint"])).name == "visah"


def test_glance_learns_its_classes(corpus: Path, tmp_path: Path) -> None:
    told = [f"sources={corpus}", f"output={tmp_path}", "batch=8", "loop.steps=3"]
    told += ["model.frame_size=16", "model.widths=[8, 8]", "model.dim=4", "device=cpu"]
    report = train_highlight(load_config(TrainConfig, CONFIGS / "glance.toml", told))
    module = load_checkpoint(Path(report["checkpoint"])).module
    assert module.config.classes == ("accordion", "background", "dog", "face", "piano")
    assert set(report["validation"]) == {"class_accuracy", "group_accuracy"}


def test_prepared_scenes_are_fixed_and_complete(corpus: Path, tmp_path: Path) -> None:
    def make(name: str, **more: object) -> Path:
        options = ScenesOptions(
            source=corpus,
            output=tmp_path / name,
            split="val",
            count=8,
            **more,  # type: ignore[arg-type]
        )
        return Path(prepare_scenes(options)["manifest"])

    first, second = read_manifest(make("a")), read_manifest(make("b"))
    assert first.rows == second.rows and not first.missing_files()
    kinds = {(row.muddy.mode, row.muddy.level) for row in first.rows if row.muddy}
    assert len(kinds) == 8
    with np.load(first.resolve(first.rows[0].frames or "")) as stored:
        assert stored["frames"].shape == (10, 3, 64, 64) and stored["times"][0] == 0.5
    with pytest.raises(OutputError, match="--force"):
        make("a")
    make("a", force=True)


def test_a_split_without_sounds_is_refused(corpus: Path, tmp_path: Path) -> None:
    options = ScenesOptions(source=corpus, output=tmp_path, split="nowhere", count=1)
    with pytest.raises(InputError, match="no rows of the split"):
        prepare_scenes(options)


def test_unmatched_scenes_keep_their_bandwidth(corpus: Path, tmp_path: Path) -> None:
    top = {}
    for name, unmatched in (("matched", False), ("open", True)):
        options = ScenesOptions(
            source=corpus, output=tmp_path / name, split="val", count=1, unmatched=unmatched
        )
        prepare_scenes(options)
        sound, rate = soundfile.read(tmp_path / name / "scenes" / "scene0000.effects.flac")
        spectrum = np.abs(np.fft.rfft(sound))
        hz = np.fft.rfftfreq(len(sound), 1 / rate)
        top[name] = spectrum[hz > 7700].mean() / spectrum[(hz > 2000) & (hz < 4000)].mean()
    assert top["open"] > 10 * top["matched"]
