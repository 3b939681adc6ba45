"""The image encoders of DAVIS as a space of queries: pictures, places in them, and words where there are any.

CLIP has a text tower, so its classes are words of the shipped vocabulary (features/vocabulary.py). ResNet
knows pictures only; its own 1000 classes serve to say what a picture looks like, not to ask for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from torch import Tensor
from torch.nn import functional

from seehear.errors import UsageError
from seehear.features.concepts import ConceptEncoder, load_query_encoder
from seehear.features.resnet import (
    LICENCE,
    PREFIXES,
    PROMPT,
    ImageModel,
    load_clip_texts,
    load_image_model,
    load_part,
)
from seehear.features.vocabulary import NAMES
from seehear.features.weights import weights_sha256
from seehear.runtime import Runtime


@dataclass(frozen=True)
class SightEncoder(ConceptEncoder):
    """A query encoder whose classes are looked up rather than spelt.

    Args:
        table: vectors of all classes, [classes, dim].
    """

    table: Callable[[], Tensor]

    def class_vectors(self) -> Tensor:
        """Vectors of all classes, [classes, dim]."""
        return self.table()


def load_sight(encoder_id: str, runtime: Runtime) -> ConceptEncoder:
    """Load the encoder that a DAVIS model looks through, as a space of queries.

    Args:
        encoder_id: with one of the prefixes of `features/resnet.py`, or an encoder of
            `features/concepts.py`.
        runtime: where and in which number format a large encoder works.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: unknown id, or the weights are not on this machine.
    """
    kind, _, model_id = encoder_id.partition(":")
    if kind not in PREFIXES:
        return load_query_encoder(encoder_id)
    model = load_image_model(encoder_id, runtime)
    return _seen_only(model, model_id) if kind == "resnet" else _with_words(model, model_id)


def _with_words(model: ImageModel, model_id: str) -> ConceptEncoder:
    """CLIP: words by its text tower, framed as in the published demonstration."""
    encode = load_clip_texts(model_id)
    classes = tuple(sorted(NAMES))

    def texts(items: list[str]) -> Tensor:
        return encode([PROMPT.format(item) for item in items])

    @cache
    def table() -> Tensor:
        return texts([name.replace("_", " ") for name in classes])

    return _encoder(model, classes, texts, table)


def _seen_only(model: ImageModel, model_id: str) -> ConceptEncoder:
    """ResNet: no words; a class is the direction that its classifier reads."""
    whole = load_part("ResNetForImageClassification", model_id)
    labels = whole.config.id2label
    classes = tuple(str(labels[k]).partition(",")[0] for k in sorted(labels))
    weight = whole.classifier[-1].weight.detach().float()
    rows = functional.normalize(weight - weight.mean(dim=0), dim=1)

    def texts(items: list[str]) -> Tensor:
        raise UsageError(
            "this model was trained with pictures only and knows no words; "
            "point with --image, --at or --box"
        )

    return _encoder(model, classes, texts, lambda: rows)


def _encoder(
    model: ImageModel,
    classes: tuple[str, ...],
    texts: Callable[[list[str]], Tensor],
    table: Callable[[], Tensor],
) -> ConceptEncoder:
    return SightEncoder(
        id=model.id,
        dim=model.dim,
        frame_size=model.frame_size,
        sha256=weights_sha256(model.module),
        licence=LICENCE,
        classes=classes,
        encode_texts=texts,
        encode_frames=model.vectors,
        encode_maps=model.maps,
        table=table,
    )
