"""Configuration of `train highlight`: read from TOML files in `configs/highlight`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seehear.errors import ConfigError
from seehear.train.settings import LoopConfig, OptimConfig

Kind = Literal["bandgain", "visah", "glance"]


@dataclass(frozen=True)
class SceneShowing:
    """How scenes are muddied and shown while training the band-gain network.

    Args:
        continuous: share of scenes muddied with changing gains.
        untouched: share of scenes that are not muddied at all.
        blind: share of scenes shown without frames.
        missing: share of single frames left out.
        wrong: share of single frames replaced by any photo.
        shifted: share of scenes whose muddy and finished mix are both moved in level.
        short: share of batches cut to a random stretch.
        melodies: phrases per instrument rendered from single notes, as further music.
        versions: changed copies of each photo whose features are shown.
        validation: scenes of the validation split that are measured.
    """

    continuous: float = 0.5
    untouched: float = 0.05
    blind: float = 0.1
    missing: float = 0.1
    wrong: float = 0.03
    shifted: float = 0.25
    short: float = 0.15
    melodies: int = 12
    versions: int = 8
    validation: int = 48


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Args:
        kind: which model is trained.
        output: run folder: state, log, and at the end the checkpoint in `checkpoint`.
        sources: CSV of recordings and photos (`bandgain`, `glance`).
        manifest: JSON lines manifest of a prepared corpus (`visah`).
        frame_encoder: folder of the encoder's checkpoint for `bandgain`, "" = the shipped one.
        model: fields of the model's configuration that differ from its defaults.
        batch: clips (or photos) per batch.
        loss: `code` (log magnitudes) or `paper` (linear magnitudes), for `visah`.
        muddy: level of the muddy mixes made on the fly, for `visah`.
        drop_context: share of clips that are shown without frames, and without captions (`visah`).
        scenes: how scenes are made, for `bandgain`.
        optim: optimiser.
        loop: length and habits.
        seed: of weights, batches, dropout and validation.
        device: where to train.
        max_minutes: stop this call after so much wall-clock time, 0 = no limit. With the schedule
            `clock` it is the length of the whole run, over all resumes.
        licence: licence of the trained weights, as written into the checkpoint.

    Raises:
        ConfigError: what the kind needs is missing.
    """

    kind: Kind
    output: Path = Path("runs/highlight")
    sources: Path | None = None
    manifest: Path | None = None
    frame_encoder: str = ""
    model: dict[str, Any] = field(default_factory=dict)
    batch: int = 12
    loss: Literal["code", "paper"] = "code"
    muddy: Literal["low", "moderate", "high", "mixed"] = "mixed"
    drop_context: float = 0.0
    scenes: SceneShowing = field(default_factory=SceneShowing)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    max_minutes: float = 0.0
    licence: str = "Apache-2.0"

    def __post_init__(self) -> None:
        needed = "manifest" if self.kind == "visah" else "sources"
        if getattr(self, needed) is None:
            raise ConfigError(f"training a {self.kind} needs {needed}=FILE; add it to the command")
        if self.batch < 1:
            raise ConfigError(f"batch must be 1 or more, not {self.batch}")
        if not 0.0 <= self.drop_context <= 1.0:
            raise ConfigError(f"drop_context must be 0..1, not {self.drop_context:g}")
