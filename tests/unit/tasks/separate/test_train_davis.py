"""Training DAVIS on a made-up corpus: batches, loss, checkpoints, resuming."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seehear.checkpoint import load_checkpoint
from seehear.config import load_config
from seehear.data.thing_clips import clips_of_split, open_clips
from seehear.errors import ConfigError, InputError, ModelError
from seehear.features.concepts import load_grid_words
from seehear.models import build_config, build_model
from seehear.models.davis import Davis, tiny
from seehear.models.davis.frontend import spectrum_of
from seehear.tasks.separate.davis_data import PairBatch, PairBatches, PairSettings, cut_window
from seehear.tasks.separate.davis_objective import DavisObjective
from seehear.tasks.separate.looks import Looks
from seehear.tasks.separate.train import train_separate
from seehear.tasks.separate.train_options import Pairing, TrainConfig
from seehear.train.best import BestWeights
from tests.unit.tasks.separate.clips import make_videos, prepare

CONFIGS = Path(__file__).resolve().parents[4] / "configs" / "separate"
L = tiny().num_samples


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("videos")
    prepare(make_videos(root / "in"), root / "out", shards=8, frame_size=32, frame_rate=4.0)
    return root / "out"


def batches(corpus: Path, looks: Path, **told: Any) -> PairBatches:
    source = open_clips(corpus / "manifest.jsonl")
    seen = Looks(source, load_grid_words(), looks, rate_hz=2.0)
    settings = replace(PairSettings(batch=3, frames=3), **told)
    return PairBatches(source, clips_of_split(source, "train"), seen, tiny(), settings)


def tiny_config(corpus: Path, output: Path, **loop: Any) -> TrainConfig:
    config = load_config(
        TrainConfig, CONFIGS / "davis-tiny.toml", [f"manifest={corpus / 'manifest.jsonl'}"]
    )
    features = str(output.parent / "features")
    return replace(config, output=output, features=features, loop=replace(config.loop, **loop))


def test_batches_repeat_and_mix_different_classes(corpus: Path, tmp_path: Path) -> None:
    make = batches(corpus, tmp_path)
    for number in range(4):
        first, again = make(number), make(number)
        assert torch.equal(first.stems, again.stems) and torch.equal(first.frames, again.frames)
        assert first.stems.shape == (3, 2, L) and first.frames.shape == (3, 2, 3, 32)
        assert float(first.stems.abs().max()) <= 1.0
        # One colour per class: features of partners differ.
        assert bool((first.frames[:, 0] - first.frames[:, 1]).abs().amax((1, 2)).gt(0.1).all())
    first_ids = [make._mixed(n, np.random.default_rng(0))[0].id for n in range(len(make.clips))]
    assert sorted(first_ids) == sorted(clip.id for clip in make.clips), "each once in a pass"
    assert len({clip.label for clip in make._mixed(0, np.random.default_rng(0))}) == 2
    three = batches(corpus, tmp_path, sounds=3)
    assert len({clip.label for clip in three._mixed(0, np.random.default_rng(0))}) == 3


def test_windows_are_cut_as_published(corpus: Path) -> None:
    source = open_clips(corpus / "manifest.jsonl")
    clip = next(c for c in source.clips if c.label == "dog")
    odd = replace(tiny(), num_samples=L - 1)
    wave = cut_window(source, clip, 0.75, odd)
    assert len(wave) == L - 1 and wave[-1] == 0 and np.abs(wave[:-1]).max() > 0.2
    # A clip that is too short is repeated.
    long = cut_window(source, clip, 0.75, replace(tiny(), num_samples=40000))
    length = source.sound(clip, 0.0, None).num_samples
    assert np.array_equal(long[length : 2 * length], long[:length])


def test_sources_are_twice_as_loud_as_in_the_mixture(corpus: Path, tmp_path: Path) -> None:
    stems = batches(corpus, tmp_path)(0).stems
    stems[:, 1] = 0
    objective = DavisObjective(Davis(replace(tiny(), sigma=1e-4)))
    heard, targets = objective.pictures(stems)
    assert heard.shape == targets.shape == (6, 1, 32, 32)
    # With so small a sigma the logarithm is all that bends.
    loud = targets[::2].div(1e-4).expm1()
    quiet = heard[::2].div(1e-4).expm1()
    assert torch.allclose(loud, 2 * quiet, rtol=1e-3, atol=1e-3)
    assert spectrum_of(stems[0], tiny()).shape[-1] == tiny().window_columns


@pytest.mark.parametrize("process", ["diffusion", "flow"])
def test_loss_of_a_network_that_says_nothing(
    corpus: Path, tmp_path: Path, process: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Diffusion: 1000 * 2 * mean |normal| = 1595.8. Flow: |target - noise| twice, so larger."""
    batch = batches(corpus, tmp_path, batch=16)(0)
    objective = DavisObjective(Davis(build_config("davis", {**_plain(), "process": process})))
    monkeypatch.setattr(Davis, "forward", lambda self, state, *rest: torch.zeros_like(state))
    torch.manual_seed(0)
    loss = float(objective(batch)["loss"].detach())
    expected = 2000 * math.sqrt(2 / math.pi)
    if process == "diffusion":
        assert loss == pytest.approx(expected, rel=0.02)
    else:
        assert 2 * expected * 0.98 < loss < 2.5 * expected
    squared = DavisObjective(objective.model, "l2")
    torch.manual_seed(0)
    assert float(squared(batch)["distance"].detach()) > loss / 2000


def _plain() -> dict[str, Any]:
    from seehear.config import to_dict

    return to_dict(tiny())


