"""Configuration of `train generate` for the kinds `cavp` and `quick_cavp`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seehear.errors import ConfigError
from seehear.tasks.training_options import TrainingConfig


@dataclass(frozen=True)
class CAVPTerms:
    """Weights of the terms of the loss beside the contrast of whole clips, which has weight 1.

    Args:
        temporal: contrast among moments of one clip: windows (CAVP) or fifths of a second (QuickCAVP).
        pooled: contrast of means over time (QuickCAVP; CAVP's contrast is of maxima already).
        classes: class from each of both embeddings, where the corpus names classes (QuickCAVP).
        onsets: onsets and loudness of the sound from each feature (QuickCAVP).
    """

    temporal: float = 1.0
    pooled: float = 0.5
    classes: float = 0.5
    onsets: float = 1.0


@dataclass(frozen=True, kw_only=True)
class CAVPTrainConfig(TrainingConfig):
    """One training run of an encoder of pictures and sounds.

    Args:
        kind: `cavp` as published, or the small one with 20 features a second.
        output: run folder.
        sources: CSV of recordings and photos; clips are then drawn while training.
        manifest: list of clips, in place of sources.
        corpus: its name, for the model card.
        seconds: length of a clip.
        windows: of each clip (`cavp`).
        window_s: their length (`cavp`).
        terms: weights of the loss.
        melodies: phrases per instrument made from single notes (drawn clips).
        low_pass_hz: range of bandwidths; one for each drawn clip.
        unseen: share of clips without appearance vectors, so that motion is learned (`quick_cavp`).
        uses: batches in a row that a clip is in (`quick_cavp`); drawing one costs as much as a step.
        validation: clips of the validation split that are measured.
        validation_s: their length.

    Raises:
        ConfigError: not one of sources and manifest, windows that do not fit into a clip, or a batch that
            is no multiple of uses.
    """

    kind: Literal["cavp", "quick_cavp"]
    output: Path = Path("runs/cavp")
    sources: Path | None = None
    manifest: Path | None = None
    corpus: str = "procedural"
    seconds: float = 4.0
    windows: int = 3
    window_s: float = 4.0
    terms: CAVPTerms = field(default_factory=CAVPTerms)
    melodies: int = 12
    low_pass_hz: tuple[float, float] = (5000.0, 8000.0)
    unseen: float = 0.1
    uses: int = 1
    validation: int = 100
    validation_s: float = 8.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.sources is None) == (self.manifest is None):
            raise ConfigError(
                "training needs either sources=FILE (clips drawn while training) or manifest=FILE"
            )
        if self.kind == "cavp" and self.window_s > min(self.seconds, self.validation_s):
            raise ConfigError(
                f"windows of {self.window_s:g} s do not fit into clips of {self.seconds:g} s "
                f"({self.validation_s:g} s for validation)"
            )
        if self.uses < 1 or self.batch % self.uses:
            raise ConfigError(f"batch must be a multiple of uses, not {self.batch} of {self.uses}")
        if self.windows < 1 or self.validation < 2 or not 0 <= self.unseen < 1:
            raise ConfigError(
                "training takes 1 window or more, 2 validation clips or more, and unseen in 0..1; "
                f"got {self.windows}, {self.validation} and {self.unseen:g}"
            )
