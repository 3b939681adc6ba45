"""Configuration of `train highlight`: read from TOML files in `configs/highlight`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seehear.errors import ConfigError
from seehear.tasks.training_options import TrainingConfig

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


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainingConfig):
    """One training run; see `TrainingConfig` for what every run says.

    Args:
        kind: which model is trained.
        output: run folder.
        sources: CSV of recordings and photos (`bandgain`, `glance`).
        manifest: JSON lines manifest of a prepared corpus (`visah`).
        frame_encoder: folder of the encoder's checkpoint for `bandgain`, "" = the shipped one.
        loss: `code` (log magnitudes) or `paper` (linear magnitudes), for `visah`.
        muddy: level of the muddy mixes made on the fly, for `visah`.
        drop_context: share of clips that are shown without frames, and without captions (`visah`).
        scenes: how scenes are made, for `bandgain`.

    Raises:
        ConfigError: what the kind needs is missing.
    """

    kind: Kind
    output: Path = Path("runs/highlight")
    sources: Path | None = None
    manifest: Path | None = None
    frame_encoder: str = ""
    loss: Literal["code", "paper"] = "code"
    muddy: Literal["low", "moderate", "high", "mixed"] = "mixed"
    drop_context: float = 0.0
    scenes: SceneShowing = field(default_factory=SceneShowing)

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = "manifest" if self.kind == "visah" else "sources"
        if getattr(self, needed) is None:
            raise ConfigError(f"training a {self.kind} needs {needed}=FILE; add it to the command")
        if not 0.0 <= self.drop_context <= 1.0:
            raise ConfigError(f"drop_context must be 0..1, not {self.drop_context:g}")
