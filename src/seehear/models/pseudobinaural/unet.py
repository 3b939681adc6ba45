"""The audio network: spectrum of the sum + map of the picture -> complex mask of the difference.

Letters: B batch, F bins, N columns, D features of the picture, [h, w] its cells.
Source: Gao & Grauman, CVPR 2019, section 4.2 and public code.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.errors import InputError
from seehear.models.pseudobinaural.config import Mono2BinauralConfig

SLOPE = 0.2
INIT_STD = 0.02


class Decoded(NamedTuple):
    """What the audio network makes.

    Args:
        mask: [B, 2, F - 1, N] in (-1, 1), real part first.
        features: outputs of the first four levels on the way out, coarse to fine.
    """

    mask: Tensor
    features: list[Tensor]


def make_norm(kind: str, width: int) -> nn.Module:
    """Normalisation of one level; `instance` has no weights of its own."""
    return nn.BatchNorm2d(width) if kind == "batch" else nn.InstanceNorm2d(width)


class Down(nn.Module):
    """Halve bins and columns: convolution, norm, leaky ReLU."""

    def __init__(self, wide_in: int, wide_out: int, norm: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(wide_in, wide_out, 4, 2, 1)
        self.norm = make_norm(norm, wide_out)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, F, N] -> [B, C', F / 2, N / 2]."""
        return functional.leaky_relu(self.norm(self.conv(x)), SLOPE)


class Up(nn.Module):
    """Double bins and columns: transposed convolution, norm, ReLU; the last level has a sigmoid alone."""

    def __init__(self, wide_in: int, wide_out: int, norm: str, last: bool = False) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(wide_in, wide_out, 4, 2, 1)
        self.norm = None if last else make_norm(norm, wide_out)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, F, N] -> [B, C', 2F, 2N]."""
        made = self.conv(x)
        return torch.sigmoid(made) if self.norm is None else torch.relu(self.norm(made))


class AudioNet(nn.Module):
    """Five levels in, five out; the picture joins at the bottom.

    Args:
        config: sizes and switches.
    """

    def __init__(self, config: Mono2BinauralConfig) -> None:
        super().__init__()
        widths, norm = config.audio_widths, config.norm
        into = (2, *widths[:-1])
        self.down = nn.ModuleList(Down(a, b, norm) for a, b in zip(into, widths, strict=True))
        rows, columns = config.cells
        self.seen = config.look_channels * rows * columns
        self.look = nn.Conv2d(config.trunk_widths[-1], config.look_channels, 1)
        # Batch norm also where the levels have instance norm, as published.
        self.look_norm = nn.BatchNorm2d(config.look_channels)
        outs = (*reversed(widths[:-1]), 2)
        ins = (widths[-1] + self.seen, *(2 * width for width in outs[:-1]))
        self.up = nn.ModuleList(
            Up(a, b, norm, last=i == len(outs) - 1)
            for i, (a, b) in enumerate(zip(ins, outs, strict=True))
        )
        self.apply(_initialise)

    def forward(self, spectrum: Tensor, visual: Tensor) -> Decoded:
        """One window each.

        Args:
            spectrum: of the sum, [B, 2, F, N].
            visual: map of the picture, [B, D, h, w].
        """
        skips, x = [], spectrum
        for down in self.down:
            x = down(x)
            skips.append(x)
        seen = torch.relu(self.look_norm(self.look(visual))).flatten(1)
        if seen.shape[1] != self.seen:
            raise InputError(
                f"the picture's map is {tuple(visual.shape)}, the network needs {self.seen} numbers of "
                f"it; give it pictures of the size that its configuration names"
            )
        x = torch.cat([seen[:, :, None, None].expand(-1, -1, *x.shape[2:]), x], dim=1)
        features = []
        for level, up in enumerate(self.up):
            x = up(x)
            if level < len(self.up) - 1:
                features.append(x)
                x = torch.cat([x, skips[-2 - level]], dim=1)
        return Decoded(to_mask(x), features)


def to_mask(activated: Tensor) -> Tensor:
    """Sigmoid's 0..1 -> -1..1."""
    return 2 * activated - 1


def _initialise(module: nn.Module) -> None:
    """As published: small normal numbers, gains around one."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, INIT_STD)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, INIT_STD)
        nn.init.zeros_(module.bias)
