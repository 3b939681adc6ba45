"""Configuration of `train spatialize`: read from TOML files in `configs/spatialize`. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seehear.errors import ConfigError
from seehear.tasks.spatialize.paper_options import PaperTraining
from seehear.tasks.training_options import TrainingConfig


@dataclass(frozen=True)
class Pairing:
    """How pseudo pairs are drawn while training; see `seehear.data.pseudo_pairs`.

    Args:
        duration_s: length of most pairs.
        counts: shares of pairs of one, two and three sources; 4:5:1 as published.
        fov_deg: field of view of the canvas, degrees.
        backdrops: shares of black canvases, photos, and photos into which crops are blended.
        moving: share of pairs with a thing that moves.
        silent: share of pairs with one more thing that makes no sound.
        hidden: share of pairs in which one sound belongs to nothing that is seen.
        foreign: share of pairs in which a sound without pictures is shown as something else.
        ambisonic: share of pairs that go through first-order ambisonics and eight loudspeakers.
        rooms: share of pairs at rest that sound in a room, each in its own.
        long: share of batches with pairs of twice the length, half as many.
        blind: share of pairs without frames.
        spheres: radii of computed heads, metres.
        heads: SOFA files of measured heads; sounds are heard through one head per batch.
        melodies: phrases per instrument rendered from single notes.
        validation: fixed pairs of unseen recordings and photos.
    """

    duration_s: float = 4.0
    counts: tuple[float, float, float] = (0.4, 0.5, 0.1)
    fov_deg: float = 120.0
    backdrops: tuple[float, float, float] = (0.4, 0.3, 0.3)
    moving: float = 0.2
    silent: float = 0.15
    hidden: float = 0.06
    foreign: float = 0.12
    ambisonic: float = 0.1
    rooms: float = 0.0
    long: float = 0.1
    blind: float = 0.02
    spheres: tuple[float, ...] = (0.078, 0.083, 0.0875, 0.092, 0.097)
    heads: tuple[Path, ...] = ()
    melodies: int = 12
    validation: int = 96


@dataclass(frozen=True)
class Losses:
    """Weights of the terms of `seehear.tasks.spatialize.objective`.

    Args:
        where: cross entropy of directions.
        difference: error of the difference of ears, as a share.
        classes: cross entropy of classes.
        least: share of the sum's energy that is added to the difference's, so that a source in the
            middle asks for little and not for infinitely little.
    """

    where: float = 1.0
    difference: float = 1.0
    classes: float = 0.2
    least: float = 0.05


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainingConfig):
    """One training run; see `TrainingConfig` for what every run says.

    Args:
        kind: which model is trained: our own, or one of the published networks.
        output: run folder.
        sources: CSV of recordings and photos.
        start: separation model whose knowledge of sounds is the start, or bearings to go on from: id
            or folder; `none` = afresh (`bearings`).
        batch: pairs per batch.
        pairing: how pairs are made.
        losses: weights of the terms (`bearings`).
        paper: what concerns the published networks only (`mono2binaural`, `apnet`).

    Raises:
        ConfigError: what the kind needs is missing, or shares are not shares of 1.
    """

    kind: Literal["bearings", "mono2binaural", "apnet"]
    output: Path = Path("runs/spatialize")
    sources: Path | None = None
    start: str = "separate/starter"
    batch: int = 8
    pairing: Pairing = field(default_factory=Pairing)
    losses: Losses = field(default_factory=Losses)
    paper: PaperTraining = field(default_factory=PaperTraining)

    def __post_init__(self) -> None:
        super().__post_init__()
        recorded_only = self.kind != "bearings" and self.paper.recorded == 1
        if self.sources is None and not recorded_only:
            raise ConfigError(f"training {self.kind} needs sources=FILE; add it to the command")
        for name in ("counts", "backdrops"):
            shares = getattr(self.pairing, name)
            if abs(sum(shares) - 1) > 1e-6 or min(shares) < 0:
                raise ConfigError(f"pairing.{name} must be three shares of 1, not {shares}")
        if not self.pairing.spheres and not self.pairing.heads:
            raise ConfigError("pairing needs a head; give pairing.spheres or pairing.heads")
