"""`seehear train separate`: a configuration in, a checkpoint folder out.

Three kinds of model share the loop of `train/loop.py`: the band-mask network, DAVIS, and the network that
places pictures in the space of queries. What one step is stands in `objective.py`, `davis_objective.py`
and `train_concepts.py`; here the parts are put together and the checkpoint is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seehear.checkpoint import load_checkpoint
from seehear.data.melodies import render_melodies
from seehear.data.mixes import MixRule
from seehear.data.photo_sets import load_photo_set
from seehear.data.sounds import FEWEST, KINDS, ThingLibrary, load_things, rows_of_split
from seehear.data.sources import SourceRow, read_sources
from seehear.errors import InputError, ModelError
from seehear.features.concepts import ENCODER_ID, ConceptEncoder, load_concepts
from seehear.features.glance import FOLDER as GLANCE_FOLDER
from seehear.features.vocabulary import GROUPS, NAMES, PHOTO_CLASSES
from seehear.models import build_config, build_model
from seehear.models.bandmask import BandMask
from seehear.models.concepts import Concepts
from seehear.models.glance import Glance
from seehear.nn.bandunet import fit_half_precision
from seehear.tasks.cards import model_card
from seehear.tasks.separate.card import ABOUT, LIMITS, used_rows
from seehear.tasks.separate.data import AskSettings, MixBatches
from seehear.tasks.separate.objective import BandMaskObjective
from seehear.tasks.separate.train_concepts import (
    ConceptsObjective,
    PictureBatches,
    picture_accuracy,
)
from seehear.tasks.separate.train_davis import prepare_davis
from seehear.tasks.separate.train_options import TrainConfig
from seehear.tasks.separate.validation import fixed_mixes, measure_mixes
from seehear.tasks.training import Training, run_training
from seehear.train.loop import Progress


def train_separate(config: TrainConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Train a model, or go on with a run that was stopped.

    Args:
        config: what to train; saved as `train.json` in the run folder.
        progress: called with (steps done, steps planned, note); may raise `Cancelled`.

    Returns:
        Folder of the checkpoint, its sha256, steps, minutes, why it stopped, validation numbers.

    Raises:
        InputError: the manifest or a file it names is wrong.
        ModelError: weights of an encoder are missing, or the state belongs to another model.
        MissingDependency: accelerate is not installed.
    """

    def prepare() -> Training:
        if config.kind == "davis":
            return prepare_davis(config, progress)
        return _bandmask(config) if config.kind == "bandmask" else _concepts(config)

    def card(facts: Mapping[str, Any]) -> str:
        rows = []
        if config.sources is not None:
            rows = used_rows(config.kind, rows_of_split(_rows(config), "train", any_use_only=True))
        return model_card(config.output.name, ABOUT[config.kind], LIMITS[config.kind], facts, rows)

    return run_training("separate", config, prepare, card, progress)


def _bandmask(config: TrainConfig) -> Training:
    rows, asking = _rows(config), config.asking
    encoder = load_concepts(Path(config.concepts)) if config.concepts else load_concepts()
    model = build_model("bandmask", build_config("bandmask", config.model))
    assert isinstance(model, BandMask), "the table of models says so"
    if model.config.query_dim != encoder.dim:
        raise ModelError(
            f"queries of {encoder.id} have {encoder.dim} numbers, the model takes "
            f"{model.config.query_dim}; set model.query_dim"
        )
    if model.config.num_classes != len(encoder.classes):
        raise ModelError(
            f"{encoder.id} has {len(encoder.classes)} classes, the model {model.config.num_classes}; "
            f"set model.num_classes"
        )
    concepts = class_vectors(encoder)
    model.directions.copy_(torch.stack(list(concepts.values())))
    train_rows = rows_of_split(rows, "train", any_use_only=True)
    melodies = render_melodies(train_rows, asking.melodies, config.seed)
    train = known_things(load_things(train_rows, melodies), concepts)
    held_out = load_things(rows_of_split(rows, "val", any_use_only=True), fewest=1)
    held_out.things = {k: v for k, v in held_out.things.items() if k in train.things}
    for name, library in (("train", train), ("val", held_out)):
        if len(library.things) < 2:
            raise InputError(f"the split {name!r} has fewer than two known classes of sounds")
    settings = AskSettings(
        config.batch,
        config.seed,
        asking.counts,
        asking.several,
        asking.absent,
        asking.blurred,
        asking.long,
    )
    rule = MixRule(duration_s=asking.duration_s)
    kept = fixed_mixes(held_out, concepts, asking.validation, config.seed + 1)
    # Convolutions run about twice as fast on a CPU in this layout.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    facts = {
        "query_encoder": encoder.id,
        "query_encoder_sha256": encoder.sha256,
        "heard": sorted(train.things),
        "recordings": sum(train.recordings(label) for label in train.things),
    }

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, BandMaskObjective)
        return measure_mixes(trained.model, kept)

    batches = MixBatches(train, concepts, GROUPS, settings, rule)
    objective = BandMaskObjective(model)
    return Training(objective, batches, validate, facts, finish=fit_half_precision)


def class_vectors(encoder: ConceptEncoder) -> dict[str, Tensor]:
    """Class -> its place in the space."""
    return dict(zip(encoder.classes, encoder.class_vectors(), strict=True))


def known_things(library: ThingLibrary, concepts: dict[str, Tensor]) -> ThingLibrary:
    """Classes without a word cannot be asked for; they disturb."""
    known = {k: v for k, v in library.things.items() if k in concepts}
    unknown = {k: v for k, v in library.things.items() if k not in concepts}
    return ThingLibrary(known, {**library.others, **unknown})


def _concepts(config: TrainConfig) -> Training:
    rows = _rows(config)
    sounding = Counter(row.label for row in rows_of_split(rows, "train", True) if _sounds(row))
    quiet = [name for name in sorted(NAMES) if sounding[name] < FEWEST]
    settings = {"classes": sorted(NAMES), "quiet": quiet, **config.model}
    model = build_model("concepts", build_config("concepts", settings))
    assert isinstance(model, Concepts), "the table of models says so"
    started = load_checkpoint(Path(config.concepts) if config.concepts else GLANCE_FOLDER).module
    if isinstance(started, Concepts) and started.config == model.config:
        model.load_state_dict(started.state_dict())
    elif isinstance(started, Glance) and started.config.widths == model.config.widths:
        model.body.load_state_dict(started.body.state_dict())
        model.norm.load_state_dict(started.norm.state_dict())
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    small, classes = model.config.frame_size // 2, model.config.classes
    train, held_out = (
        load_photo_set(rows_of_split(rows, split, True), size, classes, PHOTO_CLASSES)
        for split, size in (("train", small), ("val", model.config.frame_size))
    )

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, ConceptsObjective)
        return picture_accuracy(trained.model, held_out)

    seen = sorted({classes[int(index)] for index in train.labels})
    facts = {"id": ENCODER_ID, "photos": len(train.labels), "seen": seen}
    batches = PictureBatches(train, config.batch, config.seed)
    return Training(ConceptsObjective(model), batches, validate, facts)


def _sounds(row: SourceRow) -> bool:
    return row.kind in KINDS or "midi=" in row.note


def _rows(config: TrainConfig) -> list[SourceRow]:
    assert config.sources is not None, "checked by the configuration"
    return read_sources(config.sources)
