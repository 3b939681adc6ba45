"""Maps of places where there is something to be seen.

An encoder trained on photos must say something about every place, also of a black bar, a wall or the sky,
and what it says of nothing is arbitrary. Where a place has no detail, its vector shrinks to zero.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from seehear.features.concepts import ConceptEncoder

LEAST = 1.5
"""Standard deviation of brightness within a place, of 255, that is nothing but noise."""
FULL = 8.0
"""Standard deviation from which on a place counts wholly."""


def detailed_maps(encoder: ConceptEncoder, frames: Tensor) -> Tensor:
    """What is seen in places, scaled by whether anything is.

    Args:
        encoder: of places.
        frames: uint8 [N, 3, H, W].

    Returns:
        float32 [N, D, h, w], vectors of length 0 to 1.
    """
    maps = encoder.encode_maps(frames)
    return maps * detail(frames, maps.shape[-2], maps.shape[-1])[:, None]


def detail(frames: Tensor, height: int, width: int) -> Tensor:
    """0 where a place is flat, 1 where it is not: uint8 [N, 3, H, W] -> float32 [N, height, width]."""
    grey = frames.float().mean(dim=1, keepdim=True)
    # Deviations from the picture's mean keep squares small.
    grey = grey - grey.mean(dim=(2, 3), keepdim=True)
    size = (height, width)
    mean = functional.adaptive_avg_pool2d(grey, size)
    square = functional.adaptive_avg_pool2d(grey.square(), size)
    deviation = (square - mean.square()).clamp_min(0.0).sqrt()[:, 0]
    return torch.clamp((deviation - LEAST) / (FULL - LEAST), 0.0, 1.0)
