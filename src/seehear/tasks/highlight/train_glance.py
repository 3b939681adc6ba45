"""Train the small visual encoder on photos with class names; what one step is, and what is kept.

Classes are those of the source manifest. Besides the exact class the loss asks for the coarse group
(face, instrument, other), which decides what is in focus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.data.augment import augment
from seehear.data.photos import read_photo
from seehear.data.scenes import INSTRUMENT_PHOTOS, SURROUNDINGS
from seehear.data.sources import SourceRow
from seehear.models.glance import Glance

GROUPS = ("face", "instrument", "other")


@dataclass(frozen=True)
class PhotoBatch:
    """Pictures [N, 3, S, S] float 0..1 and soft class targets [N, C]."""

    photos: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> PhotoBatch:
        """The same batch on another device."""
        return PhotoBatch(self.photos.to(device), self.targets.to(device))


@dataclass(frozen=True)
class PhotoSet:
    """All photos of a split in memory: uint8 [N, 3, S, S] with class indices [N]."""

    photos: Tensor
    labels: Tensor
    classes: tuple[str, ...]


def load_photos(rows: Sequence[SourceRow], size: int, classes: Sequence[str] = ()) -> PhotoSet:
    """Read the photos of a list of rows; classes are taken from them unless given."""
    photos = [row for row in rows if row.kind == "photo"]
    names = tuple(classes) or tuple(sorted({row.label for row in photos}))
    photos = [row for row in photos if row.label in names]
    stacked = torch.stack([read_photo(row.path, size) for row in photos])
    return PhotoSet(stacked, torch.tensor([names.index(row.label) for row in photos]), names)


def group_of(label: str) -> int:
    """Index into `GROUPS` of a photo class.

    >>> GROUPS[group_of("saxophone")]
    'instrument'
    """
    if label == "face":
        return 0
    return 1 if label in INSTRUMENT_PHOTOS else 2


class PhotoBatches:
    """Batch number -> augmented, mixed-up photos; the same number gives the same batch."""

    def __init__(self, photos: PhotoSet, batch: int, seed: int) -> None:
        self.set, self.batch, self.seed = photos, batch, seed
        behind = photos.labels == photos.classes.index(SURROUNDINGS)
        self.backdrops = photos.photos[behind].float() / 255
        counts = torch.bincount(photos.labels, minlength=len(photos.classes)).float()
        # Between natural frequency and equal shares: faces are many, and matter most.
        self.weights = counts[photos.labels].rsqrt()

    def __call__(self, number: int) -> PhotoBatch:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        chosen = torch.multinomial(self.weights, self.batch, True, generator=generator)
        photos = augment(self.set.photos[chosen].float() / 255, self.backdrops, generator)
        targets = functional.one_hot(self.set.labels[chosen], len(self.set.classes)).float()
        share = 0.3 * torch.rand(self.batch, generator=generator)
        photos = torch.lerp(photos, photos.flip(0), share[:, None, None, None])
        return PhotoBatch(photos, torch.lerp(targets, targets.flip(0), share[:, None]))


class GlanceObjective(nn.Module):
    """Cross entropy of exact classes plus cross entropy of groups."""

    def __init__(self, model: Glance) -> None:
        super().__init__()
        self.model = model
        groups = torch.tensor([group_of(name) for name in model.config.classes])
        self.register_buffer("groups", functional.one_hot(groups, len(GROUPS)).float(), False)

    def forward(self, batch: PhotoBatch) -> dict[str, Tensor]:
        scores = self.model.classify(self.model(batch.photos)).float()
        log_p = scores.log_softmax(dim=1)
        smooth = 0.95 * batch.targets + 0.05 / batch.targets.shape[1]
        exact = -(smooth * log_p).sum(dim=1).mean()
        member: Tensor = self.groups  # type: ignore[assignment]
        log_group = (log_p.exp() @ member).clamp_min(1e-6).log()
        coarse = -((batch.targets @ member) * log_group).sum(dim=1).mean()
        return {"loss": exact + coarse, "exact": exact, "group": coarse}


def accuracy(model: Glance, photos: PhotoSet) -> dict[str, float]:
    """Share of photos whose class and whose group is recognised."""
    scores = torch.cat([model.classify(model(part)) for part in torch.split(photos.photos, 64)])
    groups = torch.tensor([group_of(name) for name in photos.classes])
    p = scores.softmax(dim=1) @ functional.one_hot(groups, len(GROUPS)).float()
    return {
        "class_accuracy": float((scores.argmax(1) == photos.labels).float().mean()),
        "group_accuracy": float((p.argmax(1) == groups[photos.labels]).float().mean()),
    }


@torch.no_grad()
def photo_looks(
    model: Glance, rows: Sequence[SourceRow], versions: int, seed: int
) -> dict[str, Tensor]:
    """Features of photos by class, [photos, versions, dim]; version 0 is the photo as it is.

    The encoder knows its training photos too well: changed versions look more like new ones.
    """
    generator = torch.Generator().manual_seed(seed)
    photos = load_photos(rows, model.config.frame_size)
    behind = photos.photos[photos.labels == photos.classes.index(SURROUNDINGS)].float() / 255
    looks: dict[str, Tensor] = {}
    for index, label in enumerate(photos.classes):
        plain = photos.photos[photos.labels == index]
        seen = [model(plain)]
        seen += [
            model(augment(plain.float() / 255, behind, generator)) for _ in range(versions - 1)
        ]
        looks[label] = torch.stack(seen, dim=1)
    return looks
