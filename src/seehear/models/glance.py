"""A small frozen look at a picture: convolutional network from a square frame to a short vector.

It tells coarse kinds of things apart (a face, an instrument, an animal, a vehicle ...), enough to
know which sounds a picture is about, and needs no download. Ours, not from a paper. `forward` gives
the embedding that other models are conditioned on, `classify` the classes it was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class GlanceConfig:
    """Shape of the network.

    Args:
        frame_size: side of the square frames, pixels.
        widths: channels after each halving of the picture.
        dim: length of the embedding.
        classes: names of the classes of the training head, in order.
    """

    frame_size: int = 64
    widths: tuple[int, ...] = (32, 64, 128, 192)
    dim: int = 48
    classes: tuple[str, ...] = ("face", "instrument", "other")


class Glance(nn.Module):
    """Frame -> embedding -> classes."""

    def __init__(self, config: GlanceConfig) -> None:
        super().__init__()
        self.config = config
        stages: list[nn.Module] = []
        previous = 3
        for width in config.widths:
            stages += [_conv(previous, width, stride=2), _Residual(width)]
            previous = width
        self.body = nn.Sequential(*stages)
        self.norm = nn.LayerNorm(previous)
        self.embed = nn.Linear(previous, config.dim)
        self.head = nn.Linear(config.dim, len(config.classes))

    def forward(self, frames: Tensor) -> Tensor:
        """Embed frames.

        Args:
            frames: uint8 [N, 3, S, S] or float of the same shape in 0..1.

        Returns:
            float [N, dim], each entry in -1..1.
        """
        if frames.dtype == torch.uint8:
            frames = frames.float() / 255.0
        features: Tensor = self.body((frames - 0.45) / 0.25)
        pooled = self.norm(features.mean(dim=(2, 3)))  # [N, C, s, s] -> [N, C]
        if self.training:
            pooled = functional.dropout(pooled, 0.2)
        return torch.tanh(self.embed(pooled))

    def classify(self, embedding: Tensor) -> Tensor:
        """Class scores of embeddings, [N, dim] -> [N, classes]."""
        scores: Tensor = self.head(embedding)
        return scores


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _conv(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.GroupNorm(8, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.second(self.first(x))
        return functional.silu(x + inner)


def _conv(before: int, after: int, stride: int = 1) -> nn.Sequential:
    # GroupNorm, not BatchNorm: a frame's embedding must not depend on its neighbours in a batch.
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False),
        nn.GroupNorm(8, after),
        nn.SiLU(),
    )


def tiny_glance() -> Glance:
    """Small seeded network for tests."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Glance(GlanceConfig(frame_size=32, widths=(8, 16), dim=8))
