"""DAVIS's separation U-Net: (mixture, state, time, what is seen) -> noise or velocity.

    [mixture ; state] -> 1x1 -> five levels down -> middle (joined with what is seen) -> five levels up -> 1

Each level: residual block, attention over the plane, attention along time. All are told the time.
Source: public code of DAVIS; layer table in the paper's supplement. Letters: B batch, C channels, F rows,
T columns, V visual features.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.errors import InputError
from seehear.models.davis.config import DavisConfig
from seehear.models.davis.layers import (
    MiddleAttention,
    PlaneAttention,
    ResidualBlock,
    TimeAttention,
)

BASE = 10000.0


class TimeEmbedding(nn.Module):
    """Times [B] -> vectors [B, 4 * width]: sines, then cosines, then two layers.

    Args:
        width: sinusoids.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.expand = nn.Linear(width, 4 * width)
        self.mix = nn.Linear(4 * width, 4 * width)

    def sinusoids(self, times: Tensor) -> Tensor:
        """[B] -> [B, width]."""
        half = self.width // 2
        steps = torch.arange(half, device=times.device, dtype=torch.float32)
        rates = torch.exp(steps * (-math.log(BASE) / (half - 1)))
        angles = times.float()[:, None] * rates
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    def forward(self, times: Tensor) -> Tensor:
        """See the class."""
        return self.mix(functional.gelu(self.expand(self.sinusoids(times))))


class Down(nn.Module):
    """Half the rows and columns: every 2x2 square is mixed into one position."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, F, T] -> [B, outputs, F / 2, T / 2]."""
        return self.conv(x)


class Up(nn.Module):
    """Twice the rows and columns: every position repeated, then a 3x3 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, F, T] -> [B, outputs, 2 F, 2 T]."""
        return self.conv(functional.interpolate(x, scale_factor=2, mode="nearest"))


class Level(nn.Module):
    """Residual block and the two attentions; then, outside, a change of size.

    Args:
        inputs: channels in.
        outputs: channels out.
        rows: F here.
        config: sizes.
        resize: what leads to the next level.
    """

    def __init__(
        self, inputs: int, outputs: int, rows: int, config: DavisConfig, resize: nn.Module
    ) -> None:
        super().__init__()
        time_dim = 4 * config.width
        self.block = ResidualBlock(inputs, outputs, config.norm_groups, time_dim)
        self.plane = PlaneAttention(outputs, config.heads, config.head_dim, time_dim)
        self.along_time = TimeAttention(outputs, rows, config.heads, config.token_dim, time_dim)
        self.resize = resize

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """[B, inputs, F, T] -> [B, outputs, F, T]; the change of size is the caller's."""
        return self.along_time(self.plane(self.block(x, c), c), c)


class SeparationUNet(nn.Module):
    """The network; see the module's text.

    Args:
        config: sizes and switches.
    """

    def __init__(self, config: DavisConfig) -> None:
        super().__init__()
        self.config = config
        width, time_dim = config.width, 4 * config.width
        widths = [width, *(width * m for m in config.multipliers)]
        depth = len(config.multipliers)
        self.first = nn.Conv2d(2, width, 1)
        self.time = TimeEmbedding(width)
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, (here, below) in enumerate(itertools.pairwise(widths)):
            rows = config.rows // 2**level
            last = level == depth - 1
            smaller = nn.Conv2d(here, below, 3, padding=1) if last else Down(here, below)
            larger = nn.Conv2d(below, here, 3, padding=1) if level == 0 else Up(below, here)
            self.down.append(Level(here, here, rows, config, smaller))
            self.up.insert(0, Level(here + below, below, rows, config, larger))
        inner = widths[-1]
        self.middle1 = ResidualBlock(inner + config.frame_dim, inner, config.norm_groups, time_dim)
        self.middle_attention = MiddleAttention(inner, config.heads, config.head_dim, time_dim)
        self.middle2 = ResidualBlock(inner, inner, config.norm_groups, time_dim)
        self.last_block = ResidualBlock(2 * width, width, config.norm_groups, time_dim)
        self.last = nn.Conv2d(width, 1, 1)
        nn.init.kaiming_normal_(self.last.weight)

    def forward(self, state: Tensor, times: Tensor, mixture: Tensor, seen: Tensor) -> Tensor:
        """Estimate.

        Args:
            state: [B, 1, F, T], F as configured, T a multiple of `config.shrink`.
            times: [B], 0 .. 1000.
            mixture: [B, 1, F, T].
            seen: [B, V].

        Returns:
            [B, 1, F, T].

        Raises:
            InputError: rows or columns that the network cannot take.
        """
        self.check(state)
        c = self.time(times)
        x = kept = self.first(torch.cat([mixture, state], dim=1))
        skips = []
        level: Any
        for level in self.down:
            x = level(x, c)
            skips.append(x)
            x = level.resize(x)
        x = self.middle(x, seen, c)
        for level in self.up:
            x = level.resize(level(torch.cat([x, skips.pop()], dim=1), c))
        return self.last(self.last_block(torch.cat([x, kept], dim=1), c))

    def middle(self, x: Tensor, seen: Tensor, c: Tensor) -> Tensor:
        """Join what is heard with what is seen: [B, C, F, T] -> [B, C, F, T]."""
        told = c if self.config.middle_time else None
        plane = seen[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = self.middle1(torch.cat([plane, x], dim=1), told)
        return self.middle2(self.middle_attention(x, told), told)

    def check(self, state: Tensor) -> None:
        """Refuse a picture that the network cannot take.

        Raises:
            InputError: rows or columns do not fit.
        """
        rows, columns = state.shape[-2:]
        shrink = self.config.shrink
        if rows != self.config.rows or columns % shrink or columns == 0:
            raise InputError(
                f"this network sees {self.config.rows} rows and a multiple of {shrink} columns, "
                f"not {rows} x {columns}"
            )
