"""Configuration of `train separate`: read from TOML files in `configs/separate`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seehear.errors import ConfigError
from seehear.train.settings import LoopConfig, OptimConfig


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
class TrainConfig:
    """One training run.

    Args:
        kind: which model is trained: the separator, or the network that sees for it.
        output: run folder: state, log, and at the end the checkpoint in `checkpoint`.
        sources: CSV of recordings and photos.
        concepts: folder of the query encoder's checkpoint, "" = the shipped one; for the kind
            `concepts` a frame encoder to start from, "" = the shipped one.
        model: fields of the model's configuration that differ from its defaults.
        batch: mixtures (or photos) per batch.
        asking: how mixtures and questions are made.
        optim: optimiser.
        loop: length and habits.
        seed: of weights, batches, dropout and validation.
        device: where to train.
        max_minutes: stop this call after so much wall-clock time, 0 = no limit. With the schedule
            `clock` it is the length of the whole run, over all resumes.
        licence: licence of the trained weights, as written into the checkpoint.

    Raises:
        ConfigError: what the kind needs is missing, or a share is not one.
    """

    kind: Literal["bandmask", "concepts"]
    output: Path = Path("runs/separate")
    sources: Path | None = None
    concepts: str = ""
    model: dict[str, Any] = field(default_factory=dict)
    batch: int = 12
    asking: Asking = field(default_factory=Asking)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    max_minutes: float = 0.0
    licence: str = "Apache-2.0"

    def __post_init__(self) -> None:
        if self.sources is None:
            raise ConfigError(f"training {self.kind} needs sources=FILE; add it to the command")
        if self.batch < 1:
            raise ConfigError(f"batch must be 1 or more, not {self.batch}")
        if abs(sum(self.asking.counts) - 1) > 1e-6 or min(self.asking.counts) < 0:
            raise ConfigError(f"asking.counts must be three shares of 1, not {self.asking.counts}")