def test_training_lowers_the_loss_and_reaches_every_weight(corpus: Path, tmp_path: Path) -> None:
    make = batches(corpus, tmp_path, batch=6)
    torch.manual_seed(0)
    objective = DavisObjective(build_model("davis", tiny()))  # type: ignore[arg-type]
    optimiser = torch.optim.Adam(objective.parameters(), lr=3e-3)
    losses = []
    for number in range(40):
        loss = objective(make(number % 8))["distance"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-8:]) < 0.75 * sum(losses[:8])
    dead = [n for n, p in objective.named_parameters() if p.grad is None]
    assert not dead


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "whole"
    report = train_separate(tiny_config(corpus, folder, validate_every=2))
    assert report["step"] == 4 and math.isfinite(report["validation"]["sdr"])
    return folder


def test_the_checkpoint_is_the_best_on_validation(trained: Path) -> None:
    loaded = load_checkpoint(trained / "checkpoint")
    assert isinstance(loaded.module, Davis)
    best = BestWeights(trained, "sdr")
    assert loaded.meta["validation"] == best.numbers
    log = (trained / "log.jsonl").read_text()
    assert log.count('"val"') >= 2
    fresh = Davis(loaded.module.config)
    best.restore(fresh)
    name, weight = next(iter(fresh.state_dict().items()))
    assert torch.equal(loaded.module.state_dict()[name], weight.half().float())
    assert loaded.meta["classes"] == ["dog", "flute", "rain"] and loaded.meta["distance"] == "l1"
    card = (trained / "checkpoint" / "README.md").read_text()
    assert "classes | dog, flute, rain" in card and "terms of the corpus" in card


def test_a_stopped_run_ends_with_the_same_bits(corpus: Path, trained: Path, tmp_path: Path) -> None:
    config = tiny_config(corpus, tmp_path / "parts", validate_every=2)
    whole = tiny_config(corpus, tmp_path / "whole", validate_every=2)
    constant = replace(config.optim, schedule="constant")
    for run, steps in ((config, 2), (config, 4), (whole, 4)):
        train_separate(replace(run, optim=constant, loop=replace(run.loop, steps=steps)))
    first, second = (
        load_checkpoint(tmp_path / name / "checkpoint").sha256 for name in ("parts", "whole")
    )
    assert first == second


def test_shards_and_files_teach_the_same(corpus: Path, tmp_path: Path) -> None:
    files = open_clips(corpus / "manifest.jsonl")
    shards = open_clips(corpus)
    assert sorted(c.id for c in shards.clips) == sorted(c.id for c in files.clips)
    by_id = {clip.id: clip for clip in shards.clips}
    for clip in clips_of_split(files, "train")[:4]:
        other = by_id[clip.id]
        assert shards.duration_s(other) == pytest.approx(files.duration_s(clip), abs=0.11)
        one, two = (cut_window(s, c, 0.7, tiny()) for s, c in ((files, clip), (shards, other)))
        assert np.abs(one - two).max() < 1e-4
        looks = [s.frames(c, 2.0, 32).frames.float() for s, c in ((files, clip), (shards, other))]
        assert looks[0].shape == looks[1].shape and (looks[0] - looks[1]).abs().max() < 8
    config = tiny_config(corpus, tmp_path / "run", steps=1)
    report = train_separate(replace(config, manifest=corpus / "shards"))
    assert report["step"] == 1


def test_crops_differ_and_are_kept_on_disk(corpus: Path, tmp_path: Path) -> None:
    source = open_clips(corpus / "manifest.jsonl")
    clip = source.clips[0]
    looks = Looks(source, load_grid_words(), tmp_path, rate_hz=2.0, crops=2, seed=3)
    looks.prepare([clip])
    (path,) = tmp_path.rglob("*.npy")
    stored = np.load(path)
    assert stored.dtype == np.float16 and stored.shape[0] == 3 and stored.shape[2] == 32
    plain = looks.pick(clip, 0.7, 2, 0.5)
    assert np.array_equal(plain, stored[0, 1:3].astype(np.float32)) or plain.shape == (2, 32)
    drawn = {looks.pick(clip, 0.7, 1, 0.5, np.random.default_rng(n)).tobytes() for n in range(8)}
    assert drawn <= {stored[v, 1:2].astype(np.float32).tobytes() for v in (1, 2)}
    again = Looks(source, load_grid_words(), tmp_path, rate_hz=2.0, crops=2, seed=3)
    path.chmod(0o444)
    again.prepare([clip])
    assert np.array_equal(again.pick(clip, 0.7, 2, 0.5), plain)


def test_wrong_corpora_and_settings_are_refused(corpus: Path, tmp_path: Path) -> None:
    config = tiny_config(corpus, tmp_path)
    with pytest.raises(ConfigError, match="manifest=FILE"):
        TrainConfig(kind="davis")
    with pytest.raises(ConfigError, match="pairing takes"):
        replace(config, pairing=Pairing(sounds=1))
    with pytest.raises(ModelError, match=r"set model\.frame_dim"):
        train_separate(replace(config, model={**config.model, "frame_dim": 16}))
    lines = (corpus / "manifest.jsonl").read_text().splitlines()
    own = tmp_path / "own.jsonl"
    own.write_text("\n".join(line for line in lines if '"val"' not in line) + "\n")
    with pytest.raises(InputError, match="split 'val' needs clips of two classes"):
        train_separate(replace(config, manifest=own))
    twice = next(line for line in lines if '"train"' in line).replace('"train"', '"test"')
    own.write_text("\n".join([*lines, twice]) + "\n")
    with pytest.raises(InputError, match="--drop-leaks"):
        train_separate(replace(config, manifest=own))


def test_batches_move_to_a_device() -> None:
    batch = PairBatch(torch.zeros(1, 2, 4), torch.zeros(1, 2, 3, 5)).to(torch.device("cpu"))
    assert batch.stems.shape == (1, 2, 4)
