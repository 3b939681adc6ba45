"""Building blocks of DAVIS's U-Net. Pictures are [B, C, F, T]: frequency before time.

Every block can be told the time of the process: `TimeScale` turns the time vector c into a scale and a
shift per channel. Where a block multiplies by a matrix right afterwards, scale and shift go into the matrix
instead of the picture; where it normalises, into the normalisation's gain and bias. The numbers are the
same, with fewer passes over memory.

Letters: B batch, C channels, F frequency rows, T columns, P = F * T positions, H heads, D per head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5
"""Of every variance. The public code takes 1e-3 for other number formats than float32, without a reason."""


class TimeScale(nn.Module):
    """c [B, time_dim] -> (1 + scale, shift), each [B, C].

    Args:
        time_dim: length of c.
        channels: C.
    """

    def __init__(self, time_dim: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(time_dim, 2 * channels)

    def forward(self, c: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        scale, shift = self.linear(functional.silu(c)).chunk(2, dim=1)
        return 1.0 + scale, shift


def mix_channels(
    picture: Tensor, weight: Tensor, bias: Tensor | None, film: tuple[Tensor, Tensor] | None
) -> Tensor:
    """1x1 convolution of a scaled and shifted picture: [B, C, P] -> [B, O, P].

    Args:
        picture: [B, C, P].
        weight: [O, C].
        bias: [O] or None.
        film: (scale, shift) of the picture, each [B, C], or None for the picture as it is.
    """
    batch = picture.shape[0]
    if film is None:
        matrix = weight.expand(batch, -1, -1)
        constant = None if bias is None else bias.expand(batch, -1)
    else:
        scale, shift = film
        matrix = weight * scale[:, None, :]
        constant = shift @ weight.t()
        constant = constant if bias is None else constant + bias
    if constant is None:
        return matrix @ picture
    return torch.baddbmm(constant[:, :, None], matrix, picture)


def normalise_channels(picture: Tensor, gain: Tensor) -> Tensor:
    """Layer normalisation over channels at every position, gain only: [B, C, P], [C] -> [B, C, P]."""
    variance, mean = torch.var_mean(picture, dim=1, correction=0, keepdim=True)
    return (picture - mean) * (variance + EPSILON).rsqrt() * gain[:, None]


class StandardConv(nn.Conv2d):
    """3x3 convolution whose filters are brought to zero mean and unit variance before use.

    Source: Qiao et al., "Micro-batch training with batch-channel normalization and weight
        standardization" (2019).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, F, T] -> [B, outputs, F, T]."""
        return functional.conv2d(x, self.standardised(), self.bias, padding=1)

    def standardised(self) -> Tensor:
        """The filters in use, [outputs, inputs, 3, 3]."""
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), correction=0, keepdim=True)
        return (self.weight - mean) * (variance + EPSILON).rsqrt()


class ResidualBlock(nn.Module):
    """Two standardised convolutions, each with group normalisation and SiLU; time enters the first.

    Args:
        inputs: channels in.
        outputs: channels out.
        groups: of the normalisation.
        time_dim: length of c.
    """

    def __init__(self, inputs: int, outputs: int, groups: int, time_dim: int) -> None:
        super().__init__()
        self.time = TimeScale(time_dim, outputs)
        self.conv1 = StandardConv(inputs, outputs)
        self.norm1 = nn.GroupNorm(groups, outputs, eps=EPSILON)
        self.conv2 = StandardConv(outputs, outputs)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=EPSILON)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        """[B, inputs, F, T], [B, time_dim] or None -> [B, outputs, F, T]."""
        film = self.time(c) if c is not None else None
        h = functional.silu(normalise_groups(self.conv1(x), self.norm1, film))
        h = functional.silu(normalise_groups(self.conv2(h), self.norm2, None))
        return h + self.skip(x)


def normalise_groups(x: Tensor, norm: nn.GroupNorm, film: tuple[Tensor, Tensor] | None) -> Tensor:
    """Group normalisation, then scale and shift per clip, in one pass: [B, C, F, T] -> the same."""
    if film is None:
        return norm(x)
    scale, shift = film
    batch, channels = x.shape[:2]
    # All clips as groups of one picture: then gain and bias may differ from clip to clip.
    joined = x.reshape(1, batch * channels, *x.shape[2:])
    gain = (norm.weight * scale).flatten()
    bias = (norm.bias * scale + shift).flatten()
    made = functional.group_norm(joined, batch * norm.num_groups, gain, bias, norm.eps)
    return made.reshape(x.shape)


