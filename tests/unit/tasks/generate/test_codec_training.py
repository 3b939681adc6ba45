"""Training autoencoder and vocoder on a made-up corpus: losses, players, resume, what is saved."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from seehear.checkpoint import load_checkpoint
from seehear.dsp.mel import log_mel
from seehear.errors import Cancelled, ConfigError, InputError, ModelError
from seehear.models.visualaudio.bigvgan import tiny_bigvgan, with_weight_norm
from seehear.models.visualaudio.spectral_vocoder import tiny_melwave
from seehear.models.visualaudio.vae import MelVAE, MelVAEConfig, tiny_vae
from seehear.models.visualaudio.wave_critics import WaveCritics
from seehear.tasks.generate.codec import load_codec
from seehear.tasks.generate.codec_options import (
    Crops,
    VAELosses,
    VAETrainConfig,
    VocoderLosses,
    VocoderTrainConfig,
)
from seehear.tasks.generate.sound_crops import SoundBatch, SoundCrops, load_split
from seehear.tasks.generate.train_vae import begin, train_vae
from seehear.tasks.generate.train_vocoder import train_vocoder
from seehear.tasks.generate.vae_objective import VAEObjective, critic_terms, reconstruction
from seehear.tasks.generate.vocoder_objective import VocoderObjective
from seehear.tasks.training_options import read_training
from tests.unit.data.corpus import make_corpus

CONFIGS = Path(__file__).resolve().parents[4] / "configs" / "generate"
OPTIONS = "seehear.tasks.generate.train_options:OPTIONS"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


def tiny(kind: str, corpus: Path, output: Path) -> VAETrainConfig | VocoderTrainConfig:
    config = read_training(OPTIONS, CONFIGS / f"{kind}-tiny.toml", [f"sources={corpus}"])
    assert isinstance(config, VAETrainConfig | VocoderTrainConfig)
    return replace(config, output=output, device="cpu")


def sounds(count: int = 2, samples: int = 15360) -> SoundBatch:
    generator = torch.Generator().manual_seed(3)
    return SoundBatch(0.1 * torch.randn(count, samples, generator=generator))


def reached(module: nn.Module) -> set[bool]:
    """Whether gradients that are not zero have come to the parameters."""
    return {
        p.grad is not None and bool(p.grad.abs().sum() > 0)
        for p in module.parameters()
        if p.ndim > 1
    }


def test_reconstruction_is_the_likelihood_of_a_laplace_distribution() -> None:
    distance = torch.full((2, 3, 5), 0.5)
    assert float(reconstruction(distance, torch.zeros(()))) == pytest.approx(0.5 * 15)
    best = torch.tensor(math.log(0.5))
    assert float(reconstruction(distance, best)) == pytest.approx(15 * (1 + math.log(0.5)))
    assert float(critic_terms(torch.ones(3), torch.zeros(3))) == 0
    assert float(critic_terms(torch.zeros(3), torch.ones(3))) == 1


def test_critic_is_silent_before_its_start_and_both_learn_after() -> None:
    torch.manual_seed(0)
    objective = VAEObjective(tiny_vae(), VAELosses(start=1)).train()
    first = objective(sounds())
    assert set(first) == {"loss", "mel_l1", "divergence"}
    first["loss"].backward()
    assert objective.critic is not None and reached(objective.critic) == {False}
    second = objective(sounds())
    assert float(second["penalty"].detach()) > 0 and float(second["pull"]) > 0
    second["loss"].backward()
    assert reached(objective.critic) == {True} and reached(objective.model) == {True}


def test_no_players_gradient_comes_from_the_others_loss() -> None:
    """Without the critic's own terms, its weights get nothing from the maker's."""
    torch.manual_seed(0)
    weights = VAELosses(start=0, r1=0.0)
    objective = VAEObjective(tiny_vae(), weights).train()
    assert objective.critic is not None
    made, mel = torch.randn(2, 80, 48, requires_grad=True), torch.randn(2, 80, 48)
    made_with = objective.model.decoder.exit(torch.randn(2, 32, 48))
    ours, theirs, _ = objective._against(mel, made_with, (mel - made_with).abs().sum())
    ours.backward(retain_graph=True)
    assert reached(objective.critic) == {False} and made.grad is None
    assert objective.model.decoder.exit.weight.grad is not None
    objective.model.zero_grad()
    theirs.backward()
    assert reached(objective.critic) == {True}
    assert objective.model.decoder.exit.weight.grad is None


def test_factor_multiplies_both_adversarial_terms() -> None:
    mel = torch.randn(2, 80, 48)
    found = []
    for factor in (1.0, 2.0):
        torch.manual_seed(0)
        objective = VAEObjective(tiny_vae(), VAELosses(start=0, r1=0.0, factor=factor)).eval()
        made = objective.model.decoder.exit(torch.ones(2, 32, 48))
        found.append(objective._against(mel, made, (mel - made).abs().sum())[:2])
    for one, two in zip(*found, strict=True):
        assert float(two.detach()) == pytest.approx(2 * float(one.detach()), rel=1e-4)


def test_autoencoder_begins_with_principal_components() -> None:
    config = MelVAEConfig(width=32, multipliers=(1, 1), blocks=1, shortcut=True, latent=20)
    model = MelVAE(config).eval()
    generator = torch.Generator().manual_seed(0)
    sound = 0.1 * torch.randn(4, 16000, generator=generator)
    begin(model, sound)
    mel = log_mel(sound, config.mel)
    with torch.no_grad():
        made, posterior = model(mel)
    # The best linear map onto as many numbers, by singular values of pairs of columns.
    pairs = mel.unfold(2, 2, 2).transpose(1, 2).reshape(-1, 160)
    middle = mel.mean((0, 2)).repeat_interleave(2)
    kept = torch.linalg.svd(pairs - middle, full_matrices=False)
    best = (kept.U[:, :20] * kept.S[:20]) @ kept.Vh[:20]
    wanted = (best - (pairs - middle)).square().mean()
    assert float((made - mel).square().mean()) == pytest.approx(float(wanted), rel=1e-3)
    assert float(posterior.mean.square().mean()) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("kind", ["melwave", "bigvgan"])
def test_vocoder_and_critics_learn_at_once(kind: str) -> None:
    torch.manual_seed(0)
    model = tiny_melwave() if kind == "melwave" else with_weight_norm(tiny_bigvgan())
    weights = VocoderLosses(start=1, spectra=1.0, periods=False, width=2, seconds=0.2)
    objective = VocoderObjective(model, weights).train()
    before = objective(sounds(1, 6500))
    assert "fooling" not in before
    told = objective(sounds(1, 6500))
    told["loss"].backward()
    assert objective.critic is not None
    assert reached(objective.critic) == {True} and True in reached(objective.model)
    assert all(float(told[name].detach()) > 0 for name in ("fooling", "matching", "critic"))


def test_share_of_the_batch_comes_through_the_autoencoder() -> None:
    objective = VocoderObjective(
        tiny_melwave(), VocoderLosses(adversary=0.0), vae=tiny_vae(), share=0.5
    )
    mel = torch.randn(4, 80, 20)
    given = objective.through_vae(mel)
    assert torch.equal(given[2:], mel[2:]) and not torch.allclose(given[:2], mel[:2])
    assert not any(name.startswith("_vae") for name in objective.state_dict())


def test_critics_without_periods_are_narrow() -> None:
    critics = WaveCritics(periods=False, width=8)
    assert len(critics.periods) == 0 and len(critics(torch.zeros(1, 1, 4000)).scores) == 3


@pytest.mark.parametrize("kind", ["vae", "vocoder"])
def test_training_resumes_to_the_same_bits(corpus: Path, tmp_path: Path, kind: str) -> None:
    """A run stopped after the critic began goes on as if nothing had happened."""
    train = train_vae if kind == "vae" else train_vocoder
    whole = tiny(kind, corpus, tmp_path / "whole")
    whole = replace(whole, optim=replace(whole.optim, schedule="constant"))
    cut = replace(whole, output=tmp_path / "cut")

    def stop(done: int, total: int, note: str) -> None:
        if done == 5:
            raise Cancelled("stopped")

    report = train(whole)  # type: ignore[arg-type]
    with pytest.raises(Cancelled):
        train(cut, stop)  # type: ignore[arg-type]
    assert train(cut)["sha256"] == report["sha256"]  # type: ignore[arg-type]
    described = json.loads((tmp_path / "cut" / "checkpoint" / "config.json").read_text())
    assert described["meta"]["task"] == "generate"
    assert described["meta"]["classes"] == ["dog", "piano", "rain", "speech", "theme"]
    assert (
        "| made here | CC0-1.0 | 10 |"
        in (tmp_path / "cut" / "checkpoint" / "README.md").read_text()
    )


def test_parts_trained_apart_make_a_codec(corpus: Path, tmp_path: Path) -> None:
    vae = tiny("vae", corpus, tmp_path / "vae")
    short = replace(vae.loop, steps=1)
    assert isinstance(vae, VAETrainConfig)
    train_vae(replace(vae, loop=short))
    vocoder = tiny("vocoder", corpus, tmp_path / "vocoder")
    assert isinstance(vocoder, VocoderTrainConfig)
    train_vocoder(replace(vocoder, vae=tmp_path / "vae" / "checkpoint", loop=short))
    codec = load_codec(tmp_path / "vae" / "checkpoint", tmp_path / "vocoder" / "checkpoint")
    assert codec.scale == load_checkpoint(tmp_path / "vae" / "checkpoint").meta["latent_scale"]
    latents = codec.encode(SoundCrops(load_split(vae, "train"), vae.crops, 4, 0)(0).waveform)
    assert 0.2 < float(latents.std()) < 5
    wrong = replace(vocoder, vae=tmp_path / "vocoder" / "checkpoint", output=tmp_path / "wrong")
    with pytest.raises(ModelError, match="takes a melvae"):
        train_vocoder(wrong)


def test_crops_are_pure_levelled_and_limited(corpus: Path) -> None:
    config = VAETrainConfig(sources=corpus)
    library = load_split(config, "train")
    rule = Crops(seconds=4.0, low_pass=1.0, low_pass_hz=(5000.0, 5000.0), gain_db=(-20.0, -10.0))
    crops = SoundCrops(library, rule, 3, seed=1)
    batch = crops(7).waveform
    assert torch.equal(batch, crops(7).waveform) and not torch.equal(batch, crops(8).waveform)
    assert batch.shape == (3, 64000), "short sounds are repeated"
    peaks = 20 * batch.abs().amax(1).log10()
    assert bool(((peaks > -20.1) & (peaks < -9.9)).all())
    power = torch.fft.rfft(batch).abs().square()
    high = power[:, 6000 * 4 :].sum() / power.sum()
    assert float(high) < 1e-4
    with pytest.raises(InputError, match="no sounds"):
        SoundCrops({}, rule, 1, 0)


def test_any_folder_of_sounds_will_do(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("bell/a.wav", "bell/b.flac", "val/bell/c.wav", "test/bell/d.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.1 * rng.standard_normal((22050, 2)), 22050)
    config = VAETrainConfig(sounds=tmp_path)
    held = load_split(config, "val")
    assert len(held["bell"]) >= 1
    assert len(load_split(config, "train")["bell"]) + len(held["bell"]) == 3
    assert abs(len(held["bell"][0]) - 16000) < 1600
    with pytest.raises(InputError, match="no folder"):
        load_split(VAETrainConfig(sounds=tmp_path / "none"), "train")


def test_material_is_one_of_two() -> None:
    with pytest.raises(ConfigError, match="either sources"):
        VAETrainConfig()
    with pytest.raises(ConfigError, match="either sources"):
        VAETrainConfig(sources=Path("a.csv"), sounds=Path("b"))
