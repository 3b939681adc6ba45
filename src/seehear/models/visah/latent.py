"""VisAH's latent highlighting transformer: the bottleneck attends to what is seen and said.

    f' = f + Z(D(f, E(c)))      Z is zero at the start, so f' = f.   (paper, section 3.3)

Deviation: in the public code the context encoder attends across the clips of a batch, and nothing knows
when a frame is seen. Here attention runs over time, and (with `time_positions`) audio tokens and context
carry their times; `batch_axis_context` brings the published behaviour back for imported weights
(docs/decisions: corrected context attention).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.models.visah.config import VisAHConfig
from seehear.nn.context import Context

BASE = 10000.0
UNITS_PER_S = 8.0
"""Positions per second: neighbouring frames differ up to 8 fps. Imported weights count frames."""
INPUT_GROUPS = 32
FEED_FORWARD = 4
CONTEXT_FEED_FORWARD = 2


def sinusoids(times: Tensor, dim: int) -> Tensor:
    """Sine on even, cosine on odd columns: [...] -> [..., dim].

    Source: Vaswani et al. 2017, section 3.5.
    """
    pairs = torch.arange(0, dim, 2, device=times.device, dtype=torch.float32)
    angles = times.float()[..., None] * torch.exp(pairs * (-math.log(BASE) / dim))
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


class LatentTransformer(nn.Module):
    """Bottleneck [B, C, T] + context -> bottleneck [B, C, T]; exact identity at the start.

    Args:
        config: sizes and switches.
        columns_per_s: bottleneck columns per second of sound.
    """

    def __init__(self, config: VisAHConfig, columns_per_s: float) -> None:
        super().__init__()
        self.config, self.columns_per_s = config, columns_per_s
        channels, width = config.bottleneck, config.latent_dim
        self.norm = nn.GroupNorm(math.gcd(INPUT_GROUPS, channels), channels, eps=1e-6)
        self.proj_in = nn.Conv1d(channels, width, 1)
        self.frame_projection = nn.Linear(config.frame_dim, width) if config.frame_dim else None
        self.caption_projection = (
            nn.Linear(config.caption_dim, width) if config.caption_dim else None
        )
        both = bool(config.frame_dim and config.caption_dim)
        self.type_embedding = nn.Parameter(torch.zeros(2, width)) if both else None
        has_context = bool(config.frame_dim or config.caption_dim)
        layers = config.context_layers if has_context else 0
        self.context_encoder = nn.ModuleList(
            ContextLayer(width, config.heads, config.batch_axis_context) for _ in range(layers)
        )
        self.blocks = nn.ModuleList(
            LatentBlock(width, config.heads) for _ in range(config.latent_depth)
        )
        self.proj_out = nn.Conv1d(width, channels, 1)
        with torch.no_grad():
            for parameter in self.proj_out.parameters():
                parameter.zero_()

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """[B, C, T] -> [B, C, T]."""
        tokens = self.proj_in(self.norm(x)).transpose(1, 2)  # [B, C, T] -> [B, T, D]
        seen, mask = self.encode_context(context)
        times = None
        if self.config.time_positions:
            column = torch.arange(tokens.shape[1], device=x.device)
            seconds = (column + 0.5) / self.columns_per_s
            times = sinusoids(seconds * UNITS_PER_S, tokens.shape[2])
        for block in self.blocks:
            tokens = block(tokens, seen, mask, times, self._looks_at_sound)
        return x + self.proj_out(tokens.transpose(1, 2))  # [B, T, D] -> [B, C, T]

    @property
    def _looks_at_sound(self) -> bool:
        """Without any context in the model, cross-attention looks at the sound itself."""
        return not (self.config.frame_dim or self.config.caption_dim)

    def encode_context(self, context: Context) -> tuple[Tensor | None, Tensor | None]:
        """Project, mark and encode what is seen and said.

        Returns:
            tokens [B, N, D] and mask [B, N] (True = real), or None twice without any.
        """
        parts, masks, times = [], [], []
        for number, (given, projection) in enumerate(
            ((context.frames, self.frame_projection), (context.captions, self.caption_projection))
        ):
            if given is None or projection is None:
                continue
            projected = projection(given.values)
            if self.type_embedding is not None:
                projected = projected + self.type_embedding[number]
            parts.append(projected)
            masks.append(given.mask)
            times.append(given.times)
        if not parts:
            return None, None
        seen, mask = torch.cat(parts, dim=1), torch.cat(masks, dim=1)
        places = sinusoids(self._places(torch.cat(times, dim=1)), seen.shape[2])
        for layer in self.context_encoder:
            seen = layer(seen, mask, places)
        return (seen + places if self.config.time_positions else seen), mask

    def _places(self, times: Tensor) -> Tensor:
        """Times in position units; imported weights know places in the sequence only."""
        if not self.config.batch_axis_context:
            return times * UNITS_PER_S
        return torch.arange(times.shape[1], device=times.device).expand_as(times)


class ContextLayer(nn.Module):
    """Pre-norm self-attention and feed-forward over context tokens; positions on queries and keys.

    Args:
        width: D.
        heads: attention heads.
        batch_axis: attend across clips, separately for each token (the published defect).
    """

    def __init__(self, width: int, heads: int, batch_axis: bool) -> None:
        super().__init__()
        self.batch_axis = batch_axis
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=not batch_axis)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, CONTEXT_FEED_FORWARD * width)
        self.reduce = nn.Linear(CONTEXT_FEED_FORWARD * width, width)

    def forward(self, x: Tensor, mask: Tensor, places: Tensor) -> Tensor:
        """[B, N, D], mask [B, N], positions [B, N, D] -> [B, N, D]."""
        y = self.norm1(x)
        # Published code gives no padding mask on its mistaken axis. A clip without any real token
        # attends to its padding, which nobody looks at later.
        hidden = None if self.batch_axis else ~mask & mask.any(dim=1, keepdim=True)
        placed = y + places
        y, _ = self.attention(placed, placed, y, key_padding_mask=hidden, need_weights=False)
        x = x + y
        return x + self.reduce(functional.gelu(self.expand(self.norm2(x))))


class LatentBlock(nn.Module):
    """Pre-norm self-attention, cross-attention and gated feed-forward.

    Args:
        width: D.
        heads: attention heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.self_attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.cross_attention = Attention(width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * FEED_FORWARD * width)
        self.reduce = nn.Linear(FEED_FORWARD * width, width)

    def forward(
        self,
        x: Tensor,
        seen: Tensor | None,
        mask: Tensor | None,
        times: Tensor | None,
        looks_at_sound: bool,
    ) -> Tensor:
        """[B, T, D] with context [B, N, D] -> [B, T, D]."""
        y = self.norm1(x)
        x = x + self.self_attention(y, y, None)
        y = self.norm2(x)
        if seen is not None:
            asked = y if times is None else y + times
            x = x + self.cross_attention(asked, seen, mask)
        elif looks_at_sound:
            x = x + self.cross_attention(y, y, None)
        value, gate = self.expand(self.norm3(x)).chunk(2, dim=-1)
        return x + self.reduce(value * functional.gelu(gate))


class Attention(nn.Module):
    """Multi-head attention without biases on queries, keys and values.

    Args:
        width: D.
        heads: number of heads.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor | None) -> Tensor:
        """[B, T, D] looks at [B, N, D]; a clip whose mask [B, N] is all False gets zeros."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # [B, T, D] -> [B, heads, T, d]
            for part in (self.query(x), self.key(source), self.value(source))
        )
        visible = None
        if mask is not None:
            has_any = mask.any(dim=1, keepdim=True)
            visible = (mask | ~has_any)[:, None, None, :]
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        y = self.out(y.transpose(1, 2).flatten(2))
        return y if mask is None else y * has_any[:, :, None]
