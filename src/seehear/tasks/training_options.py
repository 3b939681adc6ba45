"""What every training configuration says. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seehear.errors import ConfigError
from seehear.train.settings import LoopConfig, OptimConfig


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """One training run of any task.

    Args:
        kind: which model is trained: its name in the table of models.
        output: run folder: state, log, and at the end the checkpoint in `checkpoint`.
        model: fields of the model's configuration that differ from its defaults.
        batch: items per batch.
        optim: optimiser.
        loop: length and habits.
        seed: of weights, batches, dropout and validation.
        device: where to train.
        max_minutes: stop this call after so much wall-clock time, 0 = no limit. With the schedule
            `clock` it is the length of the whole run, over all resumes.
        licence: licence of the trained weights, as written into the checkpoint.

    Raises:
        ConfigError: the batch is empty.
    """

    kind: str
    output: Path = Path("runs/model")
    model: dict[str, Any] = field(default_factory=dict)
    batch: int = 12
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    max_minutes: float = 0.0
    licence: str = "Apache-2.0"

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ConfigError(f"batch must be 1 or more, not {self.batch}")
