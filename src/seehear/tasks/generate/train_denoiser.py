"""Train the flow transformer on prepared latents, afresh or from a trained one (adaptation)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seehear import registry
from seehear.checkpoint import load_checkpoint
from seehear.data.sounds import rows_of_split
from seehear.data.sources import read_sources
from seehear.errors import ModelError
from seehear.models import build_config, build_model
from seehear.models.visualaudio.denoiser import Denoiser
from seehear.nn.lora import add_low_rank, merge_low_rank
from seehear.tasks.cards import model_card
from seehear.tasks.generate.cavp_card import used_rows
from seehear.tasks.generate.denoiser_card import ABOUT, LIMITS
from seehear.tasks.generate.denoiser_options import DenoiserTraining
from seehear.tasks.generate.latent_batches import LatentBatches, fixed_batches
from seehear.tasks.generate.latent_clips import LatentClips, sources_of
from seehear.tasks.generate.objective import DenoiserObjective, measure_flow
from seehear.tasks.generate.pack import PARTS, add_parts, check_parts
from seehear.tasks.training import Training, run_training
from seehear.train.best import BestWeights
from seehear.train.loop import Progress
from seehear.train.patience import Patience

ATTENTION = ("query", "key", "value", "out", "key_video", "value_video")
"""Layers that low-rank changes are made to."""
VALIDATION_BATCH = 8


def train_denoiser(config: DenoiserTraining, progress: Progress | None = None) -> dict[str, Any]:
    """Train a denoiser, or go on with a run that was stopped; see `train_generate`.

    Raises:
        InputError: the corpus is damaged, or lacks a split.
        ModelError: the start or a part is no checkpoint that fits.
        MissingDependency: accelerate is not installed.
    """
    parts = {name: Path(getattr(config, name)) for name in PARTS if getattr(config, name)}
    check_parts(parts)

    def card(facts: Mapping[str, Any]) -> str:
        rows = [] if config.sources is None else read_sources(config.sources)
        used = used_rows(rows_of_split(rows, "train", any_use_only=True)) if rows else []
        return model_card(config.output.name, ABOUT, LIMITS, facts, used)

    report = run_training("generate", config, lambda: _prepare(config), card, progress)
    if parts:
        add_parts(Path(report["checkpoint"]), parts)
    return report


def _prepare(config: DenoiserTraining) -> Training:
    assert config.manifest is not None, "checked by the configuration"
    clips = LatentClips(config.manifest)
    train, held_out = clips.keys("train"), clips.keys("val")
    model, facts = _model(config, clips)
    batches = LatentBatches(clips, train, config.showing, config.batch, config.seed)
    kept = fixed_batches(clips, held_out, config.showing, VALIDATION_BATCH, config.seed + 1)
    null = torch.tensor(clips.info.null)
    best, patience = (
        BestWeights(config.output, "score"),
        Patience(config.output, config.adapt.patience),
    )

    def validate(trained: nn.Module) -> dict[str, float]:
        assert isinstance(trained, DenoiserObjective), "what was given to the loop"
        numbers = measure_flow(trained, kept, null)
        patience.tell(best.offer(trained.model, numbers))
        return numbers

    finish = merge_low_rank if config.adapt.rank else None
    info = clips.info
    facts |= {
        "window_s": max(config.showing.windows_s),
        "guidance": config.guidance,
        "steps": config.sampling_steps,
        "latent_scale": info.scale,
        "latent_rate": info.latent_rate,
        "video_rate": info.video_rate,
        "null": list(info.null),
        "cavp_sha256": info.cavp_sha256,
        "vae_sha256": info.vae_sha256,
        "clips": len(train),
        "recordings": len(sources_of(clips, train)),
        "classes": sorted({clips.rows[key].label for key in train} - {""}),
    }
    return Training(
        DenoiserObjective(model),
        batches,
        validate,
        facts,
        best=best,
        finish=finish,
        enough=patience.over,
    )


def _model(config: DenoiserTraining, clips: LatentClips) -> tuple[Denoiser, dict[str, Any]]:
    """The network that learns, and what is to be told about its start."""
    info = clips.info
    facts: dict[str, Any] = {}
    if config.start:
        folder = Path(config.start)
        found = (
            load_checkpoint(folder) if folder.is_dir() else registry.load(config.start, "generate")
        )
        model = found.module.train()
        if not isinstance(model, Denoiser):
            raise ModelError(f"{config.start} is a {found.name}; a denoiser starts from a denoiser")
        for name, own in (("cavp_sha256", info.cavp_sha256), ("vae_sha256", info.vae_sha256)):
            if found.meta.get(name, own) != own:
                raise ModelError(
                    f"{config.start} and the corpus were made with different weights ({name}); "
                    f"prepare the corpus with the parts of the model that you start from"
                )
        facts = {"started_from": config.start, "started_from_sha256": found.sha256}
    else:
        built = build_model("denoiser", build_config("denoiser", config.model))
        assert isinstance(built, Denoiser), "the table of models says so"
        model = built
    shape, wanted = model.config, info.latent_rate / info.video_rate
    if (shape.latent, shape.video) != (info.latent, info.video):
        raise ModelError(
            f"the model takes {shape.latent} latents and {shape.video} video numbers, the corpus has "
            f"{info.latent} and {info.video}; set model.latent and model.video"
        )
    if abs(shape.latents_per_frame - wanted) > 1e-6:
        raise ModelError(
            f"the corpus has {wanted:g} latents per video feature, the model "
            f"{shape.latents_per_frame:g}; set model.latents_per_frame"
        )
    if config.adapt.rank:
        add_low_rank(model, ATTENTION, config.adapt.rank)
    return model, facts
