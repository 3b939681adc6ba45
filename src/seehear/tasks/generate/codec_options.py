"""Configurations of the codec's two recipes: `melvae`, and the vocoders. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seehear.errors import ConfigError
from seehear.tasks.training_options import TrainingConfig


@dataclass(frozen=True)
class Crops:
    """How sounds are cut while training; see `seehear.tasks.generate.sound_crops`.

    Args:
        seconds: length of a crop; shorter sounds are repeated.
        gain_db: least and largest level of its peak, dB below full scale.
        low_pass: share of crops cut off somewhere below half the sample rate, because sources differ in
            bandwidth.
        low_pass_hz: lowest and highest cut-off.
        mixed: share of crops in which two sounds sound at once.
        validation: fixed crops of the validation split.

    Raises:
        ConfigError: no length.
    """

    seconds: float = 2.0
    gain_db: tuple[float, float] = (-30.0, 0.0)
    low_pass: float = 0.5
    low_pass_hz: tuple[float, float] = (5000.0, 8000.0)
    mixed: float = 0.2
    validation: int = 64

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ConfigError(f"crops.seconds must be above 0, not {self.seconds}")


@dataclass(frozen=True)
class VAELosses:
    """Weights of `seehear.tasks.generate.vae_objective`; defaults: the public recipe's.

    Args:
        kl: of the divergence from the standard normal.
        adversary: of the critic's pull, relative to the reconstruction's; 0 = no critic.
        start: steps without a critic.
        factor: of both players' adversarial terms after the start.
        r1: of the critic's gradient penalty on real spectrograms.
    """

    kl: float = 1e-6
    adversary: float = 0.5
    start: int = 80000
    factor: float = 2.0
    r1: float = 3.0


@dataclass(frozen=True, kw_only=True)
class SoundTraining(TrainingConfig):
    """What both recipes say about their sounds.

    Args:
        sources: CSV of recordings; rows whose licence allows any use.
        sounds: folder of sounds or videos, in place of `sources`.
        crops: how they are cut.

    Raises:
        ConfigError: not one of `sources` and `sounds`.
    """

    sources: Path | None = None
    sounds: Path | None = None
    crops: Crops = field(default_factory=Crops)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.sources is None) == (self.sounds is None):
            raise ConfigError(
                f"training {self.kind} needs either sources=FILE.csv or sounds=FOLDER; add one to the "
                f"command"
            )


@dataclass(frozen=True, kw_only=True)
class VAETrainConfig(SoundTraining):
    """Training of the autoencoder of spectrograms.

    Args:
        kind: the model.
        output: run folder.
        losses: weights of the terms.
    """

    kind: Literal["melvae"] = "melvae"
    output: Path = Path("runs/vae")
    losses: VAELosses = field(default_factory=VAELosses)


@dataclass(frozen=True)
class VocoderLosses:
    """Weights of `seehear.tasks.generate.vocoder_objective`; defaults: BigVGAN's.

    Args:
        mel: of the L1 distance of log-mel spectrograms.
        spectra: of the multi-resolution distance of spectra (log magnitude and convergence).
        adversary: of the critics' pull; 0 = no critics.
        matching: of the distance of what the critics' layers see; their own weight of 2 comes on top.
        start: steps without critics.
        periods: whether there are critics of periods.
        width: channels of the critics of resolutions; 32 as published.
        seconds: length of the piece of each crop that critics hear, 0 = all of it.
    """

    mel: float = 45.0
    spectra: float = 0.0
    adversary: float = 1.0
    matching: float = 1.0
    start: int = 0
    periods: bool = True
    width: int = 32
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class VocoderTrainConfig(SoundTraining):
    """Training of a vocoder.

    Args:
        kind: the model.
        output: run folder.
        losses: weights of the terms.
        vae: folder of an autoencoder whose reconstructions are vocoded too; none = only true spectrograms.
        share: of crops that go through it.
    """

    kind: Literal["bigvgan", "melwave"]
    output: Path = Path("runs/vocoder")
    losses: VocoderLosses = field(default_factory=VocoderLosses)
    vae: Path | None = None
    share: float = 0.5
