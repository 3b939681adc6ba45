"""Blocks of U-Nets over (band, time) with a time line at the bottleneck, and what they hear.

Shared by `models/bandgain.py`, `models/bandmask.py` and `models/bearings.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.stft import stft

POWER_FLOOR = 1e-9
"""Band power below this (about -90 dB under a full-scale sine) counts as this."""
DB = 10.0 / math.log(10.0)


def grid_spectrum(waveform: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """STFT scaled so that a full-scale sine has 1; short waveforms are padded, not refused.

    Args:
        waveform: [B, T], T > 0.
        n_fft: transform length, samples.
        hop_length: samples between columns.

    Returns:
        complex64 [B, n_fft / 2 + 1, 1 + T // hop_length].
    """
    short = n_fft // 2 + 1 - waveform.shape[-1]
    num_columns = 1 + waveform.shape[-1] // hop_length
    if short > 0:
        waveform = functional.pad(waveform, (0, short))
    with torch.autocast(waveform.device.type, enabled=False):
        return stft(waveform.float(), n_fft, hop_length)[..., :num_columns] * (4.0 / n_fft)


def level_planes(power: Tensor) -> Tensor:
    """What a cell's power says about it, [B, F, N] -> [B, 3, F, N].

    Planes: level relative to the window's mean, relative to the loudest cell of the band, and
    change since the last column.
    """
    db = DB * power.clamp_min(POWER_FLOOR).log()
    level = DB * power.mean(dim=(1, 2)).clamp_min(POWER_FLOOR).log()[:, None]
    relative = (db - level[..., None]).clamp_min(-60.0) / 20.0 + 1.0
    loudest = (db - db.amax(dim=-1, keepdim=True)).clamp_min(-60.0) / 20.0 + 1.0
    change = functional.pad(db.diff(dim=-1), (1, 0)) / 10.0
    return torch.stack([relative, loudest, change], dim=1)


class Block(nn.Module):
    """Convolution (with stride), then `depth` - 1 residual ones; told what is asked where wanted.

    Batch norm: in use it is a constant affine map, so that outputs depend neither on the neighbours
    in a batch nor on the length of the window.
    """

    def __init__(
        self,
        before: int,
        after: int,
        stride: tuple[int, int] = (1, 1),
        depth: int = 2,
        told: int = 0,
    ) -> None:
        super().__init__()
        kernel = (4 if stride[0] == 2 else 3, 4 if stride[1] == 2 else 3)
        self.entry = nn.Conv2d(before, after, kernel, stride, padding=1)
        self.norm = nn.BatchNorm2d(after)
        self.film = nn.Linear(told, 2 * after) if told else None
        self.steps = nn.ModuleList(nn.Conv2d(after, after, 3, padding=1) for _ in range(depth - 1))
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for _ in range(depth - 1))

    def forward(self, x: Tensor, told: Tensor | None = None) -> Tensor:
        x = self.norm(self.entry(x))
        if self.film is not None and told is not None:
            scale, shift = self.film(told)[:, :, None, None].chunk(2, dim=1)
            x = x * (1 + scale) + shift
        x = functional.silu(x)
        for step, norm in zip(self.steps, self.norms, strict=True):
            x = x + functional.silu(norm(step(x)))
        return x


LARGE_VARIANCE = 1e3
"""Half precision ends at 65504, and squares of loud channels come there sooner than one thinks."""


@torch.no_grad()
def fit_half_precision(network: nn.Module) -> None:
    """Scale what goes into batch norms so that their statistics fit into half precision.

    A batch norm takes the scale of its input away, so the function stays what it was (factors are
    powers of two; only the 1e-5 in the norm's root weighs a little more).
    """
    for block in network.modules():
        if isinstance(block, Block):
            convolutions = [block.entry, *block.steps]
            for convolution, norm in zip(convolutions, [block.norm, *block.norms], strict=True):
                _scale_down(convolution, norm)


def _scale_down(convolution: nn.Module, norm: nn.Module) -> None:
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert convolution.bias is not None and norm.running_mean is not None
    assert norm.running_var is not None
    largest = float(norm.running_var.max())
    if not LARGE_VARIANCE < largest < math.inf:
        return
    factor = 2.0 ** -math.ceil(math.log2(largest / LARGE_VARIANCE) / 2)
    for values in (convolution.weight, convolution.bias, norm.running_mean):
        values *= factor
    norm.running_var *= factor**2


class TimeLine(nn.Module):
    """Dilated convolutions and attention over time that hear the whole window.

    Args:
        squeezed: channels times bands at the bottleneck.
        width: channels of the line.
        dilations: of its convolutions, in columns of 4 hops.
        attentions: how often it attends to the whole window.
    """

    def __init__(
        self, squeezed: int, width: int, dilations: Sequence[int], attentions: int = 2
    ) -> None:
        super().__init__()
        self.enter = nn.Conv1d(squeezed, width, 1)
        self.blocks = nn.ModuleList(TimeBlock(width, d) for d in dilations)
        self.attend = nn.ModuleList(Attend(width) for _ in range(attentions))
        self.leave = nn.Conv1d(width, squeezed, 1)
        # Attention comes after equal runs of blocks.
        self._after = [len(dilations) * (n + 1) // attentions - 1 for n in range(attentions)]

    def forward(self, squeezed: Tensor) -> tuple[Tensor, Tensor]:
        x = self.enter(squeezed)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self._after:
                x = self.attend[self._after.index(index)](x)
        return self.leave(x), x


class TimeBlock(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(
        self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        y = self.norm(x.transpose(1, 2)).transpose(1, 2)  # [B, W, M]
        if scale is not None and shift is not None:
            y = y * (1 + scale) + shift
        mixed: Tensor = self.mix(functional.silu(self.conv(y)))
        return x + mixed


class Attend(nn.Module):
    """Self-attention over the window: what was heard elsewhere tells what this is."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, width, count = x.shape
        qkv = self.qkv(self.norm(x.transpose(1, 2)))
        q, k, v = qkv.reshape(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)  # [B, H, M, W/H]
        joined = mixed.transpose(1, 2).reshape(batch, count, width)
        told: Tensor = self.out(joined).transpose(1, 2)
        return x + told


def wider(x: Tensor, factors: tuple[int, int]) -> Tensor:
    """Repeat bands and columns."""
    return functional.interpolate(x, scale_factor=tuple(map(float, factors)), mode="nearest")


def smoothly(x: Tensor, factors: tuple[int, int]) -> Tensor:
    """Linear in between: a coarse cell is the middle of the fine cells under it."""
    return functional.interpolate(x, scale_factor=tuple(map(float, factors)), mode="bilinear")


def columns(coarse: Tensor, num_columns: int) -> Tensor:
    """From one value per 4 hops to one per hop: column 4m keeps value m, linear in between."""
    following = torch.cat([coarse[..., 1:], coarse[..., -1:]], dim=-1)
    share = torch.arange(4, device=coarse.device) / 4
    fine = coarse[..., None] * (1 - share) + following[..., None] * share
    return fine.flatten(-2)[..., :num_columns]
