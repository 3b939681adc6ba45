"""Frozen encoders of frames: network + exact preprocessing, chosen by id.

The decoder delivers frames as squares of `frame_size`; everything after that is the encoder's matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from seehear.runtime import Runtime

PLAIN = Runtime(torch.device("cpu"))


@dataclass(frozen=True)
class FrameEncoder:
    """A function from frames to features, with what a receipt must say about it.

    Args:
        id: name including the version of weights and preprocessing.
        dim: length of a feature vector.
        frame_size: side of the squares that it wants, pixels.
        sha256: of its weights ("" when it has none).
        licence: of its weights.
        encode: uint8 [N, 3, S, S] -> float32 [N, dim].
    """

    id: str
    dim: int
    frame_size: int
    sha256: str
    licence: str
    encode: Callable[[Tensor], Tensor]


def load_frame_encoder(encoder_id: str, runtime: Runtime = PLAIN) -> FrameEncoder:
    """Load an encoder by id.

    Args:
        encoder_id: `grid` (no weights), `glance` (shipped), the hub id or folder of a CLIP model, or one
            of the prefixed ids of `features/resnet.py`.
        runtime: where and in which number format a large encoder works; the small ones stay on the CPU
            in float32.

    Raises:
        ModelError: its weights are not on this machine.
        MissingDependency: transformers is not installed.
    """
    if encoder_id == "grid":
        from seehear.features.grid import load_grid

        return load_grid()
    if encoder_id == "glance":
        from seehear.features.glance import load_glance

        return load_glance()
    if encoder_id.partition(":")[0] in ("resnet", "raw", "imagenet"):
        from seehear.features.resnet import load_image_encoder

        return load_image_encoder(encoder_id, runtime)
    from seehear.features.clip import load_clip

    return load_clip(encoder_id, runtime)
