"""All photos of a split in memory, with class indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seehear.data.photos import read_photo
from seehear.data.sources import SourceRow


@dataclass(frozen=True)
class PhotoSet:
    """Photos: uint8 [N, 3, S, S] with class indices [N] into `classes`."""

    photos: Tensor
    labels: Tensor
    classes: tuple[str, ...]


def load_photo_set(
    rows: Sequence[SourceRow], size: int, classes: Sequence[str], renamed: Mapping[str, str]
) -> PhotoSet:
    """Read the photos of a list of rows whose class, perhaps under another name, is wanted.

    Args:
        rows: source rows.
        size: side of the square frames, pixels.
        classes: wanted classes, in order of their indices.
        renamed: photo class -> wanted class.

    Raises:
        InputError: a file is not a picture.
    """
    named = [(row, renamed.get(row.label, row.label)) for row in rows if row.kind == "photo"]
    chosen = [(row, label) for row, label in named if label in classes]
    if not chosen:
        return PhotoSet(
            torch.zeros(0, 3, size, size, dtype=torch.uint8), torch.zeros(0).long(), tuple(classes)
        )
    stacked = torch.stack([read_photo(row.path, size) for row, _ in chosen])
    return PhotoSet(stacked, torch.tensor([classes.index(c) for _, c in chosen]), tuple(classes))
