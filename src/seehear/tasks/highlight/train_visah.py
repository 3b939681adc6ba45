"""Train VisAH on a prepared corpus: stems muddied on the fly, features of frames and captions.

As published: Adam 1e-4, 24 clips a step, multi-resolution STFT loss. Unlike published: a new muddy
mix every time a clip is met, a random window where a clip is longer than the model's, clips of any
length, and frames and captions may be dropped so that either may be absent (`drop_context`).
Context features are computed once before the first step and kept in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seehear.data.manifest import ClipRow, Manifest, read_manifest
from seehear.data.muddy import Level, MuddySpec, make_muddy
from seehear.dsp.resample import resample
from seehear.errors import ConfigError, InputError
from seehear.features.captions import load_caption_encoder
from seehear.features.frames import load_frame_encoder
from seehear.losses import Variant, multi_resolution_stft
from seehear.models import build_config, build_model
from seehear.nn.context import Context, Tokens
from seehear.tasks.highlight.pairs import load_frames, load_pair, load_row_captions, load_stems
from seehear.tasks.highlight.train_options import TrainConfig
from seehear.train.loop import MakeBatch, Validate

VALIDATION_CLIPS = 100
"""As published: the first clips of the validation list."""


@dataclass(frozen=True)
class PairBatch:
    """Muddy and finished sound [B, 1, L] with context."""

    mixture: Tensor
    target: Tensor
    context: Context

    def to(self, device: torch.device) -> PairBatch:
        """The same batch on another device."""
        return PairBatch(self.mixture.to(device), self.target.to(device), self.context.to(device))


@dataclass(frozen=True)
class Seen:
    """Features of one clip's frames or captions, with their times in seconds."""

    values: Tensor
    times: Tensor


