"""Training of a vocoder: sounds in, a checkpoint out; BigVGAN and MelWave by one recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from seehear.checkpoint import load_checkpoint
from seehear.data.sources import SAMPLE_RATE
from seehear.dsp.mel import MelConfig
from seehear.errors import ConfigError, ModelError
from seehear.models import build_config, build_model
from seehear.models.visualaudio.bigvgan import BigVGAN, with_weight_norm, without_weight_norm
from seehear.models.visualaudio.vae import MelVAE
from seehear.tasks.cards import model_card
from seehear.tasks.generate.codec_card import VOCODER_ABOUT, VOCODER_LIMITS
from seehear.tasks.generate.codec_options import VocoderTrainConfig
from seehear.tasks.generate.sound_crops import SoundCrops, codec_rows, load_split, sound_facts
from seehear.tasks.generate.vocoder_objective import VocoderObjective
from seehear.tasks.training import Training, run_training
from seehear.train.loop import Progress


def train_vocoder(config: VocoderTrainConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Train a vocoder, or go on with a run that was stopped.

    Args:
        config: what to train; saved as `train.json` in the run folder.
        progress: called with (steps done, steps planned, note); may raise `Cancelled`.

    Returns:
        Folder of the checkpoint, its sha256, steps, minutes, why it stopped, validation numbers.

    Raises:
        InputError: the sources or a file they name are wrong.
        ModelError: the state in the run folder belongs to another model; `vae` is no autoencoder.
        ConfigError: a front end at another rate than the sounds'.
    """

    def card(facts: Mapping[str, Any]) -> str:
        rows = codec_rows(config.sources, "train") if config.sources else []
        return model_card(config.output.name, VOCODER_ABOUT, VOCODER_LIMITS, facts, rows)

    return run_training("generate", config, lambda: _prepare(config), card, progress)


def _prepare(config: VocoderTrainConfig) -> Training:
    model = build_model(config.kind, build_config(config.kind, config.model))
    settings: Any = model.config
    front: MelConfig = settings.mel
    if front.sample_rate != SAMPLE_RATE:
        raise ConfigError(f"this recipe trains at {SAMPLE_RATE} Hz, not {front.sample_rate}")
    if isinstance(model, BigVGAN):
        with_weight_norm(model)
    vae, facts = _autoencoder(config, front)
    sounds = load_split(config, "train")
    batches = SoundCrops(sounds, config.crops, config.batch, config.seed)
    unseen = SoundCrops(load_split(config, "val"), config.crops, config.batch, config.seed + 1)
    kept = [unseen(number) for number in range(-(-config.crops.validation // config.batch))]
    objective = VocoderObjective(model, config.losses, config.loop.accumulate, vae, config.share)

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, VocoderObjective)
        told = [trained(batch.to(trained.seen.device)) for batch in kept]
        names = [name for name in told[0] if name != "loss"]
        return {name: sum(float(x[name]) for x in told) / len(told) for name in names}

    return Training(
        objective, batches, validate, facts | sound_facts(sounds), finish=without_weight_norm
    )


def _autoencoder(
    config: VocoderTrainConfig, front: MelConfig
) -> tuple[MelVAE | None, dict[str, Any]]:
    """The autoencoder that spectrograms go through, if one is wanted, and what is known of it."""
    if config.vae is None:
        return None, {}
    loaded = load_checkpoint(config.vae)
    if not isinstance(loaded.module, MelVAE) or loaded.module.config.mel != front:
        raise ModelError(
            f"{config.vae} holds a {loaded.name}; vae= takes a melvae of the vocoder's own front end"
        )
    return loaded.module, {"vae_sha256": loaded.sha256, "vae_share": config.share}
