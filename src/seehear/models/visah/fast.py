"""VisAH on a CPU at a fraction of the cost: the same function of the same weights, rearranged.

Where the plain network spends its time, and what is done about it:

- Large intermediate results leave the cache (42 MB each at the first level). Levels without norms
  over frequency are run on a few bins at a time, from convolution to gate.
- The residual branches write 2C channels only to normalise, gate and forget them. Mean and variance
  of a linear map follow from those of its input, so norm, map and scale become one small product.
- Channels last ([F, T, C]): convolutions take it as it is, and nothing is folded back and forth.
- Matrix products of the transformer run in oneDNN with weights packed once.
- At the innermost level there is one bin; two thirds of a 3x3 kernel see padding only.

Inference only; the plain network stays the definition. Differences are those of rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.models.visah.layers import DecoderLayer, EncoderLayer
from seehear.models.visah.network import EMBEDDING_SCALE, EMBEDDING_WEIGHT, PADDING, STRIDE, VisAH
from seehear.nn.context import Context

BLOCK_VALUES = 800_000
"""Numbers in the working set of one block (x 4 bytes): small enough for a core's cache."""


def faster(model: VisAH) -> Callable[[Tensor, Context], Tensor]:
    """The same function, quicker where that is possible (CPU, float32), else the model itself.

    Args:
        model: in eval mode; not changed. Later changes of its weights are not seen.
    """
    weight = next(model.parameters())
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return model
    return FastVisAH(model)


class FastVisAH:
    """A VisAH prepared for inference on a CPU.

    Args:
        model: the plain network; not changed.
    """

    def __init__(self, model: VisAH) -> None:
        self._plain = model
        self._spectral_encoder = [_Encoder(layer) for layer in model.spectral_encoder[:-2]]  # type: ignore[arg-type]
        self._wave_encoder = [_Encoder(layer) for layer in model.wave_encoder[:-1]]  # type: ignore[arg-type]
        self._spectral_decoder = [_Decoder(layer) for layer in model.spectral_decoder[2:]]  # type: ignore[arg-type]
        self._wave_decoder = [_Decoder(layer) for layer in model.wave_decoder[1:]]  # type: ignore[arg-type]
        self._inner = [packed(layer) for layer in model.spectral_encoder[-2:]]
        self._latent = packed(model.latent)
        table = model.frequency_embedding.detach() * (EMBEDDING_SCALE * EMBEDDING_WEIGHT)
        self._offset = table[:, None, :].contiguous()  # [F, 1, C]

    @torch.no_grad()
    def __call__(self, mixture: Tensor, context: Context) -> Tensor:
        """As `VisAH.forward`: [B, 1, L] -> [B, 1, L]."""
        spectrum = self._plain.analyse(mixture)
        mean = mixture.mean(dim=(1, 2), keepdim=True)
        std = mixture.std(dim=(1, 2), keepdim=True)
        leveled = (mixture - mean) / (std + 1e-5)
        encoded = [self._encode(s.abs(), w) for s, w in zip(spectrum, leveled, strict=True)]
        # Only here do clips meet, and only in weights that carry the published attention.
        inner = self._latent(torch.cat([item.bottleneck for item in encoded]), context)
        made = [
            self._decode(x[None], item, mixture.shape[-1])
            for x, item in zip(inner, encoded, strict=True)
        ]
        mask = torch.stack([item[0] for item in made])
        wave = torch.stack([item[1] for item in made])
        return self._plain.synthesise(mask * spectrum, mixture.shape[-1]) + wave * std + mean

    def _encode(self, magnitude: Tensor, wave: Tensor) -> _Encoded:
        """[1, F, T] and [1, L] of one clip."""
        x = functional.pad(magnitude, (0, 0, PADDING, PADDING))[0, :, :, None]
        w = functional.pad(wave, (PADDING, PADDING + -wave.shape[1] % STRIDE))[:, :, None]
        skips: list[Tensor] = []
        wave_skips: list[Tensor] = []
        levels = zip(self._spectral_encoder, self._wave_encoder, strict=True)
        for index, (layer, wave_layer) in enumerate(levels):
            margin = PADDING if index < len(self._wave_encoder) - 1 else 0
            x, skip = layer(x, margin, self._offset if index == 0 else None)
            w, wave_skip = wave_layer(w, margin)
            skips.append(skip)
            wave_skips.append(wave_skip)
        injected = self._plain.wave_encoder[-1](w.transpose(1, 2))
        collapsed = self._inner[0](_image(x), injected)
        return _Encoded(self._inner[1](collapsed), collapsed[:, :, 0], skips, wave_skips)

    def _decode(self, x: Tensor, encoded: _Encoded, length: int) -> tuple[Tensor, Tensor]:
        """Bottleneck [1, C, T] of one clip -> mask [1, F, T], wave [1, L]."""
        columns = encoded.collapsed.shape[-1]
        x, _ = self._plain.spectral_decoder[0](x, encoded.bottleneck, columns)
        x, before = _collapsed(self._plain.spectral_decoder[1], x, encoded.collapsed)
        rows = _back(x)  # [1, C, F, T] -> [F, T, C]
        for layer, skip in zip(self._spectral_decoder, reversed(encoded.skips), strict=True):
            rows = layer(rows, skip, STRIDE * skip.shape[0])
        lengths = [*(skip.shape[1] for skip in reversed(encoded.wave_skips)), length]
        w, _ = self._plain.wave_decoder[0](before, None, lengths[0])
        line = w.transpose(1, 2).contiguous()  # [1, C, L] -> [1, L, C]
        levels = zip(self._wave_decoder, reversed(encoded.wave_skips), lengths[1:], strict=True)
        for layer, skip, size in levels:
            line = layer(line, skip, size)
        return rows[None, :, :, 0], line[:, :, 0]


