"""`seehear train spatialize`: a configuration in, a checkpoint folder out.

What one step is stands in `objective.py`, how pairs are made in `data.py` and
`seehear.data.pseudo_pairs`; here the parts are put together and the checkpoint is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from seehear import registry
from seehear.checkpoint import load_checkpoint
from seehear.data.melodies import render_melodies
from seehear.data.mixes import MixRule
from seehear.data.pseudo_pairs import PairLibrary, PairRule, draw_pair
from seehear.data.sounds import rows_of_split
from seehear.data.sources import SAMPLE_RATE, SourceRow, read_sources
from seehear.dsp.hrir import HrirSet, spherical_head
from seehear.errors import ModelError
from seehear.features.concepts import ConceptEncoder, load_query_encoder
from seehear.features.places import detailed_maps
from seehear.models import build_config, build_model
from seehear.models.bandmask import BandMask
from seehear.models.bearings import Bearings
from seehear.nn.bandunet import fit_half_precision
from seehear.tasks.cards import model_card
from seehear.tasks.spatialize.card import ABOUT, LIMITS, used_rows
from seehear.tasks.spatialize.data import PairBatches, PairSettings
from seehear.tasks.spatialize.heads import load_head
from seehear.tasks.spatialize.library import load_pair_library
from seehear.tasks.spatialize.objective import BearingsObjective
from seehear.tasks.spatialize.train_options import Pairing, TrainConfig
from seehear.tasks.spatialize.train_paper import train_paper
from seehear.tasks.spatialize.validation import FixedPairs, measure_pairs
from seehear.tasks.training import Training, run_training
from seehear.train.loop import Progress


def train_spatialize(config: TrainConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Train a model, or go on with a run that was stopped.

    Args:
        config: what to train; saved as `train.json` in the run folder.
        progress: called with (steps done, steps planned, note); may raise `Cancelled`.

    Returns:
        Folder of the checkpoint, its sha256, steps, minutes, why it stopped, validation numbers.

    Raises:
        InputError: the source manifest, a head or a file it names is wrong.
        ModelError: weights of the encoder or of the start are missing, or do not fit.
        MissingDependency: accelerate is not installed.
    """
    if config.kind != "bearings":
        pairing = config.pairing
        return train_paper(config, lambda: training_heads(pairing), pair_rule(pairing), progress)

    def card(facts: Mapping[str, Any]) -> str:
        rows = used_rows(rows_of_split(_rows(config), "train", any_use_only=True))
        return model_card(config.output.name, ABOUT, LIMITS, facts, rows)

    return run_training("spatialize", config, lambda: _bearings(config), card, progress)


def _bearings(config: TrainConfig) -> Training:
    rows, pairing = _rows(config), config.pairing
    model = build_model("bearings", build_config("bearings", config.model))
    assert isinstance(model, Bearings), "the table of models says so"
    encoder = load_query_encoder(model.config.frame_encoder)
    facts = _begin(model, encoder, config.start)
    train_rows = rows_of_split(rows, "train", any_use_only=True)
    melodies = render_melodies(train_rows, pairing.melodies, config.seed)
    train = load_pair_library(train_rows, melodies)
    held_out = load_pair_library(rows_of_split(rows, "val", any_use_only=True), fewest=1)
    heads = training_heads(pairing)
    settings = PairSettings(config.batch, config.seed, blind=pairing.blind, long=pairing.long)
    rule = pair_rule(pairing)
    batches = PairBatches(
        train, heads, partial(detailed_maps, encoder), encoder.classes, model.config, settings, rule
    )
    kept = fixed_pairs(held_out, batches, config)
    # Convolutions run about twice as fast on a CPU in this layout.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    facts |= {
        "frame_encoder": encoder.id,
        "frame_encoder_sha256": encoder.sha256,
        "heads": list(dict.fromkeys(head.name for head in heads)),
        "seen_and_heard": train.seen(),
        "heard": sorted(train.sounds.things),
        "recordings": sum(train.sounds.recordings(label) for label in train.sounds.things),
        "photos": sum(len(crops) for crops in train.pictures.values()),
    }

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, BearingsObjective)
        return measure_pairs(trained.model, kept)

    objective = BearingsObjective(model, config.losses)
    return Training(objective, batches, validate, facts, finish=fit_half_precision)


def _begin(model: Bearings, encoder: ConceptEncoder, start: str) -> dict[str, Any]:
    """Class directions, and the ear of a separator if one is wanted; says which."""
    vectors = encoder.class_vectors()
    if vectors.shape != model.directions.shape:
        raise ModelError(
            f"classes of {encoder.id} are {tuple(vectors.shape)}, the model takes "
            f"{tuple(model.directions.shape)}; set model.num_classes and model.frame_dim"
        )
    model.directions.copy_(vectors)
    if start == "none":
        return {}
    folder = Path(start)
    loaded = load_checkpoint(folder) if folder.is_dir() else registry.load(start, "separate")
    if isinstance(loaded.module, BandMask):
        model.start_from(loaded.module)
    elif isinstance(loaded.module, Bearings) and loaded.module.config == model.config:
        model.load_state_dict(loaded.module.state_dict())
    else:
        raise ModelError(
            f"{start} is a {loaded.name} of another kind or shape; bearings start from a bandmask or "
            f"bearings like themselves, or with start=none"
        )
    return {"started_from": start, "started_from_sha256": loaded.sha256}


def training_heads(pairing: Pairing) -> list[HrirSet]:
    """Heads through which pairs are heard, one per batch; measured ones as often as all spheres."""
    measured = [load_head(path, SAMPLE_RATE) for path in pairing.heads]
    spheres = [spherical_head(SAMPLE_RATE, r).aligned().levelled() for r in pairing.spheres]
    repeats = max(len(spheres) // max(len(measured), 1), 1)
    return [*(head for head in measured for _ in range(repeats)), *spheres]


def pair_rule(pairing: Pairing) -> PairRule:
    """The rule that a configuration asks for."""
    return PairRule(
        counts=pairing.counts,
        fov_deg=pairing.fov_deg,
        backdrops=pairing.backdrops,
        moving=pairing.moving,
        silent=pairing.silent,
        hidden=pairing.hidden,
        foreign=pairing.foreign,
        ambisonic=pairing.ambisonic,
        rooms=pairing.rooms,
        mixing=MixRule(duration_s=pairing.duration_s),
    )


def fixed_pairs(library: PairLibrary, batches: PairBatches, config: TrainConfig) -> FixedPairs:
    """Pairs for validation: unseen recordings and photos; every sound is seen, and what is seen sounds."""
    rule = replace(
        batches.rule,
        moving=0.0,
        silent=0.0,
        hidden=0.0,
        foreign=0.0,
        varied=0.0,
        ambisonic=0.0,
        rooms=0.0,
    )
    made = []
    for number in range(0, config.pairing.validation, config.batch):
        rng = np.random.default_rng([config.seed + 1, number])
        count = min(config.batch, config.pairing.validation - number)
        pairs = [draw_pair(library, rng, rule) for _ in range(count)]
        made.append(batches.collate(pairs, number // config.batch % len(batches.heads), rng))
    return FixedPairs(made)


def _rows(config: TrainConfig) -> list[SourceRow]:
    assert config.sources is not None, "checked by the configuration"
    return read_sources(config.sources)
