"""From what the user points at to vectors that the network is asked for.

text         the encoder's words
image        the encoder's view of the picture
click, box   the encoder's feature map of the frame, averaged over the place; for a box also what is
             seen in it from near by
span         the thing that takes most of the power of that stretch
all          every thing that is heard (`listening.py` for both)
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seehear.checkpoint import file_sha256
from seehear.data.photos import read_photo
from seehear.errors import InputError, UsageError
from seehear.features.concepts import ConceptEncoder
from seehear.media.opening import check_is_file
from seehear.media.read import FrameStream
from seehear.tasks.separate.config import Place, SeparateOptions
from seehear.tasks.separate.separator import NO_THING, Separator
from seehear.tasks.source import SoundSource

ARTICLE = re.compile(r"^(a|an|the|some)\s+", re.IGNORECASE)
# Frames that are looked at to tell whether something is in the picture.
GLANCES = 8


@dataclass(frozen=True)
class Query:
    """One thing to listen for.

    Args:
        label: its name for people; files are named after it.
        vector: [D], in the space of the model's encoder.
        absent: sentence for when it is not heard.
        facts: for the receipt.
    """

    label: str
    vector: Tensor
    absent: str
    facts: dict[str, Any] = field(default_factory=dict)


def check_query(options: SeparateOptions, source: SoundSource) -> None:
    """Refuse what cannot be pointed at in this file, before a network is loaded.

    Raises:
        UsageError: a place in a file without picture, or a time outside the file.
        InputError: the picture of `--image` cannot be read.
    """
    place, span = options.place, options.seconds
    length = source.info.duration_s
    if place is not None:
        if source.info.video is None:
            raise UsageError(
                f"--{options.query} points into the picture, but {options.input!r} has none; "
                "use --text, --span or --all"
            )
        moment = place.at_s or 0.0
        if length is not None and moment > length:
            raise UsageError(
                f"--{options.query} names second {moment:g}, but the file ends at {length:.2f} s"
            )
    if span is not None and length is not None and span[1] > length + 0.05:
        raise UsageError(
            f"--span {options.span} lies outside the file, which ends at {length:.2f} s"
        )
    if options.image is not None:
        check_is_file(options.image)
        read_photo(options.image, 8)


def read_queries(
    options: SeparateOptions, source: SoundSource, separator: Separator
) -> list[Query] | None:
    """Queries that need no listening; None for `--span` and `--all`.

    Raises:
        InputError: no word of the text is known, or picture or frame cannot be read.
    """
    encoder = separator.encoder
    if options.text is not None:
        vector = encoder.encode_texts([options.text])[0]
        label = ARTICLE.sub("", options.text.strip())
        facts: dict[str, Any] = {"text": options.text, "nearest": nearest(encoder, vector)}
        return [Query(label, vector, f"no {label} heard", facts)]
    if options.image is not None:
        photo = read_photo(options.image, encoder.frame_size)
        vector = encoder.encode_frames(photo[None])[0]
        looks = nearest(encoder, vector)
        return [
            Query(
                options.image.stem,
                vector,
                f"nothing is heard that belongs to {options.image.name}, which looks like: {looks}",
                {"image_sha256": file_sha256(options.image), "nearest": looks},
            )
        ]
    place = options.place
    if place is None:
        return None
    vector = _seen_at(encoder, source, place, options.start)
    looks = nearest(encoder, vector)
    return [
        Query(
            "region",
            vector,
            f"nothing is heard that belongs to --{options.query} "
            f"{getattr(options, options.query)}, which looks like: {looks}",
            {"region": [place.left, place.top, place.width, place.height], "nearest": looks},
        )
    ]


def nearest(encoder: ConceptEncoder, vector: Tensor) -> str:
    """Class of the encoder that a vector is most like."""
    similar = encoder.similarity(encoder.class_vectors(), vector[None])
    return encoder.classes[int(similar.argmax())].replace("_", " ")


def _seen_at(encoder: ConceptEncoder, source: SoundSource, place: Place, start_s: float) -> Tensor:
    moment = source.info.start_s + (start_s if place.at_s is None else place.at_s)
    return look_at(encoder, frames_at(source, [moment], None)[0], place)


def look_at(encoder: ConceptEncoder, frame: Tensor, place: Place) -> Tensor:
    """What is seen at a place: the feature map there and, in a box, also its content as a picture.

    Args:
        encoder: looks.
        frame: uint8 [3, H, W], the whole displayed picture.
        place: where.

    Returns:
        [D].
    """
    pooled = pool_place(encoder.encode_maps(_squeezed(frame, encoder.frame_size))[0], place)
    if not place.width:
        return pooled
    _, height, width = frame.shape
    left, top = int(place.left * width), int(place.top * height)
    right, bottom = (place.left + place.width) * width, (place.top + place.height) * height
    inside = frame[:, top : max(round(bottom), top + 1), left : max(round(right), left + 1)]
    near = encoder.encode_frames(_squeezed(inside, encoder.frame_size))[0]
    both = functional.normalize(pooled, dim=0) + functional.normalize(near, dim=0)
    return functional.normalize(both, dim=0) * pooled.norm()


def _squeezed(frame: Tensor, size: int) -> Tensor:
    """A picture [3, H, W] as the encoder wants it, uint8 [1, 3, size, size]."""
    small = functional.interpolate(
        frame[None].float(), size=(size, size), mode="bilinear", antialias=True
    )
    return small.round().clamp(0, 255).to(torch.uint8)


def pool_place(features: Tensor, place: Place) -> Tensor:
    """Mean of a feature map over a place, at the length that its vectors have.

    Cells count by how much of them the place covers. A click covers an area of one cell around it.

    Args:
        features: [D, h, w] of the whole displayed picture.
        place: where.

    Returns:
        [D].
    """
    _, height, width = features.shape
    across = _cover(place.left, place.width, width)
    down = _cover(place.top, place.height, height)
    weights = down[:, None] * across[None, :]
    pooled = (features * weights / weights.sum()).sum(dim=(1, 2))
    length = features.norm(dim=0).mean()
    return functional.normalize(pooled, dim=0) * length


def _cover(begin: float, size: float, cells: int) -> Tensor:
    """How much of each of `cells` equal cells of 0..1 an interval covers, [cells]."""
    if size == 0.0:
        size = 1.0 / cells
        begin = min(max(begin - size / 2, 0.0), 1.0 - size)
    edges = torch.arange(cells + 1, dtype=torch.float64) / cells
    upper = edges[1:].clamp_max(begin + size)
    lower = edges[:-1].clamp_min(begin)
    return (upper - lower).clamp_min(0.0).float()


def frames_at(source: SoundSource, moments_s: list[float], size: int | None) -> Tensor:
    """Frames of the input at increasing seconds of its clock, uint8 [N, 3, S, S]."""
    stream = FrameStream(source.path, None if size is None else (size, size), start_s=moments_s[0])
    try:
        return stream.at(moments_s)
    finally:
        stream.close()


def say_absent(query: Query, source: SoundSource, encoder: ConceptEncoder) -> str:
    """Sentence about a query that is not heard; for words it says whether the thing is seen."""
    if "text" not in query.facts or source.info.video is None:
        return f"{query.absent}; the residual is the whole sound"
    if is_seen(encoder, source, query.vector):
        return f"{query.label} seen but not heard; the residual is the whole sound"
    return f"no {query.label} seen or heard; the residual is the whole sound"


def is_seen(encoder: ConceptEncoder, source: SoundSource, vector: Tensor) -> bool:
    """Whether one of a few frames is most like the thing that a vector stands for."""
    frames = glances(source, encoder)
    if frames is None:
        return False
    wanted = nearest(encoder, vector)
    seen = {nearest(encoder, view) for view in encoder.encode_frames(frames)}
    return wanted != NO_THING and wanted in seen


def glances(source: SoundSource, encoder: ConceptEncoder) -> Tensor | None:
    """A few frames spread evenly, as the encoder wants them; None where no picture can be decoded."""
    length = source.expected_samples() / source.sample_rate
    moments = source.begin_s + length * (np.arange(GLANCES) + 0.5) / GLANCES
    try:
        return frames_at(source, moments.tolist(), encoder.frame_size)
    except InputError:
        return None