class PlaneAttention(nn.Module):
    """Linear attention over all positions of the plane, residual.

    Args:
        channels: C.
        heads: H.
        head_dim: D.
        time_dim: length of c.

    Source: Shen et al., "Efficient attention: attention with linear complexities" (2021).
    """

    def __init__(self, channels: int, heads: int, head_dim: int, time_dim: int) -> None:
        super().__init__()
        self.heads, self.head_dim = heads, head_dim
        self.norm_gain = nn.Parameter(torch.ones(channels))
        self.time = TimeScale(time_dim, channels)
        self.qkv = nn.Conv2d(channels, 3 * heads * head_dim, 1, bias=False)
        self.out = nn.Conv2d(heads * head_dim, channels, 1)
        self.out_gain = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """[B, C, F, T] -> [B, C, F, T]."""
        flat = x.flatten(2)  # [B, C, P]
        batch, _, positions = flat.shape
        h = normalise_channels(flat, self.norm_gain)
        h = mix_channels(h, self.qkv.weight[:, :, 0, 0], None, self.time(c))
        query, key, value = h.reshape(batch, 3, self.heads, self.head_dim, positions).unbind(1)
        context = key.softmax(dim=-1) @ value.mT / positions  # [B, H, D, D]
        query = query.softmax(dim=2) * self.head_dim**-0.5  # [B, H, D, P]
        # Reading from the context and mixing heads are two matrices in a row; multiplied first.
        mixing = self.out.weight[:, :, 0, 0].reshape(-1, self.heads, self.head_dim)
        matrix = torch.einsum("ohe,bhde->bohd", mixing, context).flatten(2)
        bias = self.out.bias
        assert bias is not None, "the layer is built with a bias"
        made = torch.baddbmm(bias[:, None], matrix, query.flatten(1, 2))
        return x + normalise_channels(made, self.out_gain).reshape(x.shape)


class MiddleAttention(nn.Module):
    """Softmax attention over the few positions of the innermost level, residual.

    Args:
        channels: C.
        heads: H.
        head_dim: D.
        time_dim: length of c.
    """

    def __init__(self, channels: int, heads: int, head_dim: int, time_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_gain = nn.Parameter(torch.ones(channels))
        self.time = TimeScale(time_dim, channels)
        self.qkv = nn.Conv2d(channels, 3 * heads * head_dim, 1, bias=False)
        self.out = nn.Conv2d(heads * head_dim, channels, 1)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        """[B, C, F, T] -> [B, C, F, T]."""
        flat = x.flatten(2)
        film = self.time(c) if c is not None else None
        h = normalise_channels(flat, self.norm_gain)
        h = mix_channels(h, self.qkv.weight[:, :, 0, 0], None, film)
        split = h.reshape(len(h), 3, self.heads, -1, flat.shape[2]).mT  # [B, 3, H, P, D]
        query, key, value = split.unbind(1)
        made = functional.scaled_dot_product_attention(query, key, value)  # [B, H, P, D]
        made = made.mT.flatten(1, 2)
        made = mix_channels(made, self.out.weight[:, :, 0, 0], self.out.bias, None)
        return x + made.reshape(x.shape)


class TokenNorm(nn.Module):
    """PReLU, then normalisation over (channels, frequency) of each head at every moment.

    Args:
        heads: H; slopes and statistics are per head.
        channels: of one head.
        rows: F.
    """

    def __init__(self, heads: int, channels: int, rows: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((heads,), 0.25))
        self.gain = nn.Parameter(torch.ones(heads, channels, rows))
        self.offset = nn.Parameter(torch.zeros(heads, channels, rows))

    def forward(self, x: Tensor) -> Tensor:
        """[B, H * C, F * T] -> [B, H, C * F, T]."""
        heads, channels, rows = self.gain.shape
        h = functional.prelu(x, self.slope.repeat_interleave(channels))
        h = h.reshape(len(x), heads, channels * rows, -1)
        variance, mean = torch.var_mean(h, dim=2, correction=0, keepdim=True)
        scale = (variance + EPSILON).rsqrt()
        h = (h - mean) * scale * self.gain.flatten(1)[:, :, None]
        return h + self.offset.flatten(1)[:, :, None]


class TimeAttention(nn.Module):
    """Attention along time: a moment is one token, its features are channels x frequency. Residual.

    Args:
        channels: C, divisible by the heads.
        rows: F; baked into the parameters.
        heads: H.
        token_dim: features of queries and keys per head, reached at every level by giving fewer
            channels where there are more rows.
        time_dim: length of c.

    Source: full-band self-attention of TF-GridNet (Wang et al., 2023).
    """

    def __init__(self, channels: int, rows: int, heads: int, token_dim: int, time_dim: int) -> None:
        super().__init__()
        self.heads = heads
        inner = math.ceil(token_dim / rows)
        self.time = TimeScale(time_dim, channels)
        self.query = nn.Conv2d(channels, heads * inner, 1)
        self.query_norm = TokenNorm(heads, inner, rows)
        self.key = nn.Conv2d(channels, heads * inner, 1)
        self.key_norm = TokenNorm(heads, inner, rows)
        self.value = nn.Conv2d(channels, channels, 1)
        self.value_norm = TokenNorm(heads, channels // heads, rows)
        self.out = nn.Conv2d(channels, channels, 1)
        self.out_norm = TokenNorm(1, channels, rows)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """[B, C, F, T] -> [B, C, F, T]."""
        flat = x.flatten(2)  # [B, C, F * T]
        film = self.time(c)
        query, key, value = (
            norm(mix_channels(flat, layer.weight[:, :, 0, 0], layer.bias, film))
            for layer, norm in (
                (self.query, self.query_norm),
                (self.key, self.key_norm),
                (self.value, self.value_norm),
            )
        )  # [B, H, features, T]
        scores = query.mT @ key / math.sqrt(query.shape[2])  # [B, H, T, T]
        made = value @ scores.softmax(dim=-1).mT  # [B, H, C / H * F, T]
        made = made.reshape(flat.shape)
        made = self.out_norm(mix_channels(made, self.out.weight[:, :, 0, 0], self.out.bias, None))
        return x + made.reshape(x.shape)
