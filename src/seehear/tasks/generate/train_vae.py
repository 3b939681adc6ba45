"""Training of the autoencoder: sounds in, a checkpoint that knows the scale of its latents out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seehear.data.sources import SAMPLE_RATE
from seehear.dsp.mel import log_mel
from seehear.errors import ConfigError
from seehear.models import build_config, build_model
from seehear.models.visualaudio.vae import MelVAE
from seehear.tasks.cards import model_card
from seehear.tasks.generate.codec_card import VAE_ABOUT, VAE_LIMITS
from seehear.tasks.generate.codec_options import VAETrainConfig
from seehear.tasks.generate.sound_crops import (
    SoundBatch,
    SoundCrops,
    codec_rows,
    load_split,
    sound_facts,
)
from seehear.tasks.generate.vae_objective import VAEObjective
from seehear.tasks.training import Training, run_training
from seehear.train.loop import Progress

SCALE_BATCHES = 32
"""Batches over which the deviation of latents is measured."""


BEGIN_BATCHES = 16
"""Batches over which mean and principal components are measured."""
FIRST_LOGVAR = -5.0


def train_vae(config: VAETrainConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Train the autoencoder, or go on with a run that was stopped.

    Args:
        config: what to train; saved as `train.json` in the run folder.
        progress: called with (steps done, steps planned, note); may raise `Cancelled`.

    Returns:
        Folder of the checkpoint, its sha256, steps, minutes, why it stopped, validation numbers.

    Raises:
        InputError: the sources or a file they name are wrong.
        ModelError: the state in the run folder belongs to another model.
        ConfigError: a front end at another rate than the sounds'.
    """

    def card(facts: Mapping[str, Any]) -> str:
        rows = codec_rows(config.sources, "train") if config.sources else []
        return model_card(config.output.name, VAE_ABOUT, VAE_LIMITS, facts, rows)

    return run_training("generate", config, lambda: _prepare(config), card, progress)


def _prepare(config: VAETrainConfig) -> Training:
    model = build_model(config.kind, build_config(config.kind, config.model))
    assert isinstance(model, MelVAE), "the table of models says so"
    if model.config.mel.sample_rate != SAMPLE_RATE:
        raise ConfigError(
            f"this recipe trains at {SAMPLE_RATE} Hz, not {model.config.mel.sample_rate}"
        )
    sounds = load_split(config, "train")
    batches = SoundCrops(sounds, config.crops, config.batch, config.seed)
    begin(model, torch.cat([batches(n).waveform for n in range(BEGIN_BATCHES)]))
    kept = fixed_batches(config)
    facts = sound_facts(sounds)

    def validate(objective: nn.Module) -> dict[str, float]:
        assert isinstance(objective, VAEObjective)
        told = [objective(batch.to(objective.seen.device)) for batch in kept]
        return {
            name: sum(float(x[name]) for x in told) / len(told) for name in ("mel_l1", "divergence")
        }

    def finish(trained: nn.Module) -> None:
        assert isinstance(trained, MelVAE)
        trained.eval()
        facts["latent_scale"] = latent_scale(trained, batches)

    objective = VAEObjective(model, config.losses, config.loop.accumulate)
    return Training(objective, batches, validate, facts, finish=finish)


def fixed_batches(config: VAETrainConfig) -> list[SoundBatch]:
    """Crops of unseen sounds, always the same."""
    crops = SoundCrops(load_split(config, "val"), config.crops, config.batch, config.seed + 1)
    return [crops(number) for number in range(-(-config.crops.validation // config.batch))]


@torch.no_grad()
def begin(model: MelVAE, waveform: Tensor) -> None:
    """Let the untrained decoder say the mean spectrum, which it would have to learn first.

    With a shortcut: let that be the principal components of pairs of columns (as latents of deviation 1,
    hardly any noise), and the convolutions add nothing yet.
    """
    mel = log_mel(waveform, model.config.mel)
    mean = mel.mean(dim=(0, 2))
    if model.shortcut is None:
        _put(model.decoder.exit, model.decoder.exit.weight, mean)
        return
    step, latent = model.config.compression, model.config.latent
    pairs = mel[..., : mel.shape[-1] // step * step].unfold(2, step, step)  # [B, mels, N, 2]
    flat = pairs.transpose(1, 2).reshape(-1, len(mean) * step) - mean.repeat_interleave(step)
    # A covariance of 160 numbers: exact and the same on every machine, unlike a randomised method.
    strength, axes = torch.linalg.eigh((flat.T @ flat / len(flat)).double())
    deviation = strength[-latent:].clamp_min(1e-8).sqrt()[:, None]
    down = (axes[:, -latent:].T / deviation).float()  # [latent, mels * 2]
    up = (axes[:, -latent:].T * deviation).float()
    shape = (latent, len(mean), step)
    _put(model.shortcut.shrink, down.reshape(shape), -(down @ mean.repeat_interleave(step)))
    _put(model.shortcut.grow, up.reshape(shape), mean)
    nothing = torch.zeros(())
    for last in (model.encoder.exit, model.decoder.exit):
        _put(last, nothing, nothing)
    noise = torch.cat([torch.zeros(latent), torch.full((latent,), FIRST_LOGVAR)])
    _put(model.to_moments, model.to_moments.weight, noise)


@torch.no_grad()
def _put(layer: nn.Conv1d | nn.ConvTranspose1d, weight: Tensor, bias: Tensor) -> None:
    assert layer.bias is not None, "every layer of the autoencoder has a bias"
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)


@torch.no_grad()
def latent_scale(model: MelVAE, batches: SoundCrops, count: int = SCALE_BATCHES) -> float:
    """1 / the deviation of latent means over many training batches."""
    means = [
        model.encode(log_mel(batches(number).waveform, model.config.mel)).mean
        for number in range(count)
    ]
    return float(1.0 / torch.cat(means).std())
