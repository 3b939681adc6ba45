"""Retrieval: does a picture find its own sound among others, and a sound its picture.

One item of the gallery is right, so the mean average precision is the mean reciprocal rank. Ties count
against the right item: a model that cannot tell items apart is not rewarded.

Source: VisualAudio, supplement, table 6; its galleries have about 20 and 100 items, so the size and the
chance level stand beside every figure.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seehear.errors import InputError

RECALLS = (1, 5, 10)


def ranks(likeness: Tensor) -> Tensor:
    """Rank of the right item for every query, from 1.

    Args:
        likeness: [N, N], row = query, the right item on the diagonal.

    Raises:
        InputError: not square, empty, or a number that is not finite.
    """
    if likeness.ndim != 2 or likeness.shape[0] != likeness.shape[1] or not len(likeness):
        raise InputError(f"retrieval takes a square table, not {tuple(likeness.shape)}")
    if not bool(torch.isfinite(likeness).all()):
        raise InputError("retrieval takes finite numbers; a feature is not a number")
    own = likeness.diagonal()[:, None]
    return (likeness >= own).sum(dim=1)


def recalls(likeness: Tensor) -> dict[str, float]:
    """Recall at 1, 5 and 10 (`r1`, `r5`, `r10`) and mean average precision (`map`), 0..1.

    >>> recalls(torch.eye(4))
    {'r1': 1.0, 'r5': 1.0, 'r10': 1.0, 'map': 1.0}
    """
    found = ranks(likeness)
    told = {f"r{k}": float((found <= k).float().mean()) for k in RECALLS}
    return {**told, "map": float((1.0 / found.double()).mean())}


def chance(gallery: int) -> dict[str, float]:
    """What guessing gives, for a gallery of a size.

    >>> chance(20)["r5"]
    0.25
    """
    told = {f"r{k}": min(k / gallery, 1.0) for k in RECALLS}
    return {**told, "map": sum(1 / rank for rank in range(1, gallery + 1)) / gallery}


def retrieval(likeness: Tensor) -> dict[str, float]:
    """Both ways: keys `video_to_sound_r1`, ..., `sound_to_video_map`.

    Args:
        likeness: [N, N] of videos (rows) to sounds (columns), partners on the diagonal.
    """
    ways = {"video_to_sound": likeness, "sound_to_video": likeness.t()}
    return {f"{way}_{k}": v for way, table in ways.items() for k, v in recalls(table).items()}


def retrieval_in_galleries(
    likeness: Tensor, size: int, rounds: int = 20, seed: int = 0
) -> dict[str, float]:
    """Mean over galleries of a size drawn from a larger table, so that sizes can be compared.

    Args:
        likeness: as for `retrieval`.
        size: items of a gallery, at most N.
        rounds: galleries.
        seed: of the draws.

    Raises:
        InputError: the table is smaller than a gallery.
    """
    count = len(likeness)
    if not 1 <= size <= count:
        raise InputError(f"a gallery of {size} needs that many clips, there are {count}")
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(rounds if size < count else 1):
        chosen = torch.randperm(count, generator=generator)[:size]
        found.append(retrieval(likeness[chosen][:, chosen]))
    return {key: sum(one[key] for one in found) / len(found) for key in found[0]}


def retrieval_within(likeness: Tensor, labels: Sequence[str]) -> dict[str, float]:
    """Galleries of one class each: what timing alone tells.

    Args:
        likeness: as for `retrieval`.
        labels: class of every clip.

    Returns:
        `r1` (mean of both ways over all clips of classes with two clips or more), `chance`: its value
        for guessing, `clips`: their number.
    """
    hits, guessed, total = 0.0, 0.0, 0
    for label in sorted(set(labels)):
        rows = torch.tensor([i for i, name in enumerate(labels) if name == label])
        if len(rows) < 2:
            continue
        own = likeness[rows][:, rows]
        both = (ranks(own) == 1).double() + (ranks(own.t()) == 1).double()
        hits += float(both.sum()) / 2
        guessed += 1.0
        total += len(rows)
    if not total:
        raise InputError("no class has two clips; within-class retrieval needs them")
    return {"r1": hits / total, "chance": guessed / total, "clips": float(total)}
