"""What `train` does for every task around the loop of `train/loop.py`.

A task says what is trained (`Training`) and what its model card tells; here the configuration is kept
beside the run, the loop is started, and checkpoint and card are written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from seehear.checkpoint import save_checkpoint
from seehear.config import to_dict
from seehear.metrics.report import write_text
from seehear.runtime import seed_everything, versions
from seehear.tasks.training_options import TrainingConfig
from seehear.train.best import BestWeights
from seehear.train.loop import FitReport, MakeBatch, Progress, Validate, fit
from seehear.train.settings import RunLimits


@dataclass(frozen=True)
class Training:
    """What is trained on what.

    Args:
        objective: see `train/loop.py`; its submodule `model` is what gets saved.
        make_batch: number -> batch.
        validate: numbers of the validation split, or None.
        facts: about model and data, for the checkpoint.
        dtype: number format of the saved weights.
        best: what `validate` offers weights to; the best ones are saved in place of the last.
        finish: what is done to the model last, before it is saved.
        enough: says when the run is over before its time.
    """

    objective: nn.Module
    make_batch: MakeBatch
    validate: Validate | None
    facts: dict[str, Any] = field(default_factory=dict)
    dtype: torch.dtype = torch.float16
    best: BestWeights | None = None
    finish: Callable[[nn.Module], object] | None = None
    enough: Callable[[], bool] | None = None


def run_training(
    task: Literal["highlight", "separate", "spatialize", "generate"],
    config: TrainingConfig,
    prepare: Callable[[], Training],
    card: Callable[[Mapping[str, Any]], str],
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train a model, or go on with a run that was stopped.

    Args:
        task: verb that the model is for.
        config: saved as `train.json` in the run folder.
        prepare: called once everything is seeded.
        card: what is known about the checkpoint -> text of its model card.
        progress: called with (steps done, steps planned, note); may raise `Cancelled`.

    Returns:
        Folder of the checkpoint, its sha256, steps, minutes, why it stopped, validation numbers.

    Raises:
        ModelError: the state in the run folder belongs to another model.
        MissingDependency: accelerate is not installed.
    """
    config.output.mkdir(parents=True, exist_ok=True)
    write_text(config.output / "train.json", json.dumps(to_dict(config), indent=1) + "\n")
    seed_everything(config.seed)
    training = prepare()
    report = fit(
        training.objective,
        training.make_batch,
        config.output,
        config.loop,
        config.optim,
        RunLimits(config.seed, config.device, config.max_minutes),
        training.validate,
        progress,
        training.enough,
    )
    model = training.objective.get_submodule("model").cpu()
    if training.best is not None:
        report = replace(report, validation=training.best.restore(model) or report.validation)
    if training.finish is not None:
        training.finish(model)
    meta = {
        "task": task,
        "licence": config.licence,
        "step": report.step,
        "minutes": round(report.minutes, 1),
        "seed": config.seed,
        "validation": report.validation,
        "versions": versions(),
        **training.facts,
    }
    folder = config.output / "checkpoint"
    digest = save_checkpoint(folder, model, config.kind, meta, dtype=training.dtype)
    write_text(folder / "README.md", card(meta))
    return _told(folder, digest, report)


def _told(folder: Path, digest: str, report: FitReport) -> dict[str, Any]:
    return {
        "checkpoint": str(folder),
        "sha256": digest,
        "step": report.step,
        "minutes": report.minutes,
        "stopped_by": report.stopped_by,
        "validation": report.validation,
    }