class _Encoded(NamedTuple):
    """What the encoders leave of one clip.

    Args:
        bottleneck: [1, C, T].
        collapsed: the level before, where one bin is left, [1, C, T].
        skips: levels above on the spectral side, [F, T, C].
        wave_skips: and on the waveform side, [1, T, C].
    """

    bottleneck: Tensor
    collapsed: Tensor
    skips: list[Tensor]
    wave_skips: list[Tensor]


class _Encoder:
    """An encoder layer without norms: `EncoderLayer` on [F, T, C], a block of bins at a time.

    On the waveform side F is 1 and the stride is over time, which the norms span as well.
    """

    def __init__(self, layer: EncoderLayer) -> None:
        conv: Any = layer.conv
        assert isinstance(layer.norm1, nn.Identity), "levels with norms are run plainly"
        self.axis = 0 if layer.along_frequency else 1
        self.stride = int(conv.stride[0])
        weight = conv.weight.detach().flatten(2)  # [C', C, K]
        self.is_first = weight.shape[1] == 1
        if self.is_first:
            # One channel is a waste of a channels-last convolution: a stride of values becomes
            # the channels, and the kernel spans two of them. [C', 1, K] -> [C', S, K / S]
            weight = weight.unflatten(2, (-1, self.stride))[:, 0].transpose(1, 2)
        self.reach = weight.shape[2]
        self.weight = _kernel(weight.unsqueeze(3 - self.axis))
        self.bias = conv.bias.detach()
        self.branches = [_Branch(branch) for branch in layer.branches or ()]
        rewrite: Any = layer.rewrite
        self.gate = _Gate(rewrite.weight.detach().flatten(1), rewrite.bias.detach())

    def __call__(
        self, x: Tensor, margin: int, offset: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One level down.

        Args:
            x: [F, T, C] with this layer's padding on the axis that shrinks.
            margin: zeros to leave at either side of the result, as padding of the next layer.
            offset: [F', 1, C'], added to the result.

        Returns:
            [F', T', C'] with the margin and, where the next layer strides, zeros up to a multiple
            of it; and the part between the margins.
        """
        axis, stride = self.axis, self.stride
        if self.is_first:
            x = x.unflatten(axis, (-1, stride)).movedim(axis + 1, 3).flatten(2).contiguous()  # type: ignore[no-untyped-call]
            stride = 1
        count = (x.shape[axis] - self.reach) // stride + 1
        whole = list(x.shape[:2])
        whole[axis] = count + 2 * margin + (-count % self.stride if margin else 0)
        made = x.new_empty(*whole, len(self.bias))
        inner = made.narrow(axis, margin, count)
        made.narrow(axis, 0, margin).zero_()
        made.narrow(axis, margin + count, whole[axis] - margin - count).zero_()
        strides = (stride, 1) if axis == 0 else (1, stride)
        begun = []
        for first, last in _blocks(count, inner.numel() // count):
            reach = (last - first - 1) * stride + self.reach
            image = _image(x.narrow(axis, first * stride, reach))
            y = functional.gelu(_back(functional.conv2d(image, self.weight, self.bias, strides)))
            if axis == 1:
                begun.append(y)
                continue
            self._finish(y, inner[first:last])
            if offset is not None:
                inner[first:last].add_(offset[first:last])
        if begun:
            # Norms on the waveform side span all of time: it is finished as a whole.
            self._finish(torch.cat(begun, 1), inner)
        return made, inner

    def _finish(self, y: Tensor, out: Tensor) -> None:
        for branch in self.branches:
            branch.add_to(y)
        for part, target in zip(_pieces(y), _pieces(out), strict=True):
            self.gate(part, target)


class _Branch:
    """A residual branch without memory on [F, T, C]; every row of F is a sequence of its own.

    With h the normalised hidden layer, the plain branch computes y = W h + b, normalises y over
    channels and time, gates and scales it. Mean and variance of y follow from the mean and the
    covariance of h, so the norm becomes a factor and an offset on W and b.
    """

    def __init__(self, branch: Any) -> None:
        conv, expand, norm = branch.reduce, branch.expand, branch.norm2
        self.dilation = int(conv.dilation[0])
        self.weight, self.bias = _kernel(conv.weight.detach()[:, :, None]), conv.bias.detach()
        self.norm = (branch.norm1.weight.detach(), branch.norm1.bias.detach(), branch.norm1.eps)
        self.expand = expand.weight.detach()[:, :, 0].t().contiguous()  # [H, 2C]
        self.expand_bias = expand.bias.detach()
        self.gram = (self.expand @ self.expand.t()).flatten() / self.expand.shape[1]
        self.eps = norm.eps
        # The scale at the end multiplies the value half only.
        scale = torch.cat([branch.scale.detach(), torch.ones_like(branch.scale)])
        self.gain, self.shift = norm.weight.detach() * scale, norm.bias.detach() * scale
        self.shifted = self.expand_bias * self.gain
        self.value, self.gate = (self.expand * self.gain).chunk(2, dim=1)
        self._tiled: dict[int, tuple[Tensor, Tensor]] = {}

    def add_to(self, x: Tensor) -> None:
        """x += branch(x), [F, T, C] in place."""
        rows, columns, channels = x.shape
        squeezed = functional.conv2d(
            _image(x), self.weight, self.bias, 1, (0, self.dilation), (1, self.dilation)
        )
        h = _back(squeezed).flatten(1)  # [F, T * H]
        gain, shift = self._tile(columns)
        h = functional.gelu(functional.layer_norm(h, gain.shape, gain, shift, self.norm[2]))
        h = h.view(rows, columns, -1)
        factor, offset = self._norm_of_map(h)
        value, gate = factor * self.value, factor * self.gate  # [F, H, C]
        value_offset, gate_offset = offset.chunk(2, dim=2)
        for part, hidden in zip(_pieces(x), _pieces(h, channels), strict=True):
            opened = torch.baddbmm(gate_offset, hidden, gate).sigmoid_()
            part.addcmul_(torch.baddbmm(value_offset, hidden, value), opened)

    def _norm_of_map(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Norm of W h + b: 1 / deviation [F, 1, 1], and what is added to a channel [F, 1, 2C]."""
        mean = h.mean(1, keepdim=True)
        transposed = h.transpose(1, 2)
        covariance = torch.baddbmm(
            mean.transpose(1, 2) * mean, transposed, h, beta=-1, alpha=1 / h.shape[1]
        )
        means = torch.addmm(self.expand_bias, mean[:, 0], self.expand)  # [F, 2C]
        between, centre = torch.var_mean(means, 1, correction=0, keepdim=True)
        within = (covariance.flatten(1) @ self.gram).clamp_min_(0)
        factor = (between + within[:, None]).add_(self.eps).rsqrt_()
        offset = torch.addcmul(self.shift, factor, self.shifted - centre * self.gain)
        return factor[..., None], offset[:, None]

    def _tile(self, columns: int) -> tuple[Tensor, Tensor]:
        """Weights of the first norm, repeated for every column."""
        if columns not in self._tiled:
            gain, shift, _ = self.norm
            self._tiled = {columns: (gain.repeat(columns), shift.repeat(columns))}
        return self._tiled[columns]


class _Decoder:
    """A decoder layer without norms: `DecoderLayer` on [F, T, C], a block at a time.

    Blocks are cut along the axis that grows: frequency, or time on the waveform side (F = 1). The
    transposed convolution is written as a convolution over two inputs with as many results as the
    stride is long: output S j + r hears input j by tap r and input j - 1 by tap r + S.
    """

    def __init__(self, layer: DecoderLayer) -> None:
        rewrite: Any = layer.rewrite
        conv: Any = layer.conv_tr
        assert isinstance(layer.norm1, nn.Identity), "levels with norms are run plainly"
        self.axis = 0 if layer.along_frequency else 1
        self.is_last, self.crop, self.stride = layer.is_last, layer.padding, int(conv.stride[0])
        kernel = rewrite.weight.detach()
        value, gate = (kernel if self.axis == 0 else kernel[:, :, None]).chunk(2)
        self.value, self.gate = _kernel(value), _kernel(gate)
        self.value_bias, self.gate_bias = rewrite.bias.detach().chunk(2)
        self.padding = (0, 1) if self.axis == 0 else (0, 0)
        taps = conv.weight.detach().flatten(2).unflatten(2, (2, self.stride))  # [C, C', 2, S]
        phases = taps.flip(2).permute(3, 1, 0, 2).flatten(0, 1)  # [S * C', C, 2]
        self.phases = _kernel(phases.unsqueeze(3 - self.axis))
        self.phase_bias = conv.bias.detach().repeat(self.stride)

    def __call__(self, x: Tensor, skip: Tensor, length: int) -> Tensor:
        """[F, T, C] and its skip -> [F', T', C'], `length` long on the axis that grows."""
        axis, count = self.axis, x.shape[self.axis]
        # Phases stand behind the axis they belong to: [F + 1, S, T, C'] or [1, T + 1, S, C'].
        shape = [*x.shape[:2], len(self.phase_bias) // self.stride]
        shape[axis] = count + 1
        shape.insert(axis + 1, self.stride)
        made = x.new_empty(shape)
        before = torch.zeros_like(x.narrow(axis, 0, 1))
        for first, last in _blocks(count, x.numel() // count):
            low, high, size = first - 1, last + 1, last - first
            image = _image(_slice(x, axis, low, high) + _slice(skip, axis, low, high))
            gate = functional.conv2d(image, self.gate, self.gate_bias, 1, self.padding)
            value = functional.conv2d(image, self.value, self.value_bias, 1, self.padding)
            # The input before reaches into this block; the very last one reaches beyond the end.
            shape = list(x.shape)
            shape[axis] = size + 1 + int(last == count)
            gated = x.new_empty(shape)
            gated.narrow(axis, 0, 1).copy_(before)
            gated.narrow(axis, size + 1, int(last == count)).zero_()
            inner = gated.narrow(axis, 1, size)
            torch.mul(_back(value), _back(gate.sigmoid_()), out=inner)
            before = inner.narrow(axis, size - 1, 1)
            grown = functional.conv2d(_image(gated), self.phases, self.phase_bias)
            grown = grown if self.is_last else functional.gelu(grown)
            target = made.narrow(axis, first, grown.shape[2 + axis])
            phases = _back(grown).unflatten(2, (self.stride, -1))  # type: ignore[no-untyped-call]
            target.copy_(phases.movedim(2, axis + 1))
        return made.flatten(axis, axis + 1).narrow(axis, self.crop, length)


class _Gate:
    """Linear map to 2C channels and GLU, as two products."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        (value, gate), (value_bias, gate_bias) = weight.chunk(2), bias.chunk(2)
        self.value, self.gate = PackedLinear(value, value_bias), PackedLinear(gate, gate_bias)

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """[F, T, C] -> [F, T, C], written to `out`."""
        torch.mul(self.value(x), self.gate(x).sigmoid_(), out=out)


def has_packing() -> bool:
    """Whether this build of torch multiplies with packed weights (x86 with oneDNN)."""
    return hasattr(torch.ops.mkldnn, "_linear_pointwise")


class PackedLinear(nn.Module):
    """`nn.Linear` for inference with weights in oneDNN's own order, where this build has it."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.bias = None if bias is None else bias.detach().contiguous()
        self.weight = weight.detach().contiguous()
        self.is_packed = has_packing()
        if self.is_packed:
            self.weight = torch.ops.mkldnn._reorder_linear_weight(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[..., K] -> [..., N]."""
        if not self.is_packed:
            return functional.linear(x, self.weight, self.bias)
        made: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return made


class PackedPointwise(PackedLinear):
    """`nn.Conv1d` or `nn.Conv2d` with a kernel of one, as a packed linear layer."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, K, ...] -> [B, N, ...]."""
        return super().forward(x.movedim(1, -1).contiguous()).movedim(-1, 1)


def packed(module: nn.Module) -> nn.Module:
    """A copy of a module whose linear layers and pointwise convolutions are packed."""
    twin = copy.deepcopy(module).eval()
    for parent in list(twin.modules()):
        # Attention of torch reads the weights of its output layer itself.
        if isinstance(parent, nn.MultiheadAttention):
            continue
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear):
                setattr(parent, name, PackedLinear(child.weight, child.bias))
            elif isinstance(child, (nn.Conv1d, nn.Conv2d)) and child.weight[0, 0].numel() == 1:
                setattr(parent, name, PackedPointwise(child.weight.flatten(1), child.bias))
    return twin


def _collapsed(layer: Any, x: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
    """The decoder layer that sees one bin: [1, C, T] -> [1, C', 8, T], and what went before."""
    kernel, bias = layer.rewrite.weight[:, :, 1], layer.rewrite.bias
    y = functional.conv1d(x + skip, kernel, bias, padding=1)
    y = functional.glu(layer.norm1(y), dim=1)
    return functional.gelu(layer.norm2(layer.conv_tr(y[:, :, None]))), y


def _blocks(rows: int, row_values: int) -> Iterator[tuple[int, int]]:
    """Cut rows into even blocks that fit the cache."""
    count = max(round(rows * row_values / BLOCK_VALUES), 1)
    step = max(-(-rows // count), 1)
    for first in range(0, rows, step):
        yield first, min(first + step, rows)


def _pieces(x: Tensor, channels: int | None = None) -> list[Tensor]:
    """Views of [F, T, C] cut along time where one row alone is too long for a block.

    Args:
        x: tensor to cut.
        channels: cut as if it had so many.
    """
    step = max(BLOCK_VALUES // (channels or x.shape[2]), 1)
    return [x] if len(x) > 1 else list(x.split(step, dim=1))  # type: ignore[no-untyped-call]


def _slice(x: Tensor, axis: int, low: int, high: int) -> Tensor:
    """Part low..high of [F, T, C] on axis 0 or 1; what lies outside is zero."""
    length = x.shape[axis]
    inside = x.narrow(axis, max(low, 0), min(high, length) - max(low, 0))
    if low >= 0 and high <= length:
        return inside
    edges = (max(-low, 0), max(high - length, 0))
    return functional.pad(inside, (0, 0, *edges) if axis else (0, 0, 0, 0, *edges))


def _kernel(weight: Tensor) -> Tensor:
    """Weights [C', C, K, L] in the order that convolutions of channels-last images want."""
    return weight.contiguous(memory_format=torch.channels_last)


def _image(x: Tensor) -> Tensor:
    """[F, T, C] -> [1, C, F, T] in channels-last order; nothing is moved."""
    return x.permute(2, 0, 1)[None]


def _back(image: Tensor) -> Tensor:
    """[1, C, F, T] -> contiguous [F, T, C]; nothing is moved if it is in channels-last order."""
    return image[0].permute(1, 2, 0).contiguous()
