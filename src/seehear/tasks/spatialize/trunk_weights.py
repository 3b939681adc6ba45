"""Published weights of a ResNet, as `transformers` stores them, for the trunk of Mono2Binaural."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

from seehear.checkpoint import load_strictly
from seehear.errors import MissingDependency, ModelError
from seehear.models.pseudobinaural.trunk import Trunk

RULES = (
    (r"^embedder\.embedder\.convolution\.", "stem."),
    (r"^embedder\.embedder\.normalization\.", "stem_norm."),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.0\.convolution\.", r"stages.\1.\2.conv1."),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.0\.normalization\.", r"stages.\1.\2.norm1."),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.1\.convolution\.", r"stages.\1.\2.conv2."),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.1\.normalization\.", r"stages.\1.\2.norm2."),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.convolution\.", r"stages.\1.\2.skip.0."),
    (r"^encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.normalization\.", r"stages.\1.\2.skip.1."),
)


def start_trunk(trunk: Trunk, model_id: str) -> None:
    """Copy published weights into a trunk.

    Args:
        trunk: of the same depth and width.
        model_id: hub id or folder of a ResNet of basic blocks (`microsoft/resnet-18`, `microsoft/resnet-34`).

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the weights are not on this machine, or belong to another network.
    """
    try:
        from transformers import ResNetModel
    except ImportError as error:
        raise MissingDependency("transformers", "encoders", "this start of the trunk") from error
    try:
        model: Any = ResNetModel.from_pretrained(
            model_id, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the weights of {model_id} are not on this machine; fetch them with 'huggingface-cli "
            f"download {model_id}' or train with paper.trunk=''"
        ) from error
    load_strictly(trunk, translate(model.state_dict(), model_id), model_id)


def translate(published: dict[str, Tensor], where: str) -> dict[str, Tensor]:
    """Rename every tensor.

    Raises:
        ModelError: a name that no rule knows.
    """
    tensors = {}
    for name, value in published.items():
        for pattern, ours in RULES:
            made, count = re.subn(pattern, ours, name)
            if count:
                tensors[made] = value
                break
        else:
            raise ModelError(
                f"{where} has the unknown tensor {name!r}; expected a ResNet of basic blocks"
            )
    return tensors
