"""How an evaluation points with pictures: a photo alone, or a click or box on one of two in a frame.

Nobody has filmed the test recordings, so the frames are simulated: two photos beside each other over
the whole width of a 16:9 picture, on grey. One shows the sound that is asked for, the other one
another sound of the mixture if there is a photo of it, else something that is not heard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from seehear.data.mix_manifest import MixRow, StemRow
from seehear.data.photos import read_photo
from seehear.features.concepts import ConceptEncoder
from seehear.tasks.separate.config import Place
from seehear.tasks.separate.queries import look_at

GREY = 115.0
PHOTO_HEIGHT = 0.6
"""Of the frame: half of the width of 16:9 at the proportions of most photos, 3:2."""


def look(
    root: Path, row: MixRow, seen: Sequence[int], others: Sequence[MixRow], encoder: ConceptEncoder
) -> dict[str, Tensor]:
    """Queries for the sounds of a mixture that have a picture.

    Args:
        root: folder of the manifest.
        row: the mixture.
        seen: indices of its sounds with a picture.
        others: mixtures from which the second picture of a frame may come.
        encoder: makes the queries.

    Returns:
        `photo`, `click` and `box`: vectors [len(seen), D].

    Raises:
        InputError: a picture cannot be read.
    """
    size = encoder.frame_size
    photos, frames, clicks, boxes = [], [], [], []
    for index in seen:
        photo = read_photo(root / str(row.stems[index].picture), size)
        beside = read_photo(root / str(_neighbour(row, index, others).picture), size)
        on_left = _number(row, index) % 2 == 0
        frames.append(side_by_side(photo, beside) if on_left else side_by_side(beside, photo))
        photos.append(photo)
        left = 0.0 if on_left else 0.5
        clicks.append(Place(left + 0.25, 0.5))
        boxes.append(Place(left, (1 - PHOTO_HEIGHT) / 2, 0.5, PHOTO_HEIGHT))
    return {
        "photo": encoder.encode_frames(torch.stack(photos)),
        "click": torch.stack([look_at(encoder, f, p) for f, p in zip(frames, clicks, strict=True)]),
        "box": torch.stack([look_at(encoder, f, p) for f, p in zip(frames, boxes, strict=True)]),
    }


def side_by_side(left: Tensor, right: Tensor) -> Tensor:
    """Two photos uint8 [3, S, S] in one frame uint8 [3, S, S], as a decoder squeezes 16:9 into it."""
    size = left.shape[-1]
    height, width = round(PHOTO_HEIGHT * size), size // 2
    frame = torch.full((3, size, size), GREY)
    top = (size - height) // 2
    for number, photo in enumerate((left, right)):
        small = functional.interpolate(
            photo[None].float(), size=(height, width), mode="bilinear", antialias=True
        )[0]
        frame[:, top : top + height, number * width : (number + 1) * width] = small
    return frame.round().clamp(0, 255).to(torch.uint8)


def _neighbour(row: MixRow, index: int, others: Sequence[MixRow]) -> StemRow:
    """A sound with a picture: of the same mixture, else of a class that is not heard in it."""
    heard = {stem.label for stem in row.stems}
    beside = [s for i, s in enumerate(row.stems) if i != index and s.picture is not None]
    absent = [s for r in others for s in r.stems if s.picture is not None and s.label not in heard]
    found = beside or absent or [row.stems[index]]
    return found[_number(row, index) // 2 % len(found)]


def _number(row: MixRow, index: int) -> int:
    """A number that depends on the sound only."""
    return int.from_bytes(hashlib.sha256(f"{row.id}/{index}".encode()).digest()[:4])
