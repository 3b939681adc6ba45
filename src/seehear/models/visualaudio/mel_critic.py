"""Discriminator of spectrograms that the autoencoder is trained against.

Looks at overlapping patches of a spectrogram as a picture (PatchGAN, Isola et al. 2017): 2,763,585 parameters,
as in Make-An-Audio 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = (64, 128, 256, 512)
STRIDES = (2, 2, 2, 1)
SLOPE = 0.2


class MelCritic(nn.Module):
    """Scores of patches; real spectrograms are near 1."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width, stride in zip(WIDTHS, STRIDES, strict=True):
            first = before == 1
            layers.append(nn.Conv2d(before, width, 4, stride, padding=1, bias=first))
            if not first:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(SLOPE))
            before = width
        self.layers = nn.Sequential(*layers, nn.Conv2d(before, 1, 4, padding=1))
        self.apply(_start)

    def forward(self, mel: Tensor) -> Tensor:
        """[B, num_mels, T] -> scores [B, 1, h, w]; T >= 24."""
        scores: Tensor = self.layers(mel[:, None])
        return scores


@torch.no_grad()
def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
