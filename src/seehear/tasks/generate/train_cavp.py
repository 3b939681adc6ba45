"""Train the encoders that bring pictures and sounds of the same moments together.

`cavp` is the published system, `quick_cavp` the small one behind `generate/starter`. Clips are drawn
while training (sources) or decoded (manifest). Validation: does each clip of the validation split find its
partner among the others, both ways, as a whole and among clips of its class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seehear.data.procedural_clips import CLASSES, load_stock
from seehear.data.sounds import rows_of_split
from seehear.data.sources import read_sources
from seehear.errors import ConfigError
from seehear.metrics.retrieval import retrieval, retrieval_within
from seehear.models import build_config, build_model
from seehear.models.visualaudio.cavp import CAVP
from seehear.models.visualaudio.quick_cavp import QuickCAVP, aligned
from seehear.runtime import Runtime
from seehear.tasks.cards import model_card
from seehear.tasks.generate.cavp_card import ABOUT, LIMITS, used_rows
from seehear.tasks.generate.cavp_objective import CAVPObjective, QuickObjective
from seehear.tasks.generate.cavp_options import CAVPTrainConfig
from seehear.tasks.generate.pair_batches import (
    TEST_LOW_PASS_HZ,
    TEST_SHOT_RATE,
    DrawnPairs,
    ListedPairs,
    Pair,
    PairBatches,
    PairSource,
)
from seehear.tasks.generate.sight import Sight, appearance, load_appearance, quick_sight, reduced
from seehear.tasks.training import Training, run_training
from seehear.train.best import BestWeights
from seehear.train.loop import Progress

TRAINED_SIDE = 64
"""Drawn clips are drawn at this size for QuickCAVP; its appearance network sees half of its frames' side."""
SCORE = "score"


def train_cavp(config: CAVPTrainConfig, progress: Progress | None = None) -> dict[str, Any]:
    """Train a model, or go on with a run that was stopped.

    Args:
        config: what to train; saved as `train.json` in the run folder.
        progress: called with (steps done, steps planned, note); may raise `Cancelled`.

    Returns:
        Folder of the checkpoint, its sha256, steps, minutes, why it stopped, validation numbers.

    Raises:
        InputError: a manifest or a file it names is wrong.
        ModelError: weights of an encoder are missing, or the state belongs to another model.
        MissingDependency: accelerate is not installed.
    """

    def card(facts: Mapping[str, Any]) -> str:
        rows = []
        if config.sources is not None:
            rows = used_rows(rows_of_split(read_sources(config.sources), "train", True))
        return model_card(config.output.name, ABOUT[config.kind], LIMITS[config.kind], facts, rows)

    def prepare() -> Training:
        model = build_model(config.kind, build_config(config.kind, config.model))
        if isinstance(model, QuickCAVP):
            return _quick(config, model)
        assert isinstance(model, CAVP), "the table of models says so"
        return _paper(config, model)

    return run_training("generate", config, prepare, card, progress)


def _paper(config: CAVPTrainConfig, model: CAVP) -> Training:
    rate, size = model.config.frame_rate, model.config.frame_size
    train, held_out = _sources(config, rate, size)
    batches = PairBatches(train, config.batch, config.seconds, rate, _plain)
    objective = CAVPObjective(model, config.windows, config.window_s, config.terms)
    return _training(config, objective, batches, train, held_out)


def _training(
    config: CAVPTrainConfig,
    objective: nn.Module,
    batches: PairBatches,
    train: PairSource,
    held_out: PairSource,
) -> Training:
    best = BestWeights(config.output, SCORE)
    validate = _validation(config, held_out, best)
    return Training(objective, batches, validate, _facts(config, train), best=best)


def _quick(config: CAVPTrainConfig, model: QuickCAVP) -> Training:
    concepts = load_appearance(model.config.appearance)
    every, motion = model.config.look_every, model.config.motion_size

    def ready(frames: Tensor) -> tuple[Tensor, Tensor]:
        scaled = frames.float() / 255.0
        count = math.ceil(len(frames) / every)
        with torch.inference_mode():
            # Every other look: a thing looks the same for the seconds of a clip.
            looks = appearance(concepts, scaled[:: 2 * every])
        return reduced(scaled, motion), looks.clone().repeat_interleave(2, dim=0)[:count]

    # The network of appearances reads pictures of half its frames' side alike.
    side = min(TRAINED_SIDE, model.config.frame_size)
    side = side if config.sources is not None else model.config.frame_size
    train, held_out = _sources(config, model.config.frame_rate, side, model.config.frame_size)
    rate = model.config.frame_rate
    batches = PairBatches(train, config.batch, config.seconds, rate, ready, config.uses)
    classes = len(train.labels)
    objective = QuickObjective(model, classes, config.terms, config.unseen)
    return _training(config, objective, batches, train, held_out)


