"""What every training configuration says. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seehear.config import load_config, read_values
from seehear.errors import ConfigError
from seehear.tasks import resolve
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


def training_class(target: str, path: Path | None, overrides: Sequence[str] = ()) -> type[Any]:
    """The dataclass that a training configuration is read into.

    Args:
        target: `module:name` of that dataclass; or, where every kind of model has its own, of a table:
            kind -> `module:name`.
        path: TOML file, asked for its `kind` where it decides.
        overrides: `key=value` items, which may name the kind too.

    Raises:
        ConfigError: unreadable file, no kind, or one that nobody trains.
    """
    found: Any = resolve(target)
    if not isinstance(found, Mapping):
        return found
    kind = read_values(path, overrides).get("kind")
    if kind not in found:
        raise ConfigError(f"kind must be one of {', '.join(found)}, not {kind!r}")
    return resolve(found[kind])


def read_training(target: str, path: Path | None, overrides: Sequence[str] = ()) -> Any:
    """Read a training configuration; see `training_class` and `load_config`."""
    return load_config(training_class(target, path, overrides), path, overrides)
