"""Training of Mono2Binaural and APNet: losses, data, and whether a network learns to look."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seehear.checkpoint import load_checkpoint
from seehear.config import load_config
from seehear.data.binaural_clips import BinauralClips, read_clips
from seehear.data.pseudo_pairs import PairRule
from seehear.data.sounds import rows_of_split
from seehear.data.sources import read_sources
from seehear.dsp.binaural import ild_db
from seehear.dsp.hrir import spherical_head
from seehear.errors import ConfigError, InputError, ModelError
from seehear.metrics.spatial import published_distances
from seehear.models.pseudobinaural import APNet, tiny, tiny_apnet, tiny_mono2binaural
from seehear.models.pseudobinaural.spectra import apply_mask, to_spectrum
from seehear.models.pseudobinaural.trunk import Trunk
from seehear.models.pseudobinaural.windows import differences, levels_of, to_pair
from seehear.tasks.spatialize.data_paper import PaperBatch, PaperBatches
from seehear.tasks.spatialize.library import load_pair_library
from seehear.tasks.spatialize.objective_paper import (
    PaperObjective,
    separation_distance,
    sides_distance,
    spectral_distance,
)
from seehear.tasks.spatialize.paper_options import PaperTraining
from seehear.tasks.spatialize.train import train_spatialize
from seehear.tasks.spatialize.train_options import TrainConfig
from seehear.tasks.spatialize.train_paper import measure
from seehear.tasks.spatialize.trunk_weights import start_trunk, translate
from tests.media_kit import write_clip
from tests.unit.data.corpus import make_corpus

CONFIGS = Path(__file__).resolve().parents[4] / "configs" / "spatialize"
COLOURS = ((255, 40, 40), (40, 90, 255))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"), splits=("train", "val"), copies=4)


@pytest.fixture(scope="module")
def batches(corpus: Path) -> PaperBatches:
    library = load_pair_library(rows_of_split(read_sources(corpus), "train", any_use_only=True))
    heads = [spherical_head(16000)]
    settings = PaperTraining(mirrored=0.0)
    return PaperBatches(library, heads, None, tiny(), settings, PairRule(), 3, 0, True)


def test_distances() -> None:
    g = torch.Generator().manual_seed(0)
    mixture, difference = (torch.randn(2, 2, 257, 8, generator=g) for _ in range(2))
    for kind, power in (("l1", 1), ("l2", 2)):
        apart = (mixture - difference)[:, :, :256].abs().pow(power).mean()
        assert torch.allclose(spectral_distance(mixture, difference, kind), apart)  # type: ignore[arg-type]
    left, right = (mixture + difference) / 2, (mixture - difference) / 2
    assert sides_distance(left, right, mixture, difference) < 1e-6
    assert sides_distance(right, left, mixture, difference) > 0.5
    assert separation_distance(left, right, left, right) == 0
    assert separation_distance(right, left, left, right) > 0.5
    # What no mask reaches costs nothing.
    other = mixture.clone()
    other[:, :, 256] = 9.0
    assert spectral_distance(mixture, other) == 0


def icons(count: int, seed: int) -> tuple[PaperBatch, Tensor]:
    """Windows with one coloured thing at the left or at the right; +1 = left."""
    rng = np.random.default_rng(seed)
    pictures = torch.zeros(count, 3, 64, 128, dtype=torch.uint8)
    ears = torch.zeros(count, 2, tiny().num_samples)
    sides = torch.from_numpy(rng.choice((-1.0, 1.0), count)).float()
    for row, side in enumerate(sides):
        at = int(rng.integers(2, 22)) + (0 if side > 0 else 70)
        colour = torch.tensor(COLOURS[int(rng.integers(2))], dtype=torch.uint8)
        pictures[row, :, 12:52, at : at + 32] = colour[:, None, None]
        sound = torch.from_numpy(rng.standard_normal(tiny().num_samples)).float()
        near, far = (0, 1) if side > 0 else (1, 0)
        ears[row, near], ears[row, far] = sound, 0.3 * sound
    ears = ears / levels_of(ears.sum(1), tiny())[:, None, None]
    nothing = torch.zeros(0, 3, 64, 128), torch.zeros(0, 2, tiny().num_samples)
    return PaperBatch(pictures, ears, *nothing), sides


def test_a_network_learns_to_look() -> None:
    torch.manual_seed(0)
    model = tiny_mono2binaural()
    objective = PaperObjective(model).train()
    optimiser = torch.optim.Adam(objective.parameters(), lr=4e-3)
    for step in range(120):
        optimiser.zero_grad()
        objective(icons(12, step)[0])["loss"].backward()
        optimiser.step()
    model.eval()
    batch, sides = icons(24, 10_000)
    mixture = batch.ears.sum(dim=1)
    with torch.inference_mode():
        pairs = [
            to_pair(mixture, differences(model, model.config, mixture, model.look(seen)))
            for seen in (batch.pictures, batch.pictures.flip(-1))
        ]
    # Louder where the thing is; mirrored pictures turn it round.
    assert (ild_db(*pairs[0]).sign() == sides).float().mean() > 0.9
    assert (ild_db(*pairs[1]).sign() == -sides).float().mean() > 0.9
    made = pairs[0].movedim(0, 1)
    mono = (mixture / 2)[:, None].expand(-1, 2, -1)
    ours, flat = published_distances(made, batch.ears), published_distances(mono, batch.ears)
    assert ours["stft"].mean() < flat["stft"].mean() and ours["d_phase"].mean() < 1.57
    told = measure(model, [batch])
    assert told["difference"] < 1 and told["side"] > 0.9


def test_pyramid_is_trained_on_all_terms(batches: PaperBatches) -> None:
    model = tiny_apnet()
    objective = PaperObjective(model, PaperTraining(separation=0.5)).train()
    made = objective(batches(0))
    assert set(made) == {"loss", "stereo", "sides", "separation"}
    total = made["stereo"] + made["sides"] + 0.5 * made["separation"]
    assert torch.allclose(made["loss"], total)
    made["loss"].backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_oracle_sides_cost_nothing() -> None:
    # A mask of one for the left and of zero for the right is what a sound at the left alone asks for.
    mixture = to_spectrum(torch.randn(1, 10080), tiny())
    ones = torch.zeros(1, 2, 256, 64)
    ones[:, 0] = 1.0
    left, right = apply_mask(ones, mixture), apply_mask(0 * ones, mixture)
    assert sides_distance(left, right, mixture, mixture) < 1e-6


def test_windows_and_their_levels(batches: PaperBatches) -> None:
    batch = batches(1)
    assert batch.pictures.shape == (3, 3, 64, 128) and batch.pictures.dtype == torch.uint8
    assert batch.ears.shape == batch.parts.shape == (3, 2, 10080)
    assert torch.allclose(levels_of(batch.ears.sum(1), tiny()), torch.ones(3), atol=1e-4)
    assert torch.allclose(levels_of(batch.parts, tiny()), torch.ones(3, 2), atol=1e-4)
    # The same number is the same batch, another number is another one.
    again, other = batches(1), batches(2)
    assert torch.equal(batch.ears, again.ears) and torch.equal(batch.edges, again.edges)
    assert not torch.equal(batch.ears, other.ears)
    # One thing at each edge of the picture, nothing between them.
    shown = batch.edges.float().mean(dim=(0, 1, 2))
    assert shown[:8].mean() > 5 and shown[-8:].mean() > 5 and shown[56:72].min() < 1


def test_mirrored_items(batches: PaperBatches) -> None:
    plain, mirrored = (
        PaperBatches(
            batches.library,
            batches.heads,
            None,
            tiny(),
            PaperTraining(mirrored=share, jitter=0.0),
            replace(PairRule(), counts=(1.0, 0.0, 0.0), moving=0, silent=0, hidden=0, foreign=0),
            2,
        )(3)
        for share in (0.0, 1.0)
    )
    assert torch.equal(plain.ears[0].flip(0), mirrored.ears[0])
    assert not torch.equal(plain.pictures[0], mirrored.pictures[0])


def test_training_writes_a_checkpoint(corpus: Path, tmp_path: Path) -> None:
    config = load_config(TrainConfig, CONFIGS / "tiny-paper.toml", [f"sources={corpus}"])
    report = train_spatialize(replace(config, output=tmp_path))
    assert report["step"] == 3 and np.isfinite(report["validation"]["difference"])
    loaded = load_checkpoint(tmp_path / "checkpoint")
    assert isinstance(loaded.module, APNet) and loaded.meta["share_of_recordings"] == 0
    assert loaded.meta["heads"] == ["sphere of 87.5 mm"]
    assert "simulated" in (tmp_path / "checkpoint" / "README.md").read_text()


def recording(path: Path, channels: int = 2) -> Path:
    t = np.arange(2 * 32000) / 32000
    sound = np.stack([0.5 * np.sin(880 * t), 0.1 * np.sin(880 * t)][:channels])
    layout = "mono" if channels == 1 else "stereo"
    return write_clip(path, sound.astype(np.float32), 32000, layout, seconds=2.0)


def clip_list(folder: Path, **rows: str) -> Path:
    lines = [json.dumps({"id": n, "split": s, "path": f"{n}.mkv"}) for n, s in rows.items()]
    (folder / "clips.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "clips.jsonl"


def test_recordings(tmp_path: Path) -> None:
    for name in ("a", "b"):
        recording(tmp_path / f"{name}.mkv")
    manifest = clip_list(tmp_path, a="train", b="val")
    clips = read_clips(manifest)
    assert [(c.id, c.split) for c in clips] == [("a", "train"), ("b", "val")]
    window = BinauralClips(tmp_path, clips[:1], 16000).window
    ears, picture = window(np.random.default_rng(0), 10080, (137, 69))
    assert ears.shape == (2, 10080) and picture.shape == (3, 69, 137)
    level = ears.square().mean(1).sqrt()
    assert float(level[0] / level[1]) == pytest.approx(5, rel=0.05)
    config = TrainConfig(
        kind="mono2binaural",
        output=tmp_path / "run",
        batch=2,
        model={k: v for k, v in vars(tiny()).items() if k.startswith(("fr", "tr", "w", "look"))},
        paper=PaperTraining(recordings=manifest, recorded=1.0),
    )
    config = replace(
        config,
        loop=replace(config.loop, steps=1),
        pairing=replace(config.pairing, validation=2),
    )
    assert train_spatialize(config)["step"] == 1
    with pytest.raises(ConfigError, match=r"paper\.recordings=FILE"):
        train_spatialize(replace(config, paper=PaperTraining(recorded=1.0)))
    with pytest.raises(ConfigError, match="0 to 1"):
        PaperTraining(recorded=1.5)


def test_recordings_that_are_wrong(tmp_path: Path) -> None:
    mono = recording(tmp_path / "a.mkv", channels=1)
    clips = BinauralClips(mono.parent, read_clips(clip_list(tmp_path, a="train")), 16000)
    with pytest.raises(InputError, match="two"):
        clips.window(np.random.default_rng(0), 10080, (16, 16))
    row = '{"id": "a", "split": "train", "path": "a.mkv"}'
    other = '{"id": "b", "split": "test", "path": "a.mkv"}'
    for text, message in (
        ("", "no videos"),
        (f"{row}\n{row}", "twice"),
        (f"{row}\n{other}", "one split"),
        (row.replace("a.mkv", "c.mkv"), "no file"),
        (row.replace("split", "part"), "line 1"),
        ("{", "line 1"),
    ):
        (tmp_path / "clips.jsonl").write_text(text)
        with pytest.raises(InputError, match=message):
            read_clips(tmp_path / "clips.jsonl")
    with pytest.raises(InputError, match="cannot read"):
        read_clips(tmp_path / "none.jsonl")


def test_trunk_is_the_network_that_others_call_so(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 8, 16, 16],
        depths=[1, 2, 1, 1],
        layer_type="basic",
    )
    theirs = transformers.ResNetModel(config).eval()
    for part in theirs.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.get_buffer("running_mean"), -0.1, 0.1)
            torch.nn.init.uniform_(part.get_buffer("running_var"), 0.8, 1.2)
    theirs.save_pretrained(tmp_path)
    trunk = Trunk((1, 2, 1, 1), (8, 8, 16, 16)).eval()
    start_trunk(trunk, str(tmp_path))
    pictures = torch.randn(2, 3, 64, 128)
    with torch.inference_mode():
        expected = theirs(pixel_values=pictures).last_hidden_state
        assert torch.allclose(trunk(pictures), expected, atol=1e-5)
    with pytest.raises(ModelError, match="not on this machine"):
        start_trunk(trunk, str(tmp_path / "none"))
    with pytest.raises(ModelError, match="basic blocks"):
        translate({"encoder.stages.0.layers.0.layer.2.convolution.weight": pictures}, "x")
