"""Things found in pictures by a detection model of transformers, chosen by id.

Works for models whose output is one set of boxes and class scores per picture (DETR and its relatives).
Pixel values are made here: longest side 800, ImageNet's colour statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seehear.errors import MissingDependency, ModelError
from seehear.features.resnet import IMAGENET_MEAN, IMAGENET_STD
from seehear.features.weights import weights_sha256

LONGEST = 800


@dataclass(frozen=True)
class Found:
    """One thing in a picture.

    Args:
        label: class as the model names it.
        score: 0..1.
        box: left, top, width, height as shares of the picture.
    """

    label: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Detector:
    """A detection model.

    Args:
        id: of the model.
        sha256: of its weights.
        find: picture uint8 [h, w, 3] -> what is in it, surest first.
    """

    id: str
    sha256: str
    find: Callable[[NDArray[np.uint8]], list[Found]]


def load_detector(model_id: str, least: float = 0.3) -> Detector:
    """Load a detection model that is on this machine.

    Args:
        model_id: hub id such as `facebook/detr-resnet-50`, or a folder.
        least: score below which nothing counts as found.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the weights are not on this machine, or belong to another kind of model.
    """
    try:
        from transformers import AutoModelForObjectDetection
    except ImportError as error:
        raise MissingDependency("transformers", "encoders", "detecting things in photos") from error
    try:
        model = AutoModelForObjectDetection.from_pretrained(
            model_id, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the weights of the detector {model_id} are not on this machine; fetch them with "
            f"'huggingface-cli download {model_id}' or give boxes instead"
        ) from error
    model.eval()
    return Detector(model_id, weights_sha256(model), lambda picture: find(model, picture, least))


def find(model: Any, picture: NDArray[np.uint8], least: float) -> list[Found]:
    """Things in one picture, uint8 [h, w, 3], surest first."""
    with torch.inference_mode():
        output = model(pixel_values=pixel_values(picture))
    names = model.config.id2label
    logits, boxes = output.logits[0].float(), output.pred_boxes[0].float()
    # With a class for nothing (last), scores are a softmax; without, each class is judged alone.
    scores = logits.softmax(-1)[:, :-1] if logits.shape[-1] > len(names) else logits.sigmoid()
    best, index = scores.max(dim=-1)
    found = []
    for row in torch.argsort(best, descending=True).tolist():
        if best[row] >= least:
            x, y, width, height = boxes[row].clamp(0, 1).tolist()
            box = (x - width / 2, y - height / 2, width, height)
            found.append(Found(str(names[int(index[row])]), float(best[row]), box))
    return found


def pixel_values(picture: NDArray[np.uint8]) -> Tensor:
    """Picture uint8 [h, w, 3] -> normalised float [1, 3, H, W] with the longest side at 800."""
    tall, wide = picture.shape[:2]
    ratio = LONGEST / max(tall, wide)
    size = (max(round(tall * ratio), 1), max(round(wide * ratio), 1))
    plain = torch.tensor(picture[..., :3]).permute(2, 0, 1)[None].float() / 255
    resized = functional.interpolate(plain, size=size, mode="bilinear", antialias=True)
    mean, std = (torch.tensor(c).reshape(1, 3, 1, 1) for c in (IMAGENET_MEAN, IMAGENET_STD))
    return (resized - mean) / std
