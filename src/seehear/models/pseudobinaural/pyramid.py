"""The associative pyramid: every cell of the picture asks how much of the sound belongs to it.

The picture's map gives one 1x1 kernel per cell, which is run over the audio network's features; so output
channel k is the response of cell k, row by row. Two heads turn them into masks for left and right.
Source: Zhou et al., "Sep-Stereo", ECCV 2020, section 3.3 and public code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seehear.models.pseudobinaural.config import APNetConfig
from seehear.models.pseudobinaural.unet import Up, to_mask


class Fusion(nn.Module):
    """Kernels from the picture, run over one level of the sound.

    Args:
        seen: features of the picture.
        width: channels of the sound.
        spare: keep the unused second map.
    """

    def __init__(self, seen: int, width: int, spare: bool) -> None:
        super().__init__()
        self.kernels = nn.Conv1d(seen, width, 1)
        self.spare = nn.Conv1d(seen, width, 1).requires_grad_(False) if spare else None

    def forward(self, heard: Tensor, visual: Tensor) -> Tensor:
        """Sound [B, C, F, N] and map [B, D, h, w] -> responses of the cells [B, h * w, F, N]."""
        kernels = torch.relu(self.kernels(visual.flatten(2)))
        made = kernels.mT @ heard.flatten(2)
        return made.reshape(*made.shape[:2], *heard.shape[2:])


class Pyramid(nn.Module):
    """Fusion at every level (or at the last alone), then one head per ear.

    Args:
        config: sizes and switches.
    """

    def __init__(self, config: APNetConfig) -> None:
        super().__init__()
        rows, columns = config.cells
        cells, seen, spare = rows * columns, config.trunk_widths[-1], config.spare_maps
        widths = tuple(reversed(config.audio_widths[:-1]))
        if config.fusion == "last":
            widths = widths[-1:]
        self.fuse = nn.ModuleList(Fusion(seen, width, spare) for width in widths)
        self.up = nn.ModuleList(
            Up(cells if level == 0 else 2 * cells, cells, config.norm)
            for level in range(len(widths) - 1)
        )
        last = cells if len(widths) == 1 else 2 * cells
        self.left = Up(last, 2, config.norm, last=True)
        self.right = Up(last, 2, config.norm, last=True)

    def forward(self, features: list[Tensor], visual: Tensor) -> tuple[Tensor, Tensor]:
        """Features of the audio network's way out and the picture's map -> masks of both ears."""
        x = self.responses(features, visual)
        return to_mask(self.left(x)), to_mask(self.right(x))

    def responses(self, features: list[Tensor], visual: Tensor) -> Tensor:
        """What the heads see; the first `h * w` channels are the cells' responses at the last level."""
        x: Tensor | None = None
        for level, (fuse, heard) in enumerate(
            zip(self.fuse, features[-len(self.fuse) :], strict=True)
        ):
            fused = fuse(heard, visual)
            x = fused if x is None else torch.cat([fused, x], dim=1)
            if level < len(self.up):
                x = self.up[level](x)
        assert x is not None, "a pyramid has at least one level"
        return x
