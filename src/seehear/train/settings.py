"""Settings of any training run; no torch here, so that a command line can read them quickly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seehear.errors import ConfigError


@dataclass(frozen=True)
class OptimConfig:
    """How weights are moved.

    Args:
        name: `adam` (as published for VisAH) or `adamw`.
        learning_rate: peak value.
        weight_decay: of `adamw`, on weights with two or more dimensions only.
        schedule: `constant`; `cosine` over the planned steps; `clock`: cosine over the allowed
            wall-clock time, for machines whose speed is not known beforehand (not repeatable).
        warmup: steps of linear rise.
        floor: last learning rate as a share of the peak.
        betas: memory of the optimiser's first and second moment.
        decay: with the schedule `constant`, the learning rate is multiplied by this at every step.
    """

    name: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: Literal["constant", "cosine", "clock"] = "cosine"
    warmup: int = 100
    floor: float = 0.02
    betas: tuple[float, float] = (0.9, 0.999)
    decay: float = 1.0


@dataclass(frozen=True)
class LoopConfig:
    """How long and how often.

    Args:
        steps: optimiser steps of the whole run.
        accumulate: batches per step.
        clip_norm: largest gradient norm, 0 = no clipping.
        average: decay of the moving average of weights, 0 = none; it is what gets shipped.
        validate_every: steps between validations, 0 = only at the end.
        save_every: steps between states on disk.
        log_every: steps between log lines.
        precision: number format of autocast.

    Raises:
        ConfigError: a count is not positive.
    """

    steps: int = 1000
    accumulate: int = 1
    clip_norm: float = 1.0
    average: float = 0.0
    validate_every: int = 0
    save_every: int = 500
    log_every: int = 50
    precision: Literal["fp32", "bf16"] = "fp32"

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "save_every", "log_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, not {getattr(self, name)}")


@dataclass(frozen=True)
class RunLimits:
    """Where and for how long a run goes.

    Args:
        seed: of weights, batches, dropout and validation.
        device: `auto`, `cpu` or `cuda`.
        max_minutes: stop this call after so much wall-clock time, 0 = no limit. With the schedule
            `clock` it is the length of the whole run, over all resumes.
    """

    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    max_minutes: float = 0.0
