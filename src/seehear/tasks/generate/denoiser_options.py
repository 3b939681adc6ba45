"""Configuration of `train generate` for the flow transformer (`kind = "denoiser"`). No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from seehear.errors import ConfigError
from seehear.tasks.training_options import TrainingConfig


@dataclass(frozen=True)
class Showing:
    """How clips are shown while training; see `seehear.tasks.generate.latent_batches`.

    Args:
        windows_s: lengths of windows, seconds; a batch has windows of one length. The paper's length is
            not known; its relatives use 8 to 10 s.
        shares: how often each length is drawn; shares of 1.
        splice: share of windows that are spliced of two clips, picture and sound at the same moment
            (published relatives 0.5).
        splice_least_s: shortest part of a splice, seconds.
        drop: share of windows without their video: all features are those of an empty video (published
            relatives 0.2).
        hidden: share of windows with a part of the video gone in the same way, so that a cut within a
            window is nothing new (ours; published relatives 0).
        times: how moments of denoising are drawn: even in 0..1 as published, or `logit_normal`, more of
            them around the middle.
        validation: clips of the validation split that are measured.
    """

    windows_s: tuple[float, ...] = (8.0,)
    shares: tuple[float, ...] = (1.0,)
    splice: float = 0.5
    splice_least_s: float = 2.0
    drop: float = 0.2
    hidden: float = 0.0
    times: Literal["uniform", "logit_normal"] = "uniform"
    validation: int = 64

    def __post_init__(self) -> None:
        if len(self.shares) != len(self.windows_s) or abs(sum(self.shares) - 1) > 1e-6:
            raise ConfigError(
                f"showing.shares must be one share per window length and 1 in all, not {self.shares}"
            )
        for name in ("splice", "drop", "hidden"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"showing.{name} must be 0 to 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class Adapting:
    """How a trained model is made to fit a smaller corpus.

    Args:
        rank: of low-rank changes of the attention's matrices, which are then all that learns, and are
            added to the matrices at the end; 0 = everything learns.
        patience: validations without a better one after which the run is over; 0 = never.
    """

    rank: int = 0
    patience: int = 0


@dataclass(frozen=True, kw_only=True)
class DenoiserTraining(TrainingConfig):
    """One training run; see `TrainingConfig` for what every run says.

    Args:
        kind: the flow transformer.
        output: run folder.
        manifest: `latents.json` of a corpus made by `prepare generate latents`.
        start: folder of a checkpoint whose weights are the start, "" = afresh.
        batch: windows of the longest length per batch; of shorter ones there are as many more.
        showing: how clips are shown.
        adapt: for a start from another model.
        guidance: strength of guidance that is written into the checkpoint.
        sampling_steps: steps of sampling that are written into the checkpoint.
        cavp: folder of the CAVP checkpoint that features were made with, copied beside the model so that
            the folder can generate; "" = not yet.
        vae: the same of the autoencoder.
        vocoder: the same of the vocoder.
        sources: CSV of recordings and photos behind drawn clips, for the names in the model card.

    Raises:
        ConfigError: there is no manifest or no number of steps, or the shape of the model is given although
            it is that of the start.
    """

    kind: Literal["denoiser"]
    output: Path = Path("runs/denoiser")
    manifest: Path | None = None
    start: str = ""
    batch: int = 16
    showing: Showing = field(default_factory=Showing)
    adapt: Adapting = field(default_factory=Adapting)
    guidance: float = 3.0
    sampling_steps: int = 25
    cavp: str = ""
    vae: str = ""
    vocoder: str = ""
    sources: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.manifest is None:
            raise ConfigError("training a denoiser needs manifest=FILE; add it to the command")
        if self.start and self.model:
            raise ConfigError(
                f"a denoiser that starts from {self.start} has its shape; leave out model.*"
            )
        if self.sampling_steps < 1:
            raise ConfigError(f"sampling_steps must be 1 or more, not {self.sampling_steps}")
