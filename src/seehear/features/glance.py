"""The shipped visual encoder: weights inside the package, nothing to download.

The id carries the version of weights and preprocessing; a model trained on features of one version
refuses another by name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seehear.checkpoint import load_checkpoint
from seehear.errors import ModelError
from seehear.models.glance import Glance

if TYPE_CHECKING:
    from seehear.features.frames import FrameEncoder

FOLDER = Path(__file__).parent.parent / "weights" / "glance"
ENCODER_ID = "glance@1"
BATCH = 64


def load_glance(folder: Path = FOLDER) -> FrameEncoder:
    """Load the encoder.

    Args:
        folder: checkpoint folder; the shipped one unless another is given.

    Raises:
        ModelError: weights are missing, damaged, or of another kind of model.
    """
    from seehear.features.frames import FrameEncoder

    loaded = load_checkpoint(folder)
    model = loaded.module
    if not isinstance(model, Glance):
        raise ModelError(f"{folder} holds a {loaded.name}; a frame encoder needs a glance")
    return FrameEncoder(
        id=str(loaded.meta.get("id", ENCODER_ID)),
        dim=model.config.dim,
        frame_size=model.config.frame_size,
        sha256=loaded.sha256,
        licence=str(loaded.meta.get("licence", "unknown")),
        encode=lambda frames: encode(model, frames),
    )


def encode(model: Glance, frames: Tensor) -> Tensor:
    """Embed frames in small batches: uint8 [N, 3, S, S] -> float32 [N, dim]."""
    size = model.config.frame_size
    if frames.ndim != 4 or tuple(frames.shape[1:]) != (3, size, size):
        raise ModelError(
            f"glance looks at frames [N, 3, {size}, {size}], not {tuple(frames.shape)}"
        )
    with torch.inference_mode():
        parts = [model(part) for part in torch.split(frames, BATCH)]
    if not parts:
        return torch.zeros(0, model.config.dim)
    # A clone leaves inference mode, so that the features may enter a graph later.
    return torch.cat(parts).float().clone()
