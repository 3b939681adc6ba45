"""Residual branches over time inside VisAH's encoders (those of Hybrid Demucs v3).

Letters: N batch (times frequency bins), C channels, H hidden channels, T columns.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SCALE_AT_START = 1e-4
DECAYS = 4
ATTENTION_HEADS = 4
SELF_SCORE = -100.0


class GroupNorm(nn.GroupNorm):
    """Also takes single values, as a sound of two samples has: they become the bias."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, ...] -> the same."""
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class ResidualBranches(nn.ModuleList):
    """Branches of growing dilation, each added to what came before.

    Args:
        channels: C.
        compress: C / H.
        depth: number of branches; branch d has dilation 2^d.
        with_memory: add a recurrent layer and local attention (the two innermost levels).
        lstm_steps: see `RecurrentLayer`.
    """

    def __init__(
        self, channels: int, compress: int, depth: int, with_memory: bool, lstm_steps: int
    ) -> None:
        super().__init__(
            _Branch(channels, max(channels // compress, 1), 2**d, with_memory, lstm_steps)
            for d in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, T] -> [N, C, T]."""
        for branch in self:
            x = x + branch(x)
        return x


class _Branch(nn.Module):
    def __init__(
        self, channels: int, hidden: int, dilation: int, with_memory: bool, lstm_steps: int
    ) -> None:
        super().__init__()
        self.reduce = nn.Conv1d(channels, hidden, 3, dilation=dilation, padding=dilation)
        self.norm1 = GroupNorm(1, hidden)
        self.recurrent = RecurrentLayer(hidden, lstm_steps) if with_memory else None
        self.attention = LocalAttention(hidden) if with_memory else None
        self.expand = nn.Conv1d(hidden, 2 * channels, 1)
        self.norm2 = GroupNorm(1, 2 * channels)
        self.scale = nn.Parameter(torch.full((channels,), SCALE_AT_START))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.gelu(self.norm1(self.reduce(x)))  # [N, C, T] -> [N, H, T]
        if self.recurrent is not None and self.attention is not None:
            x = self.attention(self.recurrent(x))
        x = functional.glu(self.norm2(self.expand(x)), dim=1)  # -> [N, 2C, T] -> [N, C, T]
        return self.scale[:, None] * x


class RecurrentLayer(nn.Module):
    """Two bidirectional LSTM layers with a residual.

    Sequences longer than `max_steps` are cut into pieces that overlap by half; of each piece only the
    middle is kept, so every kept column has heard at least a quarter of a piece on either side.

    Args:
        channels: H.
        max_steps: longest piece, columns.
    """

    def __init__(self, channels: int, max_steps: int) -> None:
        super().__init__()
        self.max_steps = max_steps
        self.lstm = nn.LSTM(channels, channels, num_layers=2, bidirectional=True)
        self.linear = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N, H, T] -> [N, H, T]."""
        length = x.shape[-1]
        if length <= self.max_steps:
            return x + self._run(x)
        stride, trim = self.max_steps // 2, self.max_steps // 4
        # The published layer cuts further pieces out of what lies beyond; nothing of them is kept.
        pieces = math.ceil((length - trim) / stride)
        padded = functional.pad(x, (0, (pieces - 1) * stride + self.max_steps - length))
        framed = padded.unfold(-1, self.max_steps, stride)  # [N, H, P, W]
        batch, channels = x.shape[:2]
        folded = framed.permute(0, 2, 1, 3).reshape(-1, channels, self.max_steps)  # [N * P, H, W]
        made = self._run(folded).reshape(batch, pieces, channels, self.max_steps)
        middle = made[..., trim : self.max_steps - trim].permute(0, 2, 1, 3)  # [N, H, P, stride]
        inner = middle.reshape(batch, channels, -1)
        joined = torch.cat([made[:, 0, :, :trim], inner, made[:, -1, :, -trim:]], dim=-1)
        return x + joined[..., :length]

    def _run(self, x: Tensor) -> Tensor:
        steps = x.permute(2, 0, 1)  # [N, H, T] -> [T, N, H]
        return self.linear(self.lstm(steps)[0]).permute(1, 2, 0)


class LocalAttention(nn.Module):
    """Self-attention over time without positions but with learned penalties on distance.

    Args:
        channels: H, divisible by the four heads.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = ATTENTION_HEADS if channels % ATTENTION_HEADS == 0 else 1
        self.content = nn.Conv1d(channels, channels, 1)
        self.query = nn.Conv1d(channels, channels, 1)
        self.key = nn.Conv1d(channels, channels, 1)
        self.query_decay = nn.Conv1d(channels, self.heads * DECAYS, 1)
        self.proj = nn.Conv1d(channels, channels, 1)
        with torch.no_grad():
            self.query_decay.weight.mul_(0.01)
            if self.query_decay.bias is not None:
                self.query_decay.bias.fill_(-2.0)

    def forward(self, x: Tensor) -> Tensor:
        """[N, H, T] -> [N, H, T]."""
        batch, _, length = x.shape
        split = (batch, self.heads, -1, length)
        queries, keys = self.query(x).reshape(split), self.key(x).reshape(split)
        scores = keys.transpose(2, 3) @ queries / math.sqrt(keys.shape[2])  # [N, heads, t, s]
        # The four penalties are multiples of one distance, so they add up before meeting it.
        decay = torch.sigmoid(self.query_decay(x).reshape(split)) / 2  # [N, heads, 4, s]
        weight = torch.arange(1, DECAYS + 1, device=x.device, dtype=x.dtype)
        slope = (decay * weight[:, None]).sum(dim=2) / math.sqrt(DECAYS)  # [N, heads, s]
        place = torch.arange(length, device=x.device, dtype=x.dtype)
        distance = (place[:, None] - place[None, :]).abs()
        scores = scores - distance * slope[:, :, None, :]
        itself = torch.eye(length, dtype=torch.bool, device=x.device)
        weights = scores.masked_fill(itself, SELF_SCORE).softmax(dim=2)
        result = self.content(x).reshape(split) @ weights  # [N, heads, c, s]
        return x + self.proj(result.reshape(batch, -1, length))
