"""Training data for bearings: pseudo pairs made on the fly, with the maps of their frames.

Batch number n is a pure function of the seed and n, so a resumed run sees what an uninterrupted one
would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from seehear.data.canvas import Pixels
from seehear.data.pseudo_pairs import Pair, PairLibrary, PairRule, draw_pair, heard
from seehear.data.sources import SAMPLE_RATE
from seehear.dsp.binaural import difference_masks
from seehear.dsp.hrir import HrirSet
from seehear.models.bearings import BearingsConfig

MAX_STEMS = 3
EncodeMaps = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class PairBatch:
    """Pairs with their frames.

    Args:
        parts: [B, K, T], what every source adds to (left + right) / 2; absent ones are zero.
        difference: [B, T], (left - right) / 2.
        places: [B, K, N], where sources are across the picture at the network's columns; nan = nowhere.
        labels: int64 [B, K], class of each; the number of classes for one of no class.
        masks: complex64 [A, bins], difference over sum of ears for each direction of the network.
        maps: [B, S, D, h, w] of frames.
        times: [B, S] seconds.
        seen: bool [B, S].
    """

    parts: Tensor
    difference: Tensor
    places: Tensor
    labels: Tensor
    masks: Tensor
    maps: Tensor
    times: Tensor
    seen: Tensor

    def to(self, device: torch.device) -> PairBatch:
        """The same batch on another device."""
        return PairBatch(*(getattr(self, f.name).to(device) for f in fields(self)))


@dataclass(frozen=True)
class PairSettings:
    """How batches are drawn.

    Args:
        batch: pairs per batch.
        seed: of everything.
        colour: brightness and colour of canvases are multiplied by 1 - this to 1 + this.
        blind: share of pairs without frames.
        long: share of batches with pairs of twice the length, half as many.
    """

    batch: int = 8
    seed: int = 0
    colour: float = 0.3
    blind: float = 0.02
    long: float = 0.1


class PairBatches:
    """Batch number -> pairs of one split.

    Args:
        library: sounds and pictures.
        heads: of which each batch draws one.
        encode: frames uint8 [N, 3, h, w] -> maps [N, D, h', w'].
        classes: names of the model's classes, in order.
        config: of the model.
        settings: how batches are drawn.
        rule: how pairs are made.
    """

    def __init__(
        self,
        library: PairLibrary,
        heads: Sequence[HrirSet],
        encode: EncodeMaps,
        classes: Sequence[str],
        config: BearingsConfig,
        settings: PairSettings,
        rule: PairRule,
    ) -> None:
        self.library, self.heads, self.encode = library, list(heads), encode
        self.config, self.settings, self.rule = config, settings, rule
        self.indices = {name: index for index, name in enumerate(classes)}
        angles = direction_azimuths(config.num_directions, rule.fov_deg)
        self.masks = [difference_masks(head, angles, config.n_fft) for head in self.heads]

    def __call__(self, number: int) -> PairBatch:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, number])
        rule, size = self.rule, settings.batch
        if rng.random() < settings.long:
            rule, size = longer(rule), max(size // 2, 1)
        chosen = int(rng.integers(len(self.heads)))
        pairs = [draw_pair(self.library, rng, rule) for _ in range(size)]
        return self.collate(pairs, chosen, rng)

    def collate(self, pairs: Sequence[Pair], head: int, rng: np.random.Generator) -> PairBatch:
        """Render pairs with one head and look at their frames."""
        config, size = self.config, len(pairs)
        length = pairs[0].stems.shape[1]
        columns = np.arange(1 + length // config.hop_length) * config.hop_length / SAMPLE_RATE
        parts = np.zeros((size, MAX_STEMS, length), np.float32)
        difference = np.zeros((size, length), np.float32)
        places = np.full((size, MAX_STEMS, len(columns)), np.nan, np.float32)
        labels = np.full((size, MAX_STEMS), len(self.indices))
        for row, pair in enumerate(pairs):
            ears = heard(pair, self.heads[head])  # [K, 2, T]
            count = len(ears)
            parts[row, :count] = ears.mean(1)
            difference[row] = (ears[:, 0] - ears[:, 1]).sum(0) / 2
            places[row, :count] = pair.places(columns)
            labels[row, :count] = [self.indices.get(x, len(self.indices)) for x in pair.labels]
        maps, times, seen = self._look(pairs, length / SAMPLE_RATE, rng)
        return PairBatch(
            torch.from_numpy(parts),
            torch.from_numpy(difference),
            torch.from_numpy(places),
            torch.from_numpy(labels),
            self.masks[head],
            maps,
            times,
            seen,
        )

    def _look(
        self, pairs: Sequence[Pair], duration_s: float, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Maps of all frames, encoded together."""
        settings, config = self.settings, self.config
        frames: list[Tensor] = []
        moments: list[list[float]] = []
        for pair in pairs:
            shift = float(rng.uniform(0.0, 1.0 / config.frame_rate))
            own = [shift]
            if pair.moves:
                own = list(np.arange(shift, duration_s, 1.0 / config.frame_rate))
            gains = rng.uniform(1 - settings.colour, 1 + settings.colour, 3) * rng.uniform(
                1 - settings.colour, 1 + settings.colour
            )
            frames += [
                small_frame(pair.frame(t), config.frame_height, config.frame_width, gains)
                for t in own
            ]
            moments.append([float(t) for t in own])
        encoded = self.encode(torch.stack(frames))
        most = max(len(own) for own in moments)
        maps = encoded.new_zeros(len(pairs), most, *encoded.shape[1:])
        times = torch.zeros(len(pairs), most)
        seen = torch.zeros(len(pairs), most, dtype=torch.bool)
        begin = 0
        for row, own in enumerate(moments):
            maps[row, : len(own)] = encoded[begin : begin + len(own)]
            times[row, : len(own)] = torch.tensor(own)
            seen[row, : len(own)] = bool(rng.random() >= settings.blind)
            begin += len(own)
        return maps, times, seen


def small_frame(
    picture: Pixels, height: int, width: int, gains: np.ndarray | None = None
) -> Tensor:
    """A canvas as the frame decoder would deliver it: uint8 [3, height, width]; colours may be changed."""
    small = np.asarray(
        Image.fromarray(picture).resize((width, height), Image.Resampling.BOX), np.float32
    )
    if gains is not None:
        small = small * gains.astype(np.float32)
    return torch.from_numpy(np.clip(np.round(small), 0, 255).astype(np.uint8)).permute(2, 0, 1)


def direction_azimuths(count: int, fov_deg: float) -> Tensor:
    """Azimuth of each direction of a network, degrees, float64 [count]; from left to right."""
    steps = torch.arange(count, dtype=torch.float64)
    return (1 - (2 * steps + 1) / count) * fov_deg / 2


def longer(rule: PairRule) -> PairRule:
    """The same rule for pairs of twice the length."""
    return replace(rule, mixing=replace(rule.mixing, duration_s=2 * rule.mixing.duration_s))
