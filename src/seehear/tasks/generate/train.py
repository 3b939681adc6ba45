"""`seehear train generate`: a configuration in, a checkpoint folder out.

Sound for silent video takes four networks, each trained by its own recipe; the published order is CAVP,
autoencoder, vocoder, and with these three frozen the flow transformer.
"""

from __future__ import annotations

from typing import Any

from seehear.tasks import resolve
from seehear.tasks.generate.train_options import TRAINERS
from seehear.tasks.training_options import TrainingConfig
from seehear.train.loop import Progress


def train_generate(config: TrainingConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Train the part that the configuration's kind names, or go on with a run that was stopped.

    Args:
        config: what to train; saved as `train.json` in the run folder.
        progress: called with (steps done, steps planned, note); may raise `Cancelled`.

    Returns:
        Folder of the checkpoint, its sha256, steps, minutes, why it stopped, validation numbers.

    Raises:
        InputError: a manifest or a file it names is wrong.
        ModelError: weights of another part are missing, or the state belongs to another model.
        MissingDependency: accelerate is not installed.
    """
    report: dict[str, Any] = resolve(TRAINERS[config.kind])(config, progress)
    return report
