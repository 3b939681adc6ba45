"""Training of the flow transformer on a tiny corpus: afresh, resumed, adapted, and put together with its parts."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seehear import registry
from seehear.checkpoint import load_checkpoint, save_checkpoint
from seehear.config import load_config, to_dict
from seehear.errors import ConfigError, ModelError, OutputError
from seehear.models import build_config, build_model
from seehear.models.visualaudio.denoiser import Denoiser, tiny_denoiser
from seehear.tasks.generate.denoiser_options import Adapting, DenoiserTraining
from seehear.tasks.generate.latent_clips import INFO, LatentClips, LatentsInfo
from seehear.tasks.generate.pack import assemble
from seehear.tasks.generate.train import train_generate
from seehear.tasks.training_options import read_training
from tests.unit.tasks.generate.latent_kit import NULL, make_latents, make_part

CONFIGS = Path(__file__).resolve().parents[4] / "configs" / "generate"
OPTIONS = "seehear.tasks.generate.train_options:OPTIONS"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_latents(tmp_path_factory.mktemp("latents"))


def info_of(manifest: Path) -> LatentsInfo:
    return LatentClips(manifest).info


def write_info(manifest: Path, info: LatentsInfo) -> None:
    manifest.write_text(json.dumps(to_dict(info)))


def tiny_config(manifest: Path, output: Path) -> DenoiserTraining:
    config = read_training(OPTIONS, CONFIGS / "denoiser-tiny.toml", [f"manifest={manifest}"])
    assert isinstance(config, DenoiserTraining)
    return replace(config, output=output)


def test_training_writes_a_checkpoint_that_loads_with_its_card(
    manifest: Path, tmp_path: Path
) -> None:
    report = train_generate(tiny_config(manifest, tmp_path))
    assert report["step"] == 3 and np.isfinite(report["validation"]["other"])
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert isinstance(loaded.module, Denoiser)
    assert loaded.meta["null"] == list(NULL) and loaded.meta["latent_scale"] == 0.7
    assert loaded.meta["classes"] == ["a", "b"] and loaded.meta["recordings"] == 6
    assert loaded.meta["window_s"] == 2.0 and loaded.meta["steps"] == 25
    assert "cavp_sha256" in (tmp_path / "checkpoint" / "README.md").read_text()


@pytest.mark.parametrize("way", ["cross", "concat_time", "concat_channel"])
def test_all_ways_of_seeing_learn_and_resume_to_the_same_bits(
    way: str, manifest: Path, tmp_path: Path
) -> None:
    config = tiny_config(manifest, tmp_path)
    config = replace(
        config,
        model={**config.model, "conditioning": way},
        optim=replace(config.optim, schedule="constant"),
    )
    for name, stops in (("whole", (2,)), ("parts", (1, 2))):
        for steps in stops:
            loop = replace(config.loop, steps=steps)
            train_generate(replace(config, output=tmp_path / name, loop=loop))
    first, second = (load_checkpoint(tmp_path / n / "checkpoint") for n in ("whole", "parts"))
    assert first.sha256 == second.sha256
    assert isinstance(first.module, Denoiser)
    assert first.module.exit.weight.any(), "it learnt something"


def test_adaptation_starts_from_a_model_and_stops_when_it_gets_no_better(
    manifest: Path, tmp_path: Path
) -> None:
    info = {"cavp_sha256": "cavp", "vae_sha256": "vae", "licence": "x"}
    save_checkpoint(tmp_path / "base", tiny_denoiser(), "denoiser", info)
    config = tiny_config(manifest, tmp_path / "run")
    config = replace(
        config,
        start=str(tmp_path / "base"),
        model={},
        adapt=Adapting(rank=2, patience=2),
        optim=replace(config.optim, learning_rate=0.0),
        loop=replace(config.loop, steps=50, validate_every=1),
    )
    shape = tiny_denoiser().config
    told = replace(info_of(manifest), video_rate=25.0 / shape.latents_per_frame)
    with pytest.raises(ModelError, match=r"set model\.latents_per_frame"):
        train_generate(config)
    other = tmp_path / "corpus"
    made = make_latents(other)
    write_info(made, told)
    report = train_generate(replace(config, manifest=made))
    # The first validation is the best; two more without a better one end the run.
    assert (report["step"], report["stopped_by"]) == (3, "patience")
    adapted = load_checkpoint(tmp_path / "run" / "checkpoint")
    for name, value in tiny_denoiser().state_dict().items():
        assert torch.allclose(adapted.module.state_dict()[name], value, atol=2e-3), name
    assert adapted.meta["started_from"] == str(tmp_path / "base")
    write_info(made, replace(told, vae_sha256="another"))
    with pytest.raises(ModelError, match="different weights"):
        train_generate(replace(config, manifest=made, output=tmp_path / "no"))


def test_low_rank_training_changes_only_attention(manifest: Path, tmp_path: Path) -> None:
    config = tiny_config(manifest, tmp_path)
    train_generate(replace(config, adapt=Adapting(rank=2)))
    made = load_checkpoint(tmp_path / "checkpoint").module
    assert isinstance(made, Denoiser)
    assert not made.exit.weight.any(), "frozen where it began"


def test_a_model_is_put_together_and_only_of_what_belongs_together(
    manifest: Path, tmp_path: Path
) -> None:
    parts = {
        "cavp": make_part(tmp_path / "c", "quick_cavp"),
        "vae": make_part(tmp_path / "v", "melvae", latent_scale=0.7),
        "vocoder": make_part(tmp_path / "w", "melwave"),
    }
    named = {name: str(folder) for name, folder in parts.items()}
    with pytest.raises(ModelError, match="is not the cavp"):
        train_generate(replace(tiny_config(manifest, tmp_path / "run"), **named))
    info = info_of(manifest)
    hashes = {f"{name}_sha256": load_checkpoint(parts[name]).sha256 for name in ("cavp", "vae")}
    made = make_latents(tmp_path / "corpus")
    write_info(made, replace(info, **hashes))
    train_generate(replace(tiny_config(made, tmp_path / "good"), cavp=named["cavp"]))
    folder = tmp_path / "good" / "checkpoint"
    assert load_checkpoint(folder).meta["parts"] == {"cavp": "cavp"}
    assemble(folder, {"vae": parts["vae"], "vocoder": parts["vocoder"]}, tmp_path / "whole")
    meta = load_checkpoint(tmp_path / "whole").meta
    assert set(meta["parts"]) == set(meta["parts_sha256"]) == {"cavp", "vae", "vocoder"}
    assert load_checkpoint(tmp_path / "whole" / "vocoder").name == "melwave"
    assert set(registry.verify(str(tmp_path / "whole"))) == {
        "model.safetensors",
        *(f"{name}/model.safetensors" for name in parts),
    }
    with pytest.raises(OutputError, match="holds a model already"):
        assemble(folder, {}, tmp_path / "whole")
    with pytest.raises(ModelError, match="vocoder is one of"):
        assemble(folder, {"vocoder": parts["vae"]}, tmp_path / "wrong")
    with pytest.raises(ModelError, match="beside a denoiser"):
        assemble(parts["vae"], {}, tmp_path / "wrong2")


def test_configurations(manifest: Path) -> None:
    with pytest.raises(ConfigError, match="manifest=FILE"):
        DenoiserTraining(kind="denoiser")
    with pytest.raises(ConfigError, match=r"kind must be one of .*denoiser.*, not 'x'"):
        read_training(OPTIONS, CONFIGS / "denoiser-tiny.toml", ["kind=x"])
    with pytest.raises(ConfigError, match=r"leave out model\."):
        replace(tiny_config(manifest, Path("x")), start="y")
    counts = {"m": 159_966_116, "l": 516_961_684, "xl": 752_377_428}
    for size, count in counts.items():
        path = CONFIGS / f"denoiser-{size}.toml"
        config = load_config(DenoiserTraining, path, [f"manifest={manifest}"])
        with torch.device("meta"):
            model = build_model("denoiser", build_config("denoiser", config.model))
        assert sum(value.numel() for value in model.parameters()) == count
    for path in sorted(CONFIGS.glob("adapt-*.toml")):
        config = load_config(DenoiserTraining, path, [f"manifest={manifest}", "start=base"])
        assert config.adapt.patience and config.optim.learning_rate == pytest.approx(4.8e-6)
        assert (config.showing.splice == 0) == ("landscape" not in path.stem)
    assert manifest.name == INFO
