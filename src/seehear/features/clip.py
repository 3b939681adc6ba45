"""CLIP image embeddings through transformers: the visual context of the published VisAH.

The projected embedding, L2-normalised per frame, as the authors' inference script does. Pixel values are
made here from frames that the decoder has already resized, so no image library is needed; the published
preprocessing crops the centre of a resized frame, ours shows the whole frame squeezed to a square, because
what matters may stand at the side (docs/decisions/0008-frames-as-squares.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear.errors import MissingDependency, ModelError
from seehear.features.frames import FrameEncoder
from seehear.features.weights import weights_sha256
from seehear.runtime import Runtime

# Colour statistics of the images that CLIP was trained on (published with the model).
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
BATCH = 32


def load_clip(model_id: str, runtime: Runtime) -> FrameEncoder:
    """Load a CLIP vision tower that is on this machine.

    Args:
        model_id: hub id such as `openai/clip-vit-large-patch14`, or a folder.
        runtime: where and in which number format it works.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the weights are not on this machine, or belong to another kind of model.
    """
    try:
        from transformers import CLIPVisionModelWithProjection
    except ImportError as error:
        raise MissingDependency("transformers", "encoders", "the CLIP frame encoder") from error
    try:
        model = CLIPVisionModelWithProjection.from_pretrained(
            model_id, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the weights of the frame encoder {model_id} are not on this machine; fetch them with "
            f"'huggingface-cli download {model_id}' or use a model with another encoder"
        ) from error
    model.eval().to(runtime.device)
    size = int(model.config.image_size)
    return FrameEncoder(
        id=f"{Path(model_id).name}@1",
        dim=int(model.config.projection_dim),
        frame_size=size,
        sha256=weights_sha256(model),
        licence="see the model's page",
        encode=lambda frames: embed(model, frames, runtime),
    )


def embed(model: Any, frames: Tensor, runtime: Runtime) -> Tensor:
    """Projected, normalised embeddings: uint8 [N, 3, S, S] -> float32 [N, D] on the CPU."""
    mean, std = (
        colour.reshape(1, 3, 1, 1).to(runtime.device) for colour in map(torch.tensor, (MEAN, STD))
    )
    parts = []
    with runtime.inference():
        for part in torch.split(frames, BATCH):
            pixels = (part.to(runtime.device).float() / 255.0 - mean) / std
            parts.append(model(pixel_values=pixels).image_embeds.float().cpu())
    values = torch.nn.functional.normalize(torch.cat(parts), dim=-1)
    return values.clone()
