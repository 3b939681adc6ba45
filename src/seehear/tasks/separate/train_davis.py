"""Train DAVIS or DAVIS-Flow: mix clips of a corpus, ask for each of them by its frames.

As published: two clips of different classes, random gains, L1 distance, Adam 1e-4, frozen image encoder.
Unlike published: the checkpoint is chosen on the validation split (the public code chooses on the test
pairs); features of frames are computed once (`looks.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from seehear.data.pair_list import PairRow, draw_pairs
from seehear.data.thing_clips import ClipSource, clips_of_split, open_clips
from seehear.data.thing_manifest import ThingClip, leaks
from seehear.errors import InputError, ModelError
from seehear.features.sight import load_sight
from seehear.metrics.separation import bss_eval, si_sdr
from seehear.models import build_config, build_model
from seehear.models.davis import Davis
from seehear.runtime import choose_runtime
from seehear.tasks.separate.davis_answers import DavisAnswers
from seehear.tasks.separate.davis_data import PairBatch, PairBatches, PairSettings, cut_window
from seehear.tasks.separate.davis_objective import DavisObjective
from seehear.tasks.separate.looks import Looks
from seehear.tasks.separate.train_options import TrainConfig
from seehear.tasks.training import Training
from seehear.train.best import BestWeights
from seehear.train.loop import Progress

SCORE = "sdr"
"""Decides on the checkpoint, as published; SI-SDR stands beside it."""
VALIDATION_BATCH = 4
FEATURES = "features"


def prepare_davis(config: TrainConfig, progress: Progress | None = None) -> Training:
    """Objective, batches, validation, choice of the checkpoint and facts for it.

    Raises:
        InputError: the corpus is wrong, lacks a split, or has a recording in two.
        ModelError: weights of the frame encoder are missing, or it gives vectors of another length.
    """
    assert config.manifest is not None, "checked by the configuration"
    source = open_clips(config.manifest)
    shared = leaks(source.clips)
    if shared:
        raise InputError(
            f"{len(shared)} recordings are in more than one split, the first is "
            f"{next(iter(shared))}; prepare the corpus again with --drop-leaks"
        )
    train, held_out = (clips_of_split(source, split) for split in ("train", "val"))
    model = build_model("davis", build_config("davis", config.model))
    assert isinstance(model, Davis), "the table of models says so"
    looks = _looks(config, source, model)
    pairing = config.pairing
    chosen = draw_pairs(held_out, 1, config.seed)
    order = np.random.default_rng(config.seed).permutation(len(chosen))[: pairing.validation]
    pairs = [chosen[i] for i in sorted(order)]
    in_pairs = {name for pair in pairs for name in pair.clips}
    looks.prepare([*train, *(c for c in held_out if c.id in in_pairs)], progress)
    settings = PairSettings(
        config.batch, config.seed, pairing.sounds, pairing.gain, pairing.frames, pairing.span_s
    )
    batches = PairBatches(source, train, looks, model.config, settings)
    kept = fixed_pairs(source, pairs, looks, model.config, pairing.frames, pairing.span_s)
    best = BestWeights(config.output, SCORE)

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, DavisObjective)
        numbers = measure_pairs(trained.model, kept)
        best.offer(trained.model, numbers)
        return numbers

    facts = {
        "frame_encoder": looks.encoder.id,
        "frame_encoder_sha256": looks.encoder.sha256,
        "frames": pairing.frames,
        "span_s": pairing.span_s or model.config.window_s,
        "frame_rate": pairing.frame_rate,
        "distance": config.distance,
        "corpus": config.corpus or str(config.manifest),
        "clips": len(train),
        "classes": sorted({clip.label for clip in train}),
        "chosen_by": f"{SCORE} on {len(pairs)} mixtures of the validation split",
    }
    objective = DavisObjective(model, config.distance)
    return Training(objective, batches, validate, facts, best=best)


def _looks(config: TrainConfig, source: ClipSource, model: Davis) -> Looks:
    assert config.manifest is not None, "checked by the configuration"
    runtime = choose_runtime(config.device, "fp32")
    encoder = load_sight(model.config.frame_encoder, runtime)
    if encoder.dim != model.config.frame_dim:
        raise ModelError(
            f"{encoder.id} gives {encoder.dim} numbers a frame, the model takes "
            f"{model.config.frame_dim}; set model.frame_dim"
        )
    beside = config.manifest if config.manifest.is_dir() else config.manifest.parent
    folder = Path(config.features) if config.features else beside / FEATURES
    pairing = config.pairing
    return Looks(source, encoder, folder, pairing.frame_rate, pairing.crops, config.seed)


def fixed_pairs(
    source: ClipSource,
    pairs: Sequence[PairRow],
    looks: Looks,
    config: Any,
    frames: int,
    span_s: float = 0.0,
) -> PairBatch:
    """Windows from the middle of the clips of pairs, with whole frames, all in memory."""
    by_id: dict[str, ThingClip] = {clip.id: clip for clip in source.clips}
    stems, seen = [], []
    for pair in pairs:
        for clip in (by_id[name] for name in pair.clips):
            centre = source.duration_s(clip) / 2
            stems.append(cut_window(source, clip, centre, config))
            seen.append(looks.pick(clip, centre, frames, span_s or config.window_s))
    shape = (len(pairs), len(pairs[0].clips))
    waves, looked = torch.from_numpy(np.stack(stems)), torch.from_numpy(np.stack(seen))
    return PairBatch(waves.reshape(*shape, -1), looked.reshape(*shape, *looked.shape[1:]))


def measure_pairs(model: Davis, pairs: PairBatch) -> dict[str, float]:
    """Separate fixed mixtures.

    Returns:
        `sdr`, `si_sdr_gain`: means over mixtures without silent ones, dB; `silent`: their number.
    """
    answers = DavisAnswers(model)
    sdr: list[float] = []
    gains: list[float] = []
    for begin in range(0, len(pairs.stems), VALIDATION_BATCH):
        part = slice(begin, begin + VALIDATION_BATCH)
        mixtures = pairs.stems[part].mean(1)
        made = answers.windows(mixtures, pairs.frames[part]).double().numpy()
        truth = pairs.stems[part, :, : made.shape[-1]].double().numpy()
        before = np.broadcast_to(truth.mean(1, keepdims=True), truth.shape)
        sdr += bss_eval(truth, made).sdr.mean(1).tolist()
        gains += (si_sdr(truth, made) - si_sdr(truth, before)).mean(1).tolist()
    heard = np.isfinite(sdr) & np.isfinite(gains)
    if not heard.any():
        return {"sdr": -100.0, "si_sdr_gain": -100.0, "silent": float(len(heard))}
    return {
        "sdr": float(np.mean(np.array(sdr)[heard])),
        "si_sdr_gain": float(np.mean(np.array(gains)[heard])),
        "silent": float((~heard).sum()),
    }
