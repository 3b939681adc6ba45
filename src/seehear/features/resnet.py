"""The frozen encoders of DAVIS, through transformers: ResNet-18, and CLIP without normalised vectors.

Ids carry what the published code does to the picture:

    resnet:ID     ResNet, averaged over the picture, ImageNet's colour statistics (the paper's MUSIC models)
    raw:ID        CLIP's image embedding as it is, CLIP's colour statistics (AVE)
    imagenet:ID   the same with ImageNet's statistics (the released MUSIC models; a slip, but they were
                  trained with it)

All run in eval mode. (In the public code the frozen ResNet stays in training mode, so that its statistics
drift while the rest learns.)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear.errors import MissingDependency, ModelError
from seehear.features.clip import MEAN, STD
from seehear.features.frames import FrameEncoder
from seehear.features.weights import weights_sha256
from seehear.runtime import Runtime

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
RESNET_SIZE = 224
BATCH = 32
PREFIXES = ("resnet", "raw", "imagenet")
PROMPT = "A photo of {}."
"""Frame of a class name in the published demonstration of text queries."""


def load_image_encoder(encoder_id: str, runtime: Runtime) -> FrameEncoder:
    """Load one of the encoders above.

    Args:
        encoder_id: prefix, colon, hub id or folder.
        runtime: where and in which number format it works.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: no such prefix, or the weights are not on this machine.
    """
    kind, _, model_id = encoder_id.partition(":")
    if kind not in PREFIXES or not model_id:
        raise ModelError(
            f"no encoder is called {encoder_id!r}; known: {', '.join(PREFIXES)} + ':ID'"
        )
    if kind == "resnet":
        model = _load("ResNetModel", model_id)
        dim, size = int(model.config.hidden_sizes[-1]), RESNET_SIZE
    else:
        model = _load("CLIPVisionModelWithProjection", model_id)
        dim, size = int(model.config.projection_dim), int(model.config.image_size)
    model.to(runtime.device)
    colours = (MEAN, STD) if kind == "raw" else (IMAGENET_MEAN, IMAGENET_STD)
    return FrameEncoder(
        id=f"{kind}:{Path(model_id).name}@1",
        dim=dim,
        frame_size=size,
        sha256=weights_sha256(model),
        licence="see the model's page",
        encode=lambda frames: _embed(model, kind, colours, frames, runtime),
    )


def load_clip_texts(model_id: str) -> Callable[[list[str]], Tensor]:
    """CLIP's text tower, for names in the place of pictures: texts -> float32 [N, D], as they are.

    Args:
        model_id: hub id or folder of the whole CLIP model, with its tokenizer.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the weights are not on this machine.
    """
    model = _load("CLIPTextModelWithProjection", model_id)
    tokenizer = _load("CLIPTokenizer", model_id)

    def encode(texts: list[str]) -> Tensor:
        tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            made: Tensor = model(**tokens).text_embeds.float()
        return made.clone()

    return encode


def _load(part: str, model_id: str) -> Any:
    """A class of transformers, from weights that are on this machine."""
    try:
        import transformers
    except ImportError as error:
        raise MissingDependency("transformers", "encoders", "this encoder of pictures") from error
    options = {} if part.endswith("Tokenizer") else {"use_safetensors": True}
    try:
        made = getattr(transformers, part).from_pretrained(
            model_id, local_files_only=True, **options
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the weights of the encoder {model_id} are not on this machine; fetch them with "
            f"'huggingface-cli download {model_id}' or use a model with another encoder"
        ) from error
    return made.eval() if isinstance(made, torch.nn.Module) else made


def _embed(
    model: Any,
    kind: str,
    colours: tuple[tuple[float, ...], tuple[float, ...]],
    frames: Tensor,
    runtime: Runtime,
) -> Tensor:
    """uint8 [N, 3, S, S] -> float32 [N, D] on the CPU."""
    device = runtime.device
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1).to(device) for values in colours)
    parts = []
    with runtime.inference():
        for part in torch.split(frames, BATCH):
            made = model(pixel_values=(part.to(device).float() / 255.0 - mean) / std)
            made = made.pooler_output.flatten(1) if kind == "resnet" else made.image_embeds
            parts.append(made.float().cpu())
    return torch.cat(parts).clone()