def _plain(frames: Tensor) -> tuple[Tensor, Tensor]:
    return frames.float() / 255.0, torch.zeros(0)


def _sources(
    config: CAVPTrainConfig, rate: float, size: int, held_out_size: int = 0
) -> tuple[PairSource, PairSource]:
    """Clips for training and for validation."""
    held_out_size = held_out_size or size
    if config.manifest is not None:
        return (
            ListedPairs(config.manifest, "train", rate, size, config.seed),
            ListedPairs(config.manifest, "val", rate, held_out_size, 0),
        )
    if config.sources is None:
        raise ConfigError("training needs sources=FILE or manifest=FILE")
    rows = read_sources(config.sources)
    train = load_stock(rows_of_split(rows, "train", True), "train", config.melodies, config.seed)
    val = load_stock(rows_of_split(rows, "val", True), "val")
    fixed = (TEST_LOW_PASS_HZ, TEST_LOW_PASS_HZ)
    return (
        DrawnPairs(train, rate, size, config.seed, config.low_pass_hz),
        DrawnPairs(val, rate, held_out_size, 1, fixed, (TEST_SHOT_RATE,)),
    )


def _facts(config: CAVPTrainConfig, source: PairSource) -> dict[str, Any]:
    told: dict[str, Any] = {"corpus": config.corpus, "classes": list(source.labels)}
    if isinstance(source, DrawnPairs):
        sounds = source.stock.sounds
        told["recordings"] = len({s.source_id for name in sounds for s in sounds[name]})
        told["photos"] = len(source.stock.pixels)
        told["simulated"] = f"all pictures: procedural video, {len(CLASSES)} classes"
    return told


def _sight_of(model: nn.Module) -> Sight:
    runtime = Runtime(torch.device(next(model.parameters()).device))
    if isinstance(model, QuickCAVP):
        return quick_sight(model, runtime, "")
    assert isinstance(model, CAVP), "one of two"
    return Sight(model, runtime, "")


def _validation(
    config: CAVPTrainConfig, source: PairSource, best: BestWeights
) -> Callable[[nn.Module], dict[str, float]]:
    """Retrieval on fixed clips of the validation split."""
    kept: list[Pair] = []

    def validate(objective: nn.Module) -> dict[str, float]:
        if not kept:
            kept.extend(source.pair(n, config.validation_s) for n in range(config.validation))
        model = objective.get_submodule("model")
        numbers = measure(_sight_of(model), kept)
        best.offer(model, numbers)
        return numbers

    return validate


def measure(sight: Sight, pairs: list[Pair]) -> dict[str, float]:
    """Retrieval among clips, in percent of nothing: all numbers 0..1.

    Returns:
        Recalls and mean average precision both ways (`retrieval`), `within_r1` and `within_chance`
        among clips of one class; with time averaged away `pooled_r1`, and `same_class`: share of
        videos whose nearest sound is of their class; `score`: what the best weights are chosen by, the
        mean of `same_class` and both R@1's mean.
    """
    video = torch.stack([sight.encode(pair.frames) for pair in pairs])
    sound = torch.cat([sight.embed_sound(pair.waveform[None]) for pair in pairs])
    count = min(video.shape[1], sound.shape[1])
    likeness = likeness_of(sight, video[:, :count], sound[:, :count])
    numbers = retrieval(likeness)
    found = (numbers["video_to_sound_r1"] + numbers["sound_to_video_r1"]) / 2
    means = [nn.functional.normalize(x.mean(dim=1), dim=-1) for x in (video, sound)]
    pooled_likeness = means[0] @ means[1].t()
    numbers["pooled_r1"] = retrieval(pooled_likeness)["video_to_sound_r1"]
    numbers[SCORE] = found
    labels = [pair.label for pair in pairs]
    if len(set(labels)) < len(labels) and all(labels):
        within = retrieval_within(likeness, labels)
        numbers |= {"within_r1": within["r1"], "within_chance": within["chance"]}
        nearest = pooled_likeness.argmax(dim=1).tolist()
        hits = [labels[i] == labels[n] for i, n in enumerate(nearest)]
        numbers["same_class"] = sum(hits) / len(hits)
        numbers[SCORE] = (found + numbers["same_class"]) / 2
    return numbers


def likeness_of(sight: Sight, video: Tensor, sound: Tensor) -> Tensor:
    """Scores of all pairs, as `Sight.score` of each: [V, S, D], [A, S, D] -> [V, A]."""
    if sight.name == "quick_cavp":
        return aligned(video, sound)
    seen = torch.stack([torch.cat(sight.summary(v)) for v in video])  # [V, W, D]
    heard = torch.stack([torch.cat(sight.summary(s)) for s in sound])
    return aligned(seen, heard)
