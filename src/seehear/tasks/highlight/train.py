"""`seehear train highlight`: a configuration in, a checkpoint folder out.

Three kinds of model share the loop of `train/loop.py`: the band-gain network (`bandgain`), the
published network (`visah`) and the small visual encoder (`glance`). What one step is stands in
`objective.py`, `train_visah.py` and `train_glance.py`; here the parts are put together and the
checkpoint is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seehear.checkpoint import load_checkpoint
from seehear.data.melodies import render_melodies
from seehear.data.sounds import rows_of_split
from seehear.data.sources import (
    SoundLibrary,
    SourceRow,
    load_sounds,
    read_sources,
)
from seehear.errors import ModelError
from seehear.features.glance import FOLDER as GLANCE_FOLDER
from seehear.models import build_config, build_model
from seehear.models.bandgain import BandGain
from seehear.models.glance import Glance
from seehear.nn.bandunet import fit_half_precision
from seehear.tasks.cards import model_card
from seehear.tasks.highlight.card import ABOUT, LIMITS, used_rows
from seehear.tasks.highlight.data import SceneBatches, SceneSettings, fixed_batches
from seehear.tasks.highlight.objective import BandGainObjective
from seehear.tasks.highlight.prepare_scenes import check_library
from seehear.tasks.highlight.train_glance import (
    GlanceObjective,
    PhotoBatches,
    accuracy,
    load_photos,
    photo_looks,
)
from seehear.tasks.highlight.train_options import TrainConfig
from seehear.tasks.highlight.validation import measure_scenes
from seehear.tasks.training import Training, run_training
from seehear.train.loop import Progress

GLANCE_ID = "glance@1"


def train_highlight(config: TrainConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Train a model, or go on with a run that was stopped.

    Args:
        config: what to train; saved as `train.json` in the run folder.
        progress: called with (steps done, steps planned, note); may raise `Cancelled`.

    Returns:
        Folder of the checkpoint, its sha256, steps, minutes, why it stopped, validation numbers.

    Raises:
        InputError: a manifest or a file it names is wrong.
        ModelError: weights of the frame encoder are missing, or the state belongs to another model.
        MissingDependency: accelerate is not installed.
    """
    prepare = {"bandgain": _bandgain, "glance": _glance, "visah": _visah}[config.kind]

    def card(facts: Mapping[str, Any]) -> str:
        rows = [] if config.sources is None else rows_of_split(_rows(config), "train", True)
        used = used_rows(config.kind, rows)
        return model_card(config.output.name, ABOUT[config.kind], LIMITS[config.kind], facts, used)

    return run_training("highlight", config, lambda: prepare(config), card, progress)


def _bandgain(config: TrainConfig) -> Training:
    rows = _rows(config)
    encoder_folder = Path(config.frame_encoder) if config.frame_encoder else GLANCE_FOLDER
    encoder = load_checkpoint(encoder_folder)
    if not isinstance(encoder.module, Glance):
        raise ModelError(f"{encoder_folder} holds a {encoder.name}, not a glance")
    model = build_model("bandgain", build_config("bandgain", config.model))
    assert isinstance(model, BandGain), "the table of models says so"
    if model.config.frame_dim != encoder.module.config.dim:
        raise ModelError(
            f"{encoder_folder} gives {encoder.module.config.dim} numbers a frame, the model "
            f"takes {model.config.frame_dim}; set model.frame_dim"
        )
    showing = config.scenes
    sets = {}
    for split in ("train", "val"):
        chosen = rows_of_split(rows, split, any_use_only=True)
        library = _library(chosen, config if split == "train" else None)
        check_library(library, split)
        versions_ = showing.versions if split == "train" else 1
        sets[split] = (library, photo_looks(encoder.module, chosen, versions_, config.seed))
    settings = SceneSettings(
        config.batch,
        config.seed,
        showing.continuous,
        showing.untouched,
        showing.blind,
        showing.missing,
        showing.wrong,
        showing.shifted,
        showing.short,
    )
    exact = SceneSettings(8, config.seed + 1, showing.continuous, 0, 0, 0, 0, 0, 0)
    kept = fixed_batches(SceneBatches(*sets["val"], exact), showing.validation // 8)
    # Convolutions run about twice as fast on a CPU in this layout.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    objective = BandGainObjective(model)
    facts = {
        "frame_encoder": encoder.meta.get("id", GLANCE_ID),
        "frame_encoder_sha256": encoder.sha256,
        "recordings": {
            stem: sets["train"][0].count(stem) for stem in ("speech", "music", "effects")
        },
    }

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, BandGainObjective)
        return measure_scenes(trained, kept)

    batches = SceneBatches(*sets["train"], settings)
    return Training(objective, batches, validate, facts, finish=fit_half_precision)


def _glance(config: TrainConfig) -> Training:
    rows = _rows(config)
    train = load_photos(rows_of_split(rows, "train", True), _frame_size(config))
    held_out = load_photos(rows_of_split(rows, "val", True), _frame_size(config), train.classes)
    model = Glance(build_config("glance", {**config.model, "classes": list(train.classes)}))

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, GlanceObjective)
        return accuracy(trained.model, held_out)

    facts = {"id": GLANCE_ID, "photos": len(train.labels)}
    batches = PhotoBatches(train, config.batch, config.seed)
    return Training(GlanceObjective(model), batches, validate, facts)


def _visah(config: TrainConfig) -> Training:
    from seehear.tasks.highlight.train_visah import prepare_visah

    return Training(*prepare_visah(config))


def _rows(config: TrainConfig) -> list[SourceRow]:
    assert config.sources is not None, "checked by the configuration"
    return read_sources(config.sources)


def _frame_size(config: TrainConfig) -> int:
    size = build_config("glance", config.model).frame_size
    assert isinstance(size, int)
    return size


def _library(rows: list[SourceRow], config: TrainConfig | None) -> SoundLibrary:
    """Sounds of a split; for training with melodies rendered from its notes."""
    library = load_sounds(rows)
    if config is not None:
        for sound in render_melodies(rows, config.scenes.melodies, config.seed):
            library.add("music", f"melody/{sound.label}", sound)
    return library
