"""Configuration of `train separate`: read from TOML files in `configs/separate`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seehear.errors import ConfigError
from seehear.tasks.training_options import TrainingConfig


@dataclass(frozen=True)
class Asking:
    """How mixtures are drawn and what is asked while training the band-mask network.

    Args:
        duration_s: length of most mixtures.
        counts: shares of mixtures of one, two and three sounds.
        several: share of mixtures about which more than one question is asked.
        absent: share of questions about something that is not there.
        blurred: share of questions that lie between a class and another one, as pictures do.
        long: share of batches with mixtures of twice the length, half as many.
        melodies: phrases per instrument rendered from single notes.
        validation: mixtures of the validation split that are measured.
    """

    duration_s: float = 4.0
    counts: tuple[float, float, float] = (0.07, 0.63, 0.3)
    several: float = 0.3
    absent: float = 0.12
    blurred: float = 0.3
    long: float = 0.15
    melodies: int = 12
    validation: int = 96


@dataclass(frozen=True)
class Pairing:
    """How clips are mixed while training DAVIS.

    Args:
        sounds: clips of different classes in a mixture.
        gain: smallest and largest random gain of a clip.
        frames: frames of each clip that are looked at.
        span_s: seconds around the middle of the window over which they are spread; 0 = the window.
        frame_rate: frames a second that features are computed for; the nearest ones are taken.
        crops: random crops of the frames, of which training draws; 0 = whole frames only.
        validation: mixtures of the validation split that are measured.
    """

    sounds: int = 2
    gain: tuple[float, float] = (0.5, 1.5)
    frames: int = 11
    span_s: float = 0.0
    frame_rate: float = 2.0
    crops: int = 0
    validation: int = 64


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainingConfig):
    """One training run; see `TrainingConfig` for what every run says.

    Args:
        kind: which model is trained: one of the two separators, or the network that sees.
        output: run folder.
        sources: CSV of recordings and photos (`bandmask`, `concepts`).
        manifest: manifest of clips, or the folder of their shards (`davis`).
        corpus: name of the corpus, for the model card (`davis`).
        features: folder for features of frames, shared among runs; "" = beside the manifest (`davis`).
        concepts: folder of the query encoder's checkpoint, "" = the shipped one; for the kind
            `concepts` a frame encoder to start from, "" = the shipped one.
        asking: how mixtures and questions are made (`bandmask`).
        pairing: how clips are mixed (`davis`).
        distance: of the training loss (`davis`): `l1` as published, `l2` for its ablation.

    Raises:
        ConfigError: what the kind needs is missing, or a share is not one.
    """

    kind: Literal["bandmask", "concepts", "davis"]
    output: Path = Path("runs/separate")
    sources: Path | None = None
    manifest: Path | None = None
    corpus: str = ""
    features: str = ""
    concepts: str = ""
    asking: Asking = field(default_factory=Asking)
    pairing: Pairing = field(default_factory=Pairing)
    distance: Literal["l1", "l2"] = "l1"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind == "davis" and self.manifest is None:
            raise ConfigError("training davis needs manifest=FILE; add it to the command")
        if self.kind != "davis" and self.sources is None:
            raise ConfigError(f"training {self.kind} needs sources=FILE; add it to the command")
        if abs(sum(self.asking.counts) - 1) > 1e-6 or min(self.asking.counts) < 0:
            raise ConfigError(f"asking.counts must be three shares of 1, not {self.asking.counts}")
        pairing = self.pairing
        if pairing.sounds < 2 or pairing.frames < 1 or pairing.validation < 1 or pairing.crops < 0:
            raise ConfigError(
                "pairing takes 2 sounds or more, 1 frame or more, 1 mixture for validation or more, "
                f"and 0 crops or more; got {pairing}"
            )
        if not 0 < pairing.gain[0] <= pairing.gain[1] or pairing.frame_rate <= 0:
            raise ConfigError(f"pairing needs gains and a frame rate above 0; got {pairing}")
