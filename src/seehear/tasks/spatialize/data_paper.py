"""Training data for Mono2Binaural and APNet: windows of 0.63 s with one picture each.

Pseudo pairs are drawn by `seehear.data.pseudo_pairs`; with recordings at hand a share of the items comes from
them. Batch number n is a pure function of the seed and n.

Levels: both ears are divided by the level of their sum, which is known at run time too. (2.5D and Sep-Stereo
divide by the level of the pair, which tells the network what it has to find out.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seehear.data.binaural_clips import BinauralClips
from seehear.data.canvas import Box, Pixels, compose
from seehear.data.mixes import draw_part, make_mix
from seehear.data.pseudo_pairs import PairLibrary, PairRule, draw_pair, heard
from seehear.dsp.hrir import HrirSet
from seehear.models.pseudobinaural import Mono2BinauralConfig
from seehear.models.pseudobinaural.windows import levels_of
from seehear.tasks.spatialize.paper_options import PaperTraining

LARGER = 15 / 14
"""Pictures are made so much larger, then cut to size (480 x 240 to 448 x 224, as published)."""


@dataclass(frozen=True)
class PaperBatch:
    """Windows with pictures.

    Args:
        pictures: uint8 [B, 3, H, W].
        ears: [B, 2, T], left first; their sum stands at the network's level.
        edges: uint8 [S, 3, H, W], pictures with one thing at each edge; S may be 0.
        parts: [S, 2, T], what the left thing and the right thing sound like, each at the network's level.
    """

    pictures: Tensor
    ears: Tensor
    edges: Tensor
    parts: Tensor

    def to(self, device: torch.device) -> PaperBatch:
        """The same batch on another device."""
        return PaperBatch(*(getattr(self, f.name).to(device) for f in fields(self)))


class PaperBatches:
    """Batch number -> windows of one split.

    Args:
        library: sounds and pictures for pseudo pairs; None = recordings only.
        heads: through which pseudo pairs are heard, one per item.
        clips: recordings of two ears, if there are any.
        config: of the network.
        settings: shares and changes of pictures.
        rule: how pseudo pairs are made; its duration is the network's window.
        batch: items per batch.
        seed: of everything.
        separation: whether items for separation come along, as many.
    """

    def __init__(
        self,
        library: PairLibrary | None,
        heads: Sequence[HrirSet],
        clips: BinauralClips | None,
        config: Mono2BinauralConfig,
        settings: PaperTraining,
        rule: PairRule,
        batch: int,
        seed: int = 0,
        separation: bool = False,
    ) -> None:
        self.library, self.heads, self.clips = library, list(heads), clips
        self.config, self.settings, self.batch, self.seed = config, settings, batch, seed
        mixing = replace(rule.mixing, duration_s=config.num_samples / config.sample_rate)
        self.rule, self.separation = replace(rule, mixing=mixing), separation

    def __call__(self, number: int) -> PaperBatch:
        rng = np.random.default_rng([self.seed, number])
        items = [self._item(rng) for _ in range(self.batch)]
        apart = [self._apart(rng) for _ in range(self.batch if self.separation else 0)]
        ears = torch.stack([ears for _, ears in items])
        ears = ears / levels_of(ears.sum(dim=1), self.config)[:, None, None]
        size = (self.config.frame_height, self.config.frame_width)
        length = self.config.num_samples
        return PaperBatch(
            torch.stack([picture for picture, _ in items]),
            ears,
            torch.stack([p for p, _ in apart]) if apart else torch.zeros(0, 3, *size).byte(),
            torch.stack([s for _, s in apart]) if apart else torch.zeros(0, 2, length),
        )

    def _item(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A picture and both ears, perhaps mirrored."""
        recorded = rng.random() < self.settings.recorded and self.clips is not None
        if recorded or self.library is None:
            assert self.clips is not None, "there are pairs or recordings"
            ears, shown = self.clips.window(rng, self.config.num_samples, self._large)
            picture = shown.permute(1, 2, 0).numpy()
        else:
            pair = draw_pair(self.library, rng, self.rule)
            head = self.heads[int(rng.integers(len(self.heads)))]
            ears = torch.from_numpy(heard(pair, head).sum(axis=0))
            picture = pair.frame(self.config.window_s / 2)
        if rng.random() < self.settings.mirrored:
            picture, ears = np.ascontiguousarray(picture[:, ::-1]), ears.flip(0)
        return self._picture(picture, rng), ears

    def _apart(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Two things at opposite edges and what each sounds like."""
        assert self.library is not None, "separation is learned from pseudo pairs"
        seen, rule = self.library.seen(), self.rule
        chosen = rng.choice(len(seen), size=2, replace=len(seen) < 2)
        labels = [seen[i] for i in chosen]
        crops, boxes = [], []
        height, width = rule.canvas
        for side, label in enumerate(labels):
            group = self.library.pictures[label]
            crop = group[int(rng.integers(len(group)))].pixels
            ratio = min(
                rng.uniform(*rule.height) * height / crop.shape[0],
                rule.widest * width / crop.shape[1],
            )
            tall, wide = (max(round(n * ratio), 3) for n in crop.shape[:2])
            top = int(rng.integers(height - tall + 1))
            boxes.append(Box(0 if side == 0 else width - wide, top, wide, tall))
            crops.append(crop)
        drawn = [draw_part(self.library.sounds.things[x], rng, rule.mixing) for x in labels]
        mix = make_mix([w for w, _ in drawn], labels, [i for _, i in drawn], rng, rule.mixing)
        parts = torch.from_numpy(mix.stems)
        parts = parts / levels_of(parts, self.config)[:, None]
        canvas = compose(np.zeros((*rule.canvas, 3), np.uint8), crops, boxes)
        return self._picture(canvas, rng), parts

    @property
    def _large(self) -> tuple[int, int]:
        """Width, height of pictures before they are cut."""
        config = self.config
        return round(config.frame_width * LARGER), round(config.frame_height * LARGER)

    def _picture(self, picture: Pixels, rng: np.random.Generator) -> Tensor:
        """As the network takes it, cut at random and with other brightness and colour."""
        config, jitter = self.config, self.settings.jitter
        width, height = self._large
        large = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
        left = int(rng.integers(width - config.frame_width + 1))
        top = int(rng.integers(height - config.frame_height + 1))
        cut = large.crop((left, top, left + config.frame_width, top + config.frame_height))
        values = np.asarray(cut, np.float32) * rng.uniform(1 - jitter, 1 + jitter)
        grey = values.mean(axis=2, keepdims=True)
        values = grey + (values - grey) * rng.uniform(1 - jitter, 1 + jitter)
        made = np.clip(np.round(values), 0, 255).astype(np.uint8)
        return torch.from_numpy(made).permute(2, 0, 1).contiguous()
