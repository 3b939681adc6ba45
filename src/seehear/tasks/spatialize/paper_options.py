"""What `train spatialize` says of the published networks beside pairs, optimiser and loop. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seehear.errors import ConfigError


@dataclass(frozen=True)
class PaperTraining:
    """How Mono2Binaural and APNet are trained.

    Args:
        loss: distance of spectra: `l1` as in PseudoBinaural's code, `l2` as in the papers' text.
        sides: weight of the pyramid's own left and right (APNet only).
        separation: weight lambda of telling two things apart (APNet only; paper 1).
        trunk: weights that the trunk starts from: id or folder of a ResNet as `transformers` stores it;
            "" = afresh.
        trunk_rate: learning rate of the trunk as a share of the rest's (paper 0.1).
        mirrored: share of items whose picture is mirrored and whose ears are swapped (papers 0).
        jitter: brightness and colour of pictures are multiplied by 1 - this to 1 + this (papers 0.3).
        recordings: manifest of videos with two recorded ears (`seehear.data.binaural_clips`), if any.
        recorded: share of items from them; 0.5 is the Augment variant, 1 the supervised one, 0 the one
            that has never heard a recording.

    Raises:
        ConfigError: a share is none.
    """

    loss: Literal["l1", "l2"] = "l1"
    sides: float = 1.0
    separation: float = 1.0
    trunk: str = ""
    trunk_rate: float = 0.1
    mirrored: float = 0.5
    jitter: float = 0.3
    recordings: Path | None = None
    recorded: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mirrored", "jitter", "recorded"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"paper.{name} must be 0 to 1, not {getattr(self, name)}")
