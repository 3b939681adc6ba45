"""Training of the published networks: Mono2Binaural and APNet, on pseudo pairs, recordings, or both.

recorded = 1    Mono2Binaural and Sep-Stereo as published: recordings of two ears only
recorded = 0    PseudoBinaural: no recording at all
between         its Augment variant
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seehear.data.binaural_clips import BinauralClips, read_clips
from seehear.data.pseudo_pairs import PairLibrary, PairRule
from seehear.data.sounds import rows_of_split
from seehear.data.sources import SourceRow, read_sources
from seehear.dsp.binaural import ild_db
from seehear.dsp.hrir import HrirSet
from seehear.errors import ConfigError
from seehear.models import build_config, build_model
from seehear.models.pseudobinaural import APNet, Mono2Binaural
from seehear.models.pseudobinaural.windows import differences, to_pair
from seehear.tasks.cards import model_card
from seehear.tasks.spatialize.card import used_rows
from seehear.tasks.spatialize.data_paper import PaperBatch, PaperBatches
from seehear.tasks.spatialize.library import load_pair_library
from seehear.tasks.spatialize.objective_paper import PaperObjective
from seehear.tasks.spatialize.train_options import TrainConfig
from seehear.tasks.spatialize.trunk_weights import start_trunk
from seehear.tasks.training import Training, run_training
from seehear.train.loop import Progress

ABOUT = (
    "A network that turns the sum of two ears and a picture into their difference "
    "(`seehear.models.pseudobinaural`), for `seehear spatialize`."
)
LIMITS = (
    "It hears 8 kHz and sees one picture per 0.63 s. What it learned from pseudo pairs is simulated: photos "
    "on canvases, impulse responses in the free field. It knows the head that it was trained with and no other."
)
SIDED_DB = 1.0
"""Pairs with less level difference have no side."""

Heads = Callable[[], Sequence[HrirSet]]


def train_paper(
    config: TrainConfig, heads: Heads, rule: PairRule, progress: Progress | None = None
) -> dict[str, Any]:
    """Train one of the published networks, or go on with a run that was stopped.

    Args:
        config: what to train.
        heads: makes the heads through which pseudo pairs are heard.
        rule: how pseudo pairs are drawn.
        progress: called with (steps done, steps planned, note).

    Returns:
        What `run_training` returns.

    Raises:
        ConfigError: recordings are wanted and not given.
        InputError: a manifest, a head or a file it names is wrong.
        ModelError: weights for the trunk are missing, or the state belongs to another model.
    """
    paper = config.paper
    if paper.recorded > 0 and paper.recordings is None:
        raise ConfigError(
            f"paper.recorded is {paper.recorded:g}; add paper.recordings=FILE to the command, or "
            f"paper.recorded=0 to train without recordings"
        )

    def card(facts: Mapping[str, Any]) -> str:
        rows = used_rows(_rows(config, "train")) if config.paper.recorded < 1 else []
        return model_card(config.output.name, ABOUT, LIMITS, facts, rows)

    return run_training("spatialize", config, lambda: _prepare(config, heads, rule), card, progress)


def _prepare(config: TrainConfig, heads: Heads, rule: PairRule) -> Training:
    model = build_model(config.kind, build_config(config.kind, config.model))
    assert isinstance(model, Mono2Binaural), "the table of models says so"
    if config.paper.trunk:
        start_trunk(model.visual, config.paper.trunk)
    pseudo = config.paper.recorded < 1
    train = load_pair_library(_rows(config, "train")) if pseudo else None
    held_out = load_pair_library(_rows(config, "val"), fewest=1) if pseudo else None
    ears = list(heads()) if pseudo else []
    batches = _batches(config, model, train, ears, rule, "train")
    kept = _fixed(config, model, held_out, ears, rule)
    facts: dict[str, Any] = {"share_of_recordings": config.paper.recorded}
    if train is not None:
        facts |= {"heads": [head.name for head in ears], "seen_and_heard": train.seen()}
    if config.paper.trunk:
        facts["trunk_started_from"] = config.paper.trunk
    # Convolutions run faster on a CPU in this layout.
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, PaperObjective), "what was given to the loop"
        return measure(trained.model, kept)

    return Training(PaperObjective(model, config.paper), batches, validate, facts)


def _batches(
    config: TrainConfig,
    model: Mono2Binaural,
    library: PairLibrary | None,
    heads: Sequence[HrirSet],
    rule: PairRule,
    split: str,
) -> PaperBatches:
    clips = None
    if config.paper.recorded > 0 and config.paper.recordings is not None:
        listed = [c for c in read_clips(config.paper.recordings) if c.split == split]
        clips = BinauralClips(config.paper.recordings.parent, listed, model.config.sample_rate)
    apart = isinstance(model, APNet) and library is not None and config.paper.separation > 0
    return PaperBatches(
        library, heads, clips, model.config, config.paper, rule, config.batch, config.seed, apart
    )


def _fixed(
    config: TrainConfig,
    model: Mono2Binaural,
    library: PairLibrary | None,
    heads: Sequence[HrirSet],
    rule: PairRule,
) -> list[PaperBatch]:
    """Windows for validation: recordings where there are any, else unseen photos and sounds."""
    plain = replace(rule, moving=0.0, silent=0.0, hidden=0.0, foreign=0.0, varied=0.0)
    recorded = float(config.paper.recorded > 0)
    settings = replace(config.paper, mirrored=0.0, jitter=0.0, recorded=recorded)
    told = replace(config, paper=settings, seed=config.seed + 1)
    batches = _batches(told, model, library, heads, plain, "val")
    batches.separation = False
    count = max(config.pairing.validation // config.batch, 1)
    return [batches(number) for number in range(count)]


@torch.no_grad()
def measure(model: Mono2Binaural, kept: Sequence[PaperBatch]) -> dict[str, float]:
    """Compare with the true ears.

    Returns:
        `difference`: energy of the error of left minus right over that of the truth; mono has 1.
        `side`: share of windows with a level difference above 1 dB whose louder ear is the right one.
    """
    wrong = truth = 0.0
    sides: list[bool] = []
    device = next(model.parameters()).device
    for batch in kept:
        mixture = batch.ears.sum(dim=1)
        seen = model.look(batch.pictures.to(device))
        made = differences(model, model.config, mixture.to(device), seen).cpu()
        wanted = batch.ears[:, 0] - batch.ears[:, 1]
        wrong += float((made - wanted).square().sum())
        truth += float(wanted.square().sum())
        ours, theirs = ild_db(*to_pair(mixture, made)), ild_db(*batch.ears.unbind(1))
        sided = theirs.abs() > SIDED_DB
        sides += (ours.sign() == theirs.sign())[sided].tolist()
    return {
        "difference": wrong / truth if truth > 0 else 1.0,
        "side": sum(sides) / max(len(sides), 1),
    }


def _rows(config: TrainConfig, split: str) -> list[SourceRow]:
    sources: Path | None = config.sources
    assert sources is not None, "checked by the configuration"
    return rows_of_split(read_sources(sources), split, any_use_only=True)
