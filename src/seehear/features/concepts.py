"""Texts and pictures as points of one space, by the shipped weights or by none at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from seehear.checkpoint import load_checkpoint
from seehear.errors import InputError, ModelError
from seehear.features.vocabulary import NAMES, find_classes
from seehear.models.concepts import Concepts

FOLDER = Path(__file__).parent.parent / "weights" / "concepts"
ENCODER_ID = "concepts@1"
GRID_ID = "grid-words"
GRID_DIM = 32
GRID_SIZE = 32
GRID_CELLS = 4
BATCH = 32


@dataclass(frozen=True)
class ConceptEncoder:
    """Functions into one space, with what a receipt must say about them.

    Args:
        id: name including the version of weights and preprocessing.
        dim: length of a vector.
        frame_size: side of the square frames that it wants, pixels.
        sha256: of its weights ("" when it has none).
        licence: of its weights.
        classes: what it can tell apart in a picture.
        encode_texts: texts -> float32 [N, dim]; InputError when a text holds no known word.
        encode_frames: uint8 [N, 3, S, S] -> float32 [N, dim].
        encode_maps: uint8 [N, 3, S, S] -> float32 [N, dim, h, w], the same per place; other sides are
            read as well, as more or fewer places of the same size.
    """

    id: str
    dim: int
    frame_size: int
    sha256: str
    licence: str
    classes: tuple[str, ...]
    encode_texts: Callable[[list[str]], Tensor]
    encode_frames: Callable[[Tensor], Tensor]
    encode_maps: Callable[[Tensor], Tensor]

    @staticmethod
    def similarity(first: Tensor, second: Tensor) -> Tensor:
        """Cosine of vectors, [..., dim] and [..., dim] -> [...] in -1..1."""
        return functional.cosine_similarity(first, second, dim=-1)

    def class_vectors(self) -> Tensor:
        """Vectors of all classes, [classes, dim]."""
        return self.encode_texts([name.replace("_", " ") for name in self.classes])


def load_concepts(folder: Path = FOLDER) -> ConceptEncoder:
    """Load the encoder of the shipped space, or of another checkpoint of the kind.

    Raises:
        ModelError: weights are missing, damaged, or of another kind of model.
    """
    loaded = load_checkpoint(folder)
    model = loaded.module
    if not isinstance(model, Concepts):
        raise ModelError(f"{folder} holds a {loaded.name}; queries need concepts")
    name = str(loaded.meta.get("id", ENCODER_ID))
    return concept_encoder(model, name, loaded.sha256, str(loaded.meta.get("licence", "unknown")))


def load_query_encoder(encoder_id: str) -> ConceptEncoder:
    """Encoder that a model names in its configuration.

    Raises:
        ModelError: unknown id, or its weights are not on this machine.
    """
    if encoder_id == GRID_ID:
        return load_grid_words()
    if encoder_id == ENCODER_ID:
        return load_concepts()
    raise ModelError(f"no query encoder is called {encoder_id!r}; known: {ENCODER_ID}, {GRID_ID}")


def concept_encoder(model: Concepts, name: str, sha256: str, licence: str) -> ConceptEncoder:
    """Encoder around a loaded network."""
    config = model.config

    def texts(items: list[str]) -> Tensor:
        return torch.stack([_middle(model, item) for item in items])

    def frames(pictures: Tensor) -> Tensor:
        _check_frames(pictures, config.frame_size)
        return _in_batches(pictures, lambda p: model.vectors(model.looked_over(p)))

    def maps(pictures: Tensor) -> Tensor:
        def run(part: Tensor) -> Tensor:
            scores = model.place_scores(part).permute(0, 2, 3, 1)
            return model.vectors(scores).permute(0, 3, 1, 2)

        _check_frames(pictures, None)
        return _in_batches(pictures, run)

    return ConceptEncoder(
        name, config.dim, config.frame_size, sha256, licence, config.classes, texts, frames, maps
    )


def _middle(model: Concepts, text: str) -> Tensor:
    """Normalised sum of the rows of the classes that a text names."""
    known = [label for label in find_classes(text) if label in model.config.classes]
    if not known:
        raise InputError(
            f"{text!r} is not among the things that this model knows: "
            f"{', '.join(name.replace('_', ' ') for name in model.config.classes)}"
        )
    rows = model.table[[model.config.classes.index(label) for label in known]]
    return functional.normalize(rows.sum(dim=0), dim=0).clone()


def _check_frames(frames: Tensor, size: int | None) -> None:
    sides = tuple(frames.shape[2:])
    fits = sides == (size, size) if size else len(sides) == 2 and min(sides) >= GRID_SIZE
    if frames.ndim != 4 or frames.shape[1] != 3 or not fits or not len(frames):
        wanted = f"{size}, {size}" if size else f"H, W from {GRID_SIZE} on"
        raise ModelError(
            f"the concept space takes frames [N, 3, {wanted}], N > 0, not {tuple(frames.shape)}"
        )


def _in_batches(frames: Tensor, run: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.inference_mode():
        parts = [run(part) for part in torch.split(frames, BATCH)]
    # A clone leaves inference mode, so that vectors may enter a graph later.
    return torch.cat(parts).float().clone()


def load_grid_words() -> ConceptEncoder:
    """The encoder `grid-words`: no weights; for tests and tiny models.

    A class is a seeded random vector; a picture is a fixed random map of its mean colours. Words
    and pictures share a space in form only.
    """
    return ConceptEncoder(
        GRID_ID,
        GRID_DIM,
        GRID_SIZE,
        "",
        "Apache-2.0",
        tuple(sorted(NAMES)),
        lambda items: torch.stack([_grid_text(item) for item in items]),
        _grid_frames,
        _grid_maps,
    )


def _grid_text(text: str) -> Tensor:
    rows = [_seeded(label, 1)[0] for label in find_classes(text)]
    return functional.normalize(torch.stack(rows).sum(dim=0), dim=0)


def _grid_maps(frames: Tensor) -> Tensor:
    # Cells are square, four of them high.
    cells = functional.avg_pool2d(frames.float() / 127.5 - 1.0, frames.shape[2] // GRID_CELLS)
    mapped = torch.einsum("nchw,cd->ndhw", cells, _seeded("colours", 3))
    # A constant keeps a grey place from having no direction.
    mapped = mapped + _seeded("grey", 1)[0][:, None, None]
    return functional.normalize(mapped, dim=1)


def _grid_frames(frames: Tensor) -> Tensor:
    return functional.normalize(_grid_maps(frames).mean(dim=(2, 3)), dim=1)


def _seeded(name: str, count: int) -> Tensor:
    """Random unit vectors that depend on a name only, float32 [count, GRID_DIM]."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(count, GRID_DIM, generator=generator), dim=1)
