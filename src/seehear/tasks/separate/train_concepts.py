"""Train the network that finds classes in pictures and in their parts.

Whole pictures are learned as usual; places are learned on mosaics of four photos, where each
quarter shows another class. It may start from the body of the shipped frame encoder, which was
trained on the same photos.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.data.augment import augment
from seehear.data.photo_sets import PhotoSet
from seehear.models.concepts import Concepts

SURROUNDINGS = "background"
UNCHANGED = 0.2
"""Share of photos that are at most mirrored: what users show is mostly one thing from near by."""

MIXED = 0.3
"""Largest share of another photo."""


@dataclass(frozen=True)
class PictureBatch:
    """Photos [N, 3, S/2, S/2] float 0..1, soft classes [N, K]; mosaics [M, 3, S, S], [M, 2, 2]."""

    photos: Tensor
    targets: Tensor
    mosaics: Tensor
    quarters: Tensor

    def to(self, device: torch.device) -> PictureBatch:
        """The same batch on another device."""
        return PictureBatch(
            self.photos.to(device),
            self.targets.to(device),
            self.mosaics.to(device),
            self.quarters.to(device),
        )


class PictureBatches:
    """Batch number -> changed photos, the first half of them also as mosaics."""

    def __init__(self, photos: PhotoSet, batch: int, seed: int) -> None:
        self.set, self.batch, self.seed = photos, batch, seed
        behind = photos.labels == photos.classes.index(SURROUNDINGS)
        self.backdrops = photos.photos[behind].float() / 255
        counts = torch.bincount(photos.labels, minlength=len(photos.classes)).float()
        # Between natural frequency and equal shares.
        self.weights = counts[photos.labels].rsqrt()

    def __call__(self, number: int) -> PictureBatch:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        chosen = torch.multinomial(self.weights, self.batch, True, generator=generator)
        plain = self.set.photos[chosen].float() / 255
        photos = augment(plain, self.backdrops, generator)
        mirrored = torch.where(_drawn(self.batch, 0.5, generator), plain.flip(3), plain)
        photos = torch.where(_drawn(self.batch, UNCHANGED, generator), mirrored, photos)
        targets = self.set.labels[chosen]
        count = self.batch // 8
        tiles = photos[: 4 * count].reshape(count, 2, 2, *photos.shape[1:])
        # [M, 2, 2, 3, s, s] -> [M, 3, 2 s, 2 s]
        mosaics = tiles.permute(0, 3, 1, 4, 2, 5).reshape(
            count, 3, *(2 * s for s in photos.shape[2:])
        )
        quarters = targets[: 4 * count].reshape(count, 2, 2)
        # A little of another photo shines through each.
        soft = functional.one_hot(targets, len(self.set.classes)).float()
        share = MIXED * torch.rand(self.batch, generator=generator)
        photos = torch.lerp(photos, photos.flip(0), share[:, None, None, None])
        soft = torch.lerp(soft, soft.flip(0), share[:, None])
        return PictureBatch(photos, soft, mosaics, quarters)


def _drawn(count: int, share: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, 1, 1, 1, generator=generator) < share


class ConceptsObjective(nn.Module):
    """Cross entropy of whole pictures plus cross entropy of the inner places of quarters."""

    def __init__(self, model: Concepts) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: PictureBatch) -> dict[str, Tensor]:
        whole = functional.cross_entropy(
            self.model(batch.photos).float(), batch.targets, label_smoothing=0.05
        )
        scores = self.model.place_scores(batch.mosaics).float()  # [M, K, h, w]
        half = scores.shape[-1] // 2
        wanted = batch.quarters.repeat_interleave(half, 1).repeat_interleave(half, 2)
        places = functional.cross_entropy(scores, wanted, label_smoothing=0.05, reduction="none")
        # Places at the seams see two photos.
        inner = torch.ones(2 * half)
        if half > 2:
            inner[half - 1 : half + 1] = 0
        kept = (inner[:, None] * inner).to(places.device)
        local = (places * kept).sum() / (kept.sum() * len(places))
        return {"loss": whole + 0.5 * local, "whole": whole, "places": local}


def picture_accuracy(model: Concepts, photos: PhotoSet) -> dict[str, float]:
    """Share of whole pictures whose class is recognised."""
    scores = torch.cat([model(part) for part in torch.split(photos.photos, 64)])
    return {"class_accuracy": float((scores.argmax(1) == photos.labels).float().mean())}