class PairBatches:
    """Batch number -> clips of a manifest, muddied; the same number gives the same batch.

    Args:
        manifest: where the rows come from.
        rows: clips of one split.
        config: of the run.
        model_config: of the model (rate, window, encoders).
        fixed: clips in order, muddied by their own seeds, no dropped context: for validation.
    """

    def __init__(
        self,
        manifest: Manifest,
        rows: tuple[ClipRow, ...],
        config: TrainConfig,
        model_config: Any,
        fixed: bool = False,
    ) -> None:
        self.manifest, self.rows, self.config, self.fixed = manifest, rows, config, fixed
        self.model_config = model_config
        self.seen = _features(manifest, rows, model_config)

    def __call__(self, number: int) -> PairBatch:
        size = self.config.batch
        rng = np.random.default_rng([self.config.seed, number])
        clips = [self._clip(self._row(number * size + i), rng) for i in range(size)]
        return PairBatch(
            torch.stack([mixture for mixture, _, _ in clips]),
            torch.stack([target for _, target, _ in clips]),
            Context(
                _tokens([seen.get("frames") for _, _, seen in clips], self.model_config.frame_dim),
                _tokens(
                    [seen.get("captions") for _, _, seen in clips], self.model_config.caption_dim
                ),
            ),
        )

    def _row(self, position: int) -> ClipRow:
        """Clips in order, or shuffled anew in every pass through the corpus."""
        round_, index = divmod(position, len(self.rows))
        if self.fixed:
            return self.rows[index]
        order = np.random.default_rng([self.config.seed, round_, 1]).permutation(len(self.rows))
        return self.rows[int(order[index])]

    def _clip(
        self, row: ClipRow, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, dict[str, Seen]]:
        """Sound [1, L] at the model's rate, and the features of the same window."""
        mixture, target = self._pair(row, rng)
        rate, window_s = self.model_config.sample_rate, self.model_config.window_s
        length = round(window_s * rate)
        both = resample(torch.cat([mixture, target]), row.sample_rate, rate)  # [2, T]
        surplus = both.shape[1] - length
        start = 0 if self.fixed or surplus <= 0 else int(rng.integers(surplus + 1))
        both = nn.functional.pad(both, (0, max(-surplus, 0)))[:, start : start + length]
        seen = {}
        for name, features in self.seen[row.id].items():
            if not self.fixed and rng.random() < self.config.drop_context:
                continue
            times = features.times - start / rate
            inside = (times >= 0) & (times < window_s)
            seen[name] = Seen(features.values[inside], times[inside])
        return both[:1], both[1:], seen

    def _pair(self, row: ClipRow, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Muddy and finished mono sound [1, T] at the row's rate."""
        if self.fixed or row.stems is None:
            pair = load_pair(self.manifest, row)
            return (
                pair.mixture.waveform.mean(0, keepdim=True),
                pair.target.waveform.mean(0, keepdim=True),
            )
        stems = load_stems(self.manifest, row).mean(1)  # [3, C, T] -> [3, T]
        level: Level = self.config.muddy
        mode = row.muddy.mode if row.muddy is not None else "paper"
        spec = MuddySpec(mode, level, int(rng.integers(2**31)))
        mixture, _, _ = make_muddy(stems, row.sample_rate, spec)
        return mixture[None], stems.sum(0, keepdim=True)


class VisahObjective(nn.Module):
    """Multi-resolution STFT distance of output and target."""

    def __init__(self, model: nn.Module, variant: Variant) -> None:
        super().__init__()
        self.model, self.variant = model, variant

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        estimate = self.model(batch.mixture, batch.context)
        loss = multi_resolution_stft(estimate.float(), batch.target, self.variant)
        return {"loss": loss}


def prepare_visah(
    config: TrainConfig,
) -> tuple[nn.Module, MakeBatch, Validate, dict[str, Any]]:
    """Objective, batches, validation and facts for the checkpoint.

    Raises:
        ConfigError: the model is to see or read, and no clip of the corpus has frames or captions.
        InputError: the manifest or a file it names is wrong.
    """
    assert config.manifest is not None, "checked by the configuration"
    manifest = read_manifest(config.manifest)
    missing = manifest.missing_files()
    if missing:
        raise InputError(
            f"{missing[0]} is missing ({len(missing)} in all); prepare the corpus again"
        )
    model_config = build_config("visah", config.model)
    model = build_model("visah", model_config)
    batches = PairBatches(manifest, manifest.split("train"), config, model_config)
    held_out = PairBatches(
        manifest, manifest.split("val")[:VALIDATION_CLIPS], config, model_config, fixed=True
    )
    if (model_config.frame_encoder or model_config.caption_encoder) and not any(
        batches.seen.values()
    ):
        raise ConfigError(
            "no training clip has frames or captions for the encoders that the model names; "
            "prepare them, or set both encoders to ''"
        )

    def validate(trained: nn.Module) -> dict[str, float]:
        device = next(trained.parameters()).device
        count = max(len(held_out.rows) // config.batch, 1)
        losses = [trained(held_out(n).to(device))["loss"] for n in range(count)]
        return {"loss": float(torch.stack(losses).mean())}

    facts = {
        "loss": config.loss,
        "frame_encoder": model_config.frame_encoder,
        "caption_encoder": model_config.caption_encoder,
        "clips": len(batches.rows),
    }
    return VisahObjective(model, config.loss), batches, validate, facts


def _features(
    manifest: Manifest, rows: tuple[ClipRow, ...], model_config: Any
) -> dict[str, dict[str, Seen]]:
    """Clip id -> features for the encoders that the model names; absent ones are left out."""
    look = load_frame_encoder(model_config.frame_encoder) if model_config.frame_encoder else None
    read = (
        load_caption_encoder(model_config.caption_encoder) if model_config.caption_encoder else None
    )
    found: dict[str, dict[str, Seen]] = {}
    for row in rows:
        seen = found.setdefault(row.id, {})
        video = load_frames(manifest, row, look.frame_size) if look is not None else None
        if look is not None and video is not None:
            seen["frames"] = Seen(look.encode(video.frames), video.times.float())
        said = load_row_captions(manifest, row) if read is not None else ()
        if read is not None and said:
            middles = torch.tensor([(c.start_s + c.end_s) / 2 for c in said])
            seen["captions"] = Seen(read.encode([c.text for c in said]), middles)
    return found


def _tokens(seen: list[Seen | None], dim: int) -> Tokens | None:
    """Pad features of several clips to one batch; None where no clip has any."""
    longest = max((len(s.times) for s in seen if s is not None), default=0)
    if longest == 0:
        return None
    values, times = torch.zeros(len(seen), longest, dim), torch.zeros(len(seen), longest)
    mask = torch.zeros(len(seen), longest, dtype=torch.bool)
    for i, features in enumerate(seen):
        if features is not None:
            count = len(features.times)
            values[i, :count], times[i, :count] = features.values, features.times
            mask[i, :count] = True
    return Tokens(values, times, mask)
