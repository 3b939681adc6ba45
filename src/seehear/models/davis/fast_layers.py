"""Building blocks of the quick DAVIS. One picture at a time, as [T, F, C]: time first, channels last.

A moment is then one piece of memory, which is what attention along time wants; channels side by side are
what convolutions, norms and 1x1 layers want. So nothing is folded back and forth.

Blocks are told the time as `film`: (1 + scale, shift), each [C], or None. Scale and shift go into gains and
offsets of norms, or into a layer's weights. Letters as in `layers.py`; N positions of one piece.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seehear.models.davis.layers import (
    EPSILON,
    MiddleAttention,
    PlaneAttention,
    ResidualBlock,
    TimeAttention,
    TokenNorm,
)
from seehear.nn.packed import PackedLinear

Film = tuple[Tensor, Tensor] | None
PIECE = 4096
"""Positions that go through the attention over the plane at a time, so that results stay in the cache."""


class Conv:
    """A convolution of stride 1 with packed weights.

    Args:
        weight: as in `nn.Conv2d`, [C', C, along F, along T].
        bias: [C'] or None.
        size: of the pictures it will mostly see: (T, F).
        dtype: number format of weights, work and result.
        stride: the same along both axes.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        size: tuple[int, int],
        dtype: torch.dtype,
        stride: int = 1,
    ) -> None:
        self.dtype = dtype
        reach = weight.shape[-1]
        margin = (reach - 1) // 2 if stride == 1 else 0
        self.how = ([margin, margin], [stride, stride], [1, 1], 1)
        self.bias = None if bias is None else bias.detach().to(dtype)
        turned = weight.detach().transpose(2, 3).to(dtype).contiguous()
        shape = [1, weight.shape[1], *size]
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(turned, *self.how, shape)

    def __call__(self, x: Tensor) -> Tensor:
        """[T, F, C] -> [T', F', C']."""
        made = torch.ops.mkldnn._convolution_pointwise(
            image(x.to(self.dtype)), self.weight, self.bias, *self.how, "none", [], ""
        )
        return rows(made)

    def add_to(self, y: Tensor, x: Tensor) -> None:
        """y += convolution of x, in place."""
        torch.ops.mkldnn._convolution_pointwise_(
            image(y),
            image(x.to(self.dtype)),
            self.weight,
            self.bias,
            *self.how,
            "add",
            1.0,
            None,
            [],
            None,
        )


class Entry:
    """A convolution of the network's first 1x1 layer, as one convolution of mixture, state and ones.

    In bfloat16 mixture and state come as two numbers each, whose sum is them: this is where the state
    comes in, and its last digits count.

    Args:
        first: the 1x1 layer, 2 -> C.
        weight: of the convolution that reads it, [C', C, k, k].
        bias: [C'] or None.
        size: (T, F).
        dtype: of the result.
    """

    def __init__(
        self,
        first: Any,
        weight: Tensor,
        bias: Tensor | None,
        size: tuple[int, int],
        dtype: torch.dtype,
    ) -> None:
        columns = torch.cat([first.weight.detach()[:, :, 0, 0], first.bias.detach()[:, None]], 1)
        joined = torch.einsum("ockl,ci->oikl", weight.detach(), columns)
        if dtype != torch.float32:
            joined = joined[:, [0, 1, 0, 1, 2]]
        self.conv = Conv(joined, bias, size, dtype)

    def __call__(self, entered: Tensor) -> Tensor:
        """What `enter` made -> [T, F, C']."""
        return self.conv(entered)

    @staticmethod
    def enter(mixture: Tensor, state: Tensor, dtype: torch.dtype) -> Tensor:
        """[F, T] twice -> [T, F, 3 or 5]: mixture, state (their rests), ones."""
        both = torch.stack([mixture.t(), state.t()], dim=2)
        parts = [both, torch.ones_like(both[..., :1])]
        if dtype != torch.float32:
            parts.insert(1, both - both.to(dtype).float())
        return torch.cat(parts, dim=2).to(dtype)


class Larger:
    """Every position repeated to a 2x2 square, then a 3x3 convolution: as one transposed convolution.

    The squares are constant, so of nine products four are left.

    Args:
        conv: the 3x3 convolution.
        dtype: number format of the work.
    """

    def __init__(self, conv: Any, dtype: torch.dtype) -> None:
        kernel = conv.weight.detach().transpose(2, 3)  # [C', C, along T, along F]
        # Tap k of the transposed kernel sums those of the plain one that see the same position.
        gather = kernel.new_zeros(4, 3)
        for tap in range(4):
            gather[tap, max(2 - tap, 0) : min(4 - tap, 3)] = 1.0
        joined = torch.einsum("xk,yl,ockl->coxy", gather, gather, kernel)
        self.weight = joined.to(dtype).contiguous()
        self.bias = conv.bias.detach().to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """[T, F, C] -> [2 T, 2 F, C']."""
        return rows(functional.conv_transpose2d(image(x), self.weight, self.bias, 2, 1))


class Residual:
    """`ResidualBlock` whose input comes in several parts, which are never joined.

    Args:
        block: the plain block.
        parts: channels of each part, in the plain order.
        size: (T, F).
        dtype: number format of the work.
        before: channels before them, which come as `extra`, as do those after them.
    """

    def __init__(
        self,
        block: ResidualBlock,
        parts: list[int],
        size: tuple[int, int],
        dtype: torch.dtype,
        before: int = 0,
    ) -> None:
        self.norm1, self.norm2 = block.norm1, block.norm2
        kernel = block.conv1.standardised()[:, before:]
        self.first = _split(kernel, block.conv1.bias, parts, size, dtype)
        self.second = Conv(block.conv2.standardised(), block.conv2.bias, size, dtype)
        skip: Any = block.skip
        self.skip: list[Conv] | None = None
        if not isinstance(skip, torch.nn.Identity):
            self.skip = _split(skip.weight[:, before:], skip.bias, parts, size, dtype)

    def __call__(
        self, parts: list[Tensor], film: Film, extra: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Parts [T, F, C_i] -> [T, F, C'].

        Args:
            parts: as promised.
            film: of the first convolution.
            extra: what other parts add to the first convolution and to the skip, computed elsewhere.
        """
        h = extra[0] if extra is not None and not parts else _sum_of(self.first, parts)
        if extra is not None and parts:
            h.add_(extra[0])
        h = self.second(_normalised(h, self.norm1, film))
        h = _normalised(h, self.norm2, None)
        if self.skip is None:
            return h.add_(extra[1] if extra is not None else parts[0])
        for conv, part in zip(self.skip, parts, strict=True):
            conv.add_to(h, part)
        return h if extra is None else h.add_(extra[1])


def _split(
    weight: Tensor, bias: Tensor | None, parts: list[int], size: tuple[int, int], dtype: torch.dtype
) -> list[Conv]:
    """One convolution per part of the input; the first has the bias."""
    weights = torch.split(weight.detach()[:, : sum(parts)], parts, dim=1) if parts else ()
    return [Conv(w, bias if i == 0 else None, size, dtype) for i, w in enumerate(weights)]


def _sum_of(convs: list[Conv], parts: list[Tensor]) -> Tensor:
    h = convs[0](parts[0])
    for conv, part in zip(convs[1:], parts[1:], strict=True):
        conv.add_to(h, part)
    return h


def _normalised(h: Tensor, norm: Any, film: Film) -> Tensor:
    """Group normalisation, scale and shift, SiLU."""
    gain, bias = norm.weight, norm.bias
    if film is not None:
        gain, bias = gain * film[0], bias * film[0] + film[1]
    made = functional.group_norm(image(h), norm.num_groups, gain, bias, norm.eps)
    return rows(functional.silu(made, inplace=True))


class Plane:
    """`PlaneAttention` in pieces of the plane.

    The softmax of keys spans the plane, so context is gathered piece by piece; a second pass reads it.

    Args:
        layer: the plain layer.
        dtype: number format of the work.
    """

    def __init__(self, layer: PlaneAttention, dtype: torch.dtype) -> None:
        self.dtype, self.heads, self.head_dim = dtype, layer.heads, layer.head_dim
        inner = layer.heads * layer.head_dim
        weight = layer.qkv.weight.detach().flatten(1)  # [3 H D, C]
        self.query = PackedLinear(weight[:inner], None, dtype)
        self.key_value = PackedLinear(weight[inner:], None, dtype)
        out: Any = layer.out
        self.mixing = torch.unflatten(
            out.weight.detach().flatten(1), 1, (self.heads, self.head_dim)
        )
        self.bias = out.bias.detach().to(dtype)
        self.gain, self.out_gain = layer.norm_gain.detach(), layer.out_gain.detach()

    def __call__(self, x: Tensor, film: Film) -> Tensor:
        """[T, F, C] -> the same, in place."""
        assert film is not None, "these layers are always told the time"
        flat = x.flatten(0, 1)
        width = flat.shape[1:]
        h = functional.layer_norm(flat, width, self.gain * film[0], film[1], EPSILON)
        matrix = self._mixing_of(h)
        for piece, target in zip(torch.split(h, PIECE), torch.split(flat, PIECE), strict=True):
            query = torch.unflatten(self.query(piece), 1, (self.heads, -1)).softmax(dim=2)
            made = _linear(query.flatten(1), matrix, self.bias)
            target.add_(functional.layer_norm(made, width, self.out_gain, None, EPSILON))
        return x

    def _mixing_of(self, h: Tensor) -> Tensor:
        """Context and output layer as one matrix [C, H D]."""
        heads, dim = self.heads, self.head_dim
        # Any offset gives the same softmax; one piece's largest keys nearly always prevent overflow.
        offset = self._offset_of(h[:PIECE])
        total, context = self._gathered(h, offset)
        if not bool(context.isfinite().all() & total.isfinite().all()):
            offsets = [self._offset_of(piece) for piece in torch.split(h, PIECE)]
            total, context = self._gathered(h, torch.stack(offsets).amin(dim=0))
        context /= (total * (len(h) * dim**0.5)).view(heads, dim, 1)
        return torch.einsum("ohe,hde->ohd", self.mixing, context).flatten(1).to(self.dtype)

    def _offset_of(self, piece: Tensor) -> Tensor:
        """What takes the largest keys of a piece to zero, and values nowhere: [2 H D]."""
        inner = self.heads * self.head_dim
        return functional.pad(-self.key_value(piece)[:, :inner].amax(dim=0), (0, inner))

    def _gathered(self, h: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
        """Sums over the plane of weights [H D] and of weighted values [H, D, D]."""
        heads, dim = self.heads, self.head_dim
        total = h.new_zeros(heads * dim, dtype=torch.float32)
        context = h.new_zeros(heads, dim, dim, dtype=torch.float32)
        for piece in torch.split(h, PIECE):
            key, value = self.key_value.plus(piece, offset).chunk(2, dim=1)  # [N, H D]
            weight = key.exp_()
            total += weight.sum(dim=0, dtype=torch.float32)
            context += self._context(weight, value)
        return total, context

    def _context(self, weight: Tensor, value: Tensor) -> Tensor:
        """[N, H D] twice -> products within each head [H, D, D]."""
        heads = self.heads
        if self.dtype == torch.float32:
            keys = torch.unflatten(weight, 1, (heads, -1)).permute(1, 2, 0)
            return keys @ torch.unflatten(value, 1, (heads, -1)).transpose(0, 1)
        # One large product with what belongs to different heads thrown away is quicker here.
        whole = torch.unflatten(torch.unflatten(weight.t() @ value, 1, (heads, -1)), 0, (heads, -1))
        return whole.diagonal(dim1=0, dim2=2).permute(2, 0, 1).float()


class AlongTime:
    """`TimeAttention`: a moment is one token.

    Args:
        layer: the plain layer.
        dtype: number format of the work; what decides who looks at whom stays float32.
    """

    def __init__(self, layer: TimeAttention, dtype: torch.dtype) -> None:
        self.dtype, self.heads = dtype, layer.heads
        layers: list[Any] = [layer.query, layer.key, layer.value]
        norms = [layer.query_norm, layer.key_norm, layer.value_norm]
        self.sizes = [len(part.weight) for part in layers]
        self.weight = torch.cat([part.weight.detach().flatten(1) for part in layers])  # [N, C]
        self.bias = torch.cat([part.bias.detach() for part in layers])
        self.pair_slope = torch.cat([norm.slope.detach() for norm in norms[:2]])
        self.value_slope = norms[2].slope.tolist()
        gain, offset = zip(*(_by_token(norm) for norm in norms), strict=True)
        features = gain[0].shape[1]
        self.pair_gain = torch.cat([gain[0] / features**0.5, gain[1]])[:, None]  # [2 H, 1, F E]
        self.pair_offset = torch.cat([offset[0] / features**0.5, offset[1]])[:, None]
        self.value_gain, self.value_offset = gain[2], offset[2]  # [H, F c]
        out: Any = layer.out
        self.out = PackedLinear(out.weight.flatten(1), out.bias, dtype)
        self.out_slope = float(layer.out_norm.slope)
        self.out_gain, self.out_offset = (part[0] for part in _by_token(layer.out_norm))

    def __call__(self, x: Tensor, film: Film) -> Tensor:
        """[T, F, C] -> the same, in place."""
        assert film is not None, "these layers are always told the time"
        count, bands, channels = x.shape
        weight = (self.weight * film[0]).to(self.dtype)
        bias = (torch.mv(self.weight, film[1]) + self.bias).to(self.dtype)
        made = _linear(x.view(-1, channels), weight, bias).view(count, bands, -1)
        pair, value = torch.split(made, [sum(self.sizes[:2]), self.sizes[2]], dim=2)
        pairs = self._tokens(pair, 2 * self.heads).float()
        pairs = functional.prelu(pairs[None], self.pair_slope)[0]
        pairs = functional.layer_norm(pairs, pairs.shape[2:], eps=EPSILON)
        query, key = torch.addcmul(self.pair_offset, pairs, self.pair_gain).chunk(2)
        values = self._tokens(value, self.heads)
        seen = []
        for head, tokens in enumerate(values):
            functional.leaky_relu(tokens, self.value_slope[head], inplace=True)
            tokens = functional.layer_norm(
                tokens, tokens.shape[1:], self.value_gain[head], self.value_offset[head], EPSILON
            )
            shares = _product(query[head], key[head].t()).softmax(dim=1).to(self.dtype)  # [T, T]
            seen.append(_product(shares, tokens).view(count, bands, 1, -1))
        joined = torch.cat(seen, dim=2).view(-1, channels)
        told = functional.leaky_relu(self.out(joined), self.out_slope, inplace=True)
        told = told.view(count, bands * channels)
        normed = functional.layer_norm(
            told, told.shape[1:], self.out_gain, self.out_offset, EPSILON
        )
        return x.add_(normed.view(x.shape))

    @staticmethod
    def _tokens(x: Tensor, heads: int) -> Tensor:
        """[T, F, H c] -> [H, T, F c]."""
        return torch.unflatten(x, 2, (heads, -1)).permute(2, 0, 1, 3).flatten(2)


def _by_token(norm: TokenNorm) -> tuple[Tensor, Tensor]:
    """Gain and offset in the order of tokens: [H, C, F] -> [H, F C]."""
    return norm.gain.detach().mT.flatten(1), norm.offset.detach().mT.flatten(1)


class Middle:
    """`MiddleAttention` on positions.

    Args:
        layer: the plain layer.
        dtype: number format of the work.
    """

    def __init__(self, layer: MiddleAttention, dtype: torch.dtype) -> None:
        self.heads = layer.heads
        self.gain = layer.norm_gain.detach()
        self.qkv = PackedLinear(layer.qkv.weight.flatten(1), None, dtype)
        self.out = PackedLinear(layer.out.weight.flatten(1), layer.out.bias, dtype)

    def __call__(self, x: Tensor, film: Film) -> Tensor:
        """[T, F, C] -> the same, in place."""
        flat = x.flatten(0, 1)
        gain, offset = (self.gain, None) if film is None else (self.gain * film[0], film[1])
        h = functional.layer_norm(flat, flat.shape[1:], gain, offset, EPSILON)
        parts = torch.unflatten(self.qkv(h), 1, (3, self.heads, -1)).permute(1, 2, 0, 3)[:, None]
        query, key, value = parts  # [1, H, P, D]
        made = functional.scaled_dot_product_attention(query, key, value)
        flat.add_(self.out(made[0].transpose(0, 1).flatten(1)))
        return x


def _product(x: Tensor, y: Tensor) -> Tensor:
    """[N, K] by [K, M] in oneDNN, whatever library torch takes for plain products."""
    made: Tensor = torch.ops.mkldnn._linear_pointwise(x, y.t(), None, "none", [], "")
    return made


def _linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """[N, K] by weights that change from call to call [M, K] -> [N, M]."""
    made: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return made


def image(x: Tensor) -> Tensor:
    """[T, F, C] -> [1, C, T, F] in channels-last order; nothing is moved."""
    # The new axis comes first: with another stride it would not count as channels-last.
    return x[None].permute(0, 3, 1, 2)


def rows(picture: Tensor) -> Tensor:
    """[1, C, T, F] -> contiguous [T, F, C]; nothing is moved if it is in channels-last order."""
    return picture[0].permute(1, 2, 0).contiguous()
