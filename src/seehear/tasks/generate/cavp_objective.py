"""What one training step of CAVP and of QuickCAVP is: clips in, losses out."""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from seehear.dsp.mel import log_mel
from seehear.models.visualaudio.cavp import (
    CAVP,
    audio_picture,
    contrast,
    pooled,
    temporal_contrast,
)
from seehear.models.visualaudio.quick_cavp import QuickCAVP
from seehear.tasks.generate.cavp_options import CAVPTerms
from seehear.tasks.generate.pair_batches import PairBatch

BLOCK = 4
"""Features whose mean is a moment: a fifth of a second."""
LEVEL_WEIGHT = 4.0
ONSET_WEIGHT = 3.0
"""Onsets are rare; each counts for so many steps without."""
GAIN_DB = 6.0


class CAVPObjective(nn.Module):
    """Contrast over windows of clips, and among the windows of each clip.

    Args:
        model: both encoders.
        windows: of each clip.
        window_s: their length.
        terms: weights.

    Source: VisualAudio (contrast), Diff-Foley (windows); windows start at random, at least half of
    their length apart where the clip is long enough, else evenly spread.
    """

    def __init__(self, model: CAVP, windows: int, window_s: float, terms: CAVPTerms) -> None:
        super().__init__()
        self.model, self.windows, self.terms = model, windows, terms
        self.frames = round(window_s * model.config.frame_rate)

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        self.model.limit_scale()
        rate = self.model.config.frame_rate
        step = round(self.model.config.mel.sample_rate / rate)
        starts = self._starts(batch.frames.shape[1])
        frames = torch.stack([batch.frames[:, s : s + self.frames] for s in starts], 1)
        waves = torch.stack(
            [batch.waveforms[:, s * step : (s + self.frames) * step] for s in starts], 1
        )
        video = gathered(pooled(self.model.embed_video(frames.flatten(0, 1))))
        picture = audio_picture(waves.flatten(0, 1), self.model.config)
        audio = gathered(pooled(self.model.embed_audio(picture)))
        scale = self.model.log_scale
        between = contrast(video, audio, scale)
        loss, told = between, {"between": between}
        if self.terms.temporal and self.windows > 1:
            told["within"] = temporal_contrast(video, audio, scale, self.windows)
            loss = loss + self.terms.temporal * told["within"]
        return {"loss": loss, **told}

    def _starts(self, count: int) -> list[int]:
        """First frames of the windows."""
        room = count - self.frames
        apart = self.frames // 2
        if self.windows > 1 and room < (self.windows - 1) * apart:
            return [round(room * n / (self.windows - 1)) for n in range(self.windows)]
        free = room - (self.windows - 1) * apart
        drawn = torch.randint(0, free + 1, (self.windows,)).sort().values.tolist()
        return [int(start) + n * apart for n, start in enumerate(drawn)]


def gathered(rows: Tensor) -> Tensor:
    """Rows of all processes of a run, [N, D] -> [processes * N, D].

    Every process has the same loss; the gradient to its own rows is multiplied by the number of
    processes, because what they send back is averaged.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return rows
    world = distributed.get_world_size()
    everywhere = [torch.empty_like(rows) for _ in range(world)]
    distributed.all_gather(everywhere, rows.detach().contiguous())
    everywhere[distributed.get_rank()] = rows + (world - 1) * (rows - rows.detach())
    return torch.cat(everywhere)


class QuickObjective(nn.Module):
    """Contrast of clips step by step and as a whole, of moments, and what features must tell.

    Args:
        model: both encoders.
        classes: number of classes, 0 = unknown.
        terms: weights.
        unseen: share of clips without appearance vectors.
    """

    def __init__(self, model: QuickCAVP, classes: int, terms: CAVPTerms, unseen: float) -> None:
        super().__init__()
        self.model, self.terms, self.unseen = model, terms, unseen
        dim = model.config.dim
        # One reader for both towers: what it reads must stand in the same place in both.
        self.events = nn.Linear(dim, 2)
        self.classes = nn.Linear(dim, max(classes, 1))
        self.has_classes = classes > 1

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        self.model.limit_scale()
        looks = batch.looks
        if self.training and self.unseen:
            kept = torch.rand(len(looks), 1, 1, device=looks.device) >= self.unseen
            looks = looks * kept
        waves = batch.waveforms
        if self.training:
            gain = GAIN_DB * (2 * torch.rand(len(waves), 1, device=waves.device) - 1)
            waves = waves * 10 ** (gain / 20)
        video = functional.normalize(self.model.embed_video(batch.frames, looks), dim=-1)
        heard = log_mel(waves, self.model.config.mel)
        audio = functional.normalize(self.model.embed_audio(heard), dim=-1)
        return self._losses(video, audio, batch)

    def _losses(self, video: Tensor, audio: Tensor, batch: PairBatch) -> dict[str, Tensor]:
        terms, scale = self.terms, self.model.log_scale
        root = video.shape[1] ** 0.5
        told = {"aligned": contrast(video.flatten(1) / root, audio.flatten(1) / root, scale)}
        loss = told["aligned"]
        means = [functional.normalize(x.mean(dim=1), dim=-1) for x in (video, audio)]
        if terms.pooled:
            told["pooled"] = contrast(means[0], means[1], scale)
            loss = loss + terms.pooled * told["pooled"]
        if terms.temporal:
            told["moments"] = self._moments(video, audio)
            loss = loss + terms.temporal * told["moments"]
        if terms.onsets:
            told["onsets"], told["levels"] = self._events(video, audio, batch)
            loss = loss + terms.onsets * (told["onsets"] + LEVEL_WEIGHT * told["levels"])
        if terms.classes and self.has_classes:
            told["classes"] = self._classes(video, audio, batch.labels)
            loss = loss + terms.classes * told["classes"]
        return {"loss": loss, **told}

    def _moments(self, video: Tensor, audio: Tensor) -> Tensor:
        count = video.shape[1] // BLOCK

        def means(x: Tensor) -> Tensor:
            cut = x[:, : count * BLOCK].reshape(len(x) * count, BLOCK, -1).mean(dim=1)
            return functional.normalize(cut, dim=-1)

        return temporal_contrast(means(video), means(audio), self.model.log_scale, count)

    def _events(self, video: Tensor, audio: Tensor, batch: PairBatch) -> tuple[Tensor, Tensor]:
        weight = torch.tensor(ONSET_WEIGHT, device=video.device)
        onsets, levels = video.new_zeros(()), video.new_zeros(())
        for features in (video, audio):
            read = self.events(features * features.shape[-1] ** 0.5)  # [B, S, 2]
            onsets = onsets + functional.binary_cross_entropy_with_logits(
                read[..., 0], batch.onsets, pos_weight=weight
            )
            levels = levels + functional.mse_loss(read[..., 1].sigmoid(), batch.levels)
        return onsets / 2, levels / 2

    def _classes(self, video: Tensor, audio: Tensor, labels: Tensor) -> Tensor:
        loss = video.new_zeros(())
        for features in (video, audio):
            scores = self.classes(features.mean(dim=1) * features.shape[-1] ** 0.5)
            loss = loss + functional.cross_entropy(scores, labels, ignore_index=-1) / 2
        # A batch without any label has nothing to say.
        return torch.nan_to_num(loss) if bool((labels < 0).all()) else loss
