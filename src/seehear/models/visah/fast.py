"""VisAH on a CPU at a fraction of the cost: the same function of the same weights, rearranged.

Where the plain network spends its time, and what is done about it:

- Large intermediate results leave the cache (42 MB each at the first level). Levels without norms
  over frequency are run on a few bins at a time, from convolution to gate.
- The residual branches write 2C channels only to normalise, gate and forget them. Mean and variance
  of a linear map follow from those of its input, so norm, map and scale become one small product.
- Channels last ([F, T, C]): convolutions take it as it is, and nothing is folded back and forth.
- Matrix products of the transformer run in oneDNN with weights packed once.
- At the innermost level there is one bin; two thirds of a 3x3 kernel see padding only.

Inference only; the plain network stays the definition. Differences are those of rounding: to
bfloat16 if that is asked for, which norms, transforms, residual sums of the transformer and the last
layer are spared.
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
from seehear.nn.packed import PackedLinear, has_packing

BLOCK_VALUES = 800_000
"""Numbers in the working set of one block (x 4 bytes): small enough for a core's cache."""


def faster(model: VisAH, dtype: torch.dtype = torch.float32) -> Callable[[Tensor, Context], Tensor]:
    """The same function, quicker where that is possible (CPU, float32 weights), else the model itself.

    Args:
        model: in eval mode; not changed. Later changes of its weights are not seen.
        dtype: number format of the work, float32 or bfloat16; what goes in and out is float32.
    """
    weight = next(model.parameters())
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return model
    return FastVisAH(model, dtype)


class FastVisAH:
    """A VisAH prepared for inference on a CPU.

    Args:
        model: the plain network; not changed.
        dtype: number format of the work.
    """

    def __init__(self, model: VisAH, dtype: torch.dtype = torch.float32) -> None:
        self._plain, self._dtype = model, dtype
        self._spectral_encoder = [_Encoder(layer, dtype) for layer in model.spectral_encoder[:-2]]  # type: ignore[arg-type]
        self._wave_encoder = [_Encoder(layer, dtype) for layer in model.wave_encoder[:-1]]  # type: ignore[arg-type]
        self._spectral_decoder = [_Decoder(layer, dtype) for layer in model.spectral_decoder[2:]]  # type: ignore[arg-type]
        self._wave_decoder = [_Decoder(layer, dtype) for layer in model.wave_decoder[1:]]  # type: ignore[arg-type]
        self._inner = [packed(layer, dtype) for layer in model.spectral_encoder[-2:]]
        self._latent = packed(model.latent, dtype)
        self._inner_decoder = packed(model.spectral_decoder[0], dtype)
        table = model.frequency_embedding.detach() * (EMBEDDING_SCALE * EMBEDDING_WEIGHT)
        self._offset = table[:, None, :].contiguous()  # [F, 1, C]

    @torch.no_grad()
    def __call__(self, mixture: Tensor, context: Context) -> Tensor:
        """As `VisAH.forward`: [B, 1, L] -> [B, 1, L]."""
        with torch.autocast("cpu", self._dtype, enabled=self._dtype != torch.float32):
            return self._estimate(mixture, context)

    def _estimate(self, mixture: Tensor, context: Context) -> Tensor:
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
        # The transform leaves frequencies side by side, which is how the first layer wants them.
        x = functional.pad(magnitude[0].t(), (PADDING, PADDING)).t()[..., None]
        w = functional.pad(wave, (PADDING, PADDING + -wave.shape[1] % STRIDE))[:, :, None]
        x, w = x.to(self._dtype), w.to(self._dtype)
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
        x, _ = self._inner_decoder(x, encoded.bottleneck, columns)
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

    def __init__(self, layer: EncoderLayer, dtype: torch.dtype) -> None:
        conv: Any = layer.conv
        assert isinstance(layer.norm1, nn.Identity), "levels with norms are run plainly"
        self.axis = 0 if layer.along_frequency else 1
        self.stride = int(conv.stride[0])
        weight = conv.weight.detach().flatten(2)  # [C', C, K]
        self.reach = weight.shape[2]
        # One channel is a waste of a convolution: what the kernel reaches enters a linear map.
        self.first = PackedLinear(weight[:, 0], conv.bias, dtype) if weight.shape[1] == 1 else None
        self.weight = _kernel(weight.unsqueeze(3 - self.axis).to(dtype))
        self.bias = conv.bias.detach().to(dtype)
        self.branches = [_Branch(branch, dtype) for branch in layer.branches or ()]
        rewrite: Any = layer.rewrite
        self.gate = _Gate(rewrite.weight.detach().flatten(1), rewrite.bias.detach(), dtype)

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
        count = (x.shape[axis] - self.reach) // stride + 1
        whole = list(x.shape[:2])
        whole[axis] = count + 2 * margin + (-count % self.stride if margin else 0)
        made = x.new_empty(*whole, len(self.bias))
        inner = made.narrow(axis, margin, count)
        made.narrow(axis, 0, margin).zero_()
        made.narrow(axis, margin + count, whole[axis] - margin - count).zero_()
        begun = []
        for first, last in _blocks(count, inner.numel() // count):
            reach = (last - first - 1) * stride + self.reach
            y = functional.gelu(self._shrunk(x.narrow(axis, first * stride, reach)))
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

    def _shrunk(self, x: Tensor) -> Tensor:
        """The convolution."""
        if self.first is not None:
            reached = x.unfold(self.axis, self.reach, self.stride)  # [F', T', 1, K]
            return self.first(reached.squeeze(2).contiguous())
        strides = (self.stride, 1) if self.axis == 0 else (1, self.stride)
        return _back(functional.conv2d(_image(x), self.weight, self.bias, strides))

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

    def __init__(self, branch: Any, dtype: torch.dtype) -> None:
        conv, expand, norm = branch.reduce, branch.expand, branch.norm2
        self.dilation = int(conv.dilation[0])
        self.weight = _kernel(conv.weight.detach()[:, :, None].to(dtype))
        self.bias = conv.bias.detach().to(dtype)
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
        with torch.autocast("cpu", enabled=False):
            factor, offset = self._norm_of_map(h.float())
        value, gate = (factor * self.value).to(x), (factor * self.gate).to(x)  # [F, H, C]
        value_offset, gate_offset = offset.to(x).chunk(2, dim=2)
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

    Blocks are cut along the axis that grows: frequency, or time on the waveform side (F = 1).
    """

    def __init__(self, layer: DecoderLayer, dtype: torch.dtype) -> None:
        rewrite: Any = layer.rewrite
        conv: Any = layer.conv_tr
        assert isinstance(layer.norm1, nn.Identity), "levels with norms are run plainly"
        self.axis = 0 if layer.along_frequency else 1
        self.is_last, self.crop, self.stride = layer.is_last, layer.padding, int(conv.stride[0])
        kernel = rewrite.weight.detach()  # [2C, C, 3, 3] or [2C, C, 3]
        kernel = kernel if self.axis == 0 else kernel[:, :, None]
        # Halves that leave registers half empty are made together, others apart: together, sigmoids
        # of the values are computed for nothing.
        apart = 1 if self.axis == 0 and len(kernel) // 2 % 16 else 2
        self.kernels = [_kernel(half.to(dtype)) for half in kernel.chunk(apart)]
        self.biases = rewrite.bias.detach().to(dtype).chunk(apart)
        self.padding = (0, 1) if self.axis == 0 else (0, 0)
        up = conv.weight.detach().flatten(2)  # [C, C', K]
        self.up, self.up_bias = _kernel(up.unsqueeze(3 - self.axis).to(dtype)), conv.bias.detach()
        # One channel is a waste of a transposed convolution as well.
        self.taps = PackedLinear(up[:, 0].t(), None) if up.shape[1] == 1 else None
        self.out_dtype = dtype if self.taps is None else torch.float32
        self.up_bias = self.up_bias.to(self.out_dtype)

    def __call__(self, x: Tensor, skip: Tensor, length: int) -> Tensor:
        """[F, T, C] and its skip -> [F', T', C'], `length` long on the axis that grows."""
        axis, count, stride = self.axis, x.shape[self.axis], self.stride
        shape = [*x.shape[:2], len(self.up_bias)]
        shape[axis] = length
        made = x.new_empty(shape, dtype=self.out_dtype)
        rest: Tensor | None = None
        for first, last in _blocks(count, x.numel() // count):
            grown = self._grown(self._gated(_sum(x, skip, axis, first - 1, last + 1)))
            # The last outputs of a block overlap the first ones of the next.
            if rest is not None:
                grown.narrow(axis, 0, stride).add_(rest)
            rest = grown.narrow(axis, (last - first) * stride, stride) - self.up_bias
            begin = max(first * stride - self.crop, 0)
            end = last * stride - self.crop if last < count else length
            ready = grown.narrow(axis, begin + self.crop - first * stride, end - begin)
            target = made.narrow(axis, begin, end - begin)
            target.copy_(ready if self.is_last else functional.gelu(ready))
        return made

    def _gated(self, x: Tensor) -> Tensor:
        """Convolution to 2C channels and GLU."""
        image = _image(x)
        made = [
            _back(functional.conv2d(image, kernel, bias, 1, self.padding))
            for kernel, bias in zip(self.kernels, self.biases, strict=True)
        ]
        if len(made) == 2:
            return made[0].mul_(made[1].sigmoid_())
        return made[0].chunk(2, dim=2)[0] * made[0].sigmoid().chunk(2, dim=2)[1]

    def _grown(self, x: Tensor) -> Tensor:
        """Transposed convolution: output S j + r hears input j by tap r, j - 1 by tap r + S."""
        strides = (self.stride, 1) if self.axis == 0 else (1, self.stride)
        if self.taps is None:
            image = _image(x)
            return _back(functional.conv_transpose2d(image, self.up, self.up_bias, strides))
        taps = self.taps(x).movedim(2, self.axis + 1)  # [F, T, 2S] -> [F, 2S, T] or [1, T, 2S]
        now, later = taps.chunk(2, dim=self.axis + 1)
        count = x.shape[self.axis]
        shape = list(now.shape)
        shape[self.axis] = count + 1
        made = self.up_bias.expand(shape).clone()
        made.narrow(self.axis, 0, count).add_(now)
        made.narrow(self.axis, 1, count).add_(later)
        return made.flatten(self.axis, self.axis + 1)[:, :, None]


class _Gate:
    """Linear map to 2C channels and GLU, as two products."""

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        (value, gate), (value_bias, gate_bias) = weight.chunk(2), bias.chunk(2)
        self.value = PackedLinear(value, value_bias, dtype)
        self.gate = PackedLinear(gate, gate_bias, dtype)

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """[F, T, C] -> [F, T, C], written to `out`."""
        torch.mul(self.value(x), self.gate(x).sigmoid_(), out=out)


class PackedPointwise(PackedLinear):
    """`nn.Conv1d` or `nn.Conv2d` with a kernel of one, as a packed linear layer."""

    def forward(self, x: Tensor) -> Tensor:
        """[B, K, ...] -> [B, N, ...]."""
        return super().forward(x.movedim(1, -1).contiguous()).movedim(-1, 1)


class PackedConv(nn.Module):
    """`nn.Conv1d` of stride 1 with packed weights, channels last."""

    def __init__(self, conv: nn.Conv1d, dtype: torch.dtype) -> None:
        super().__init__()
        assert conv.bias is not None, "convolutions have a bias"
        self.dtype, self.bias = dtype, conv.bias.detach().to(dtype)
        self.how = ([0, int(conv.padding[0])], [1, 1], [1, conv.dilation[0]], 1)
        weight = conv.weight.detach()[:, :, None].to(dtype)
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.how)

    def forward(self, x: Tensor) -> Tensor:
        """[B, K, T] -> [B, N, T]."""
        image = (
            x.to(self.dtype).transpose(1, 2).contiguous()[:, None].permute(0, 3, 1, 2)
        )  # [B, K, 1, T]
        made: Tensor = torch.ops.mkldnn._convolution_pointwise(
            image, self.weight, self.bias, *self.how, "none", [], ""
        )
        return made[:, :, 0]


def packed(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """A copy of a module whose linear layers and convolutions are packed.

    Convolutions that stride are left: they run slower with weights packed ahead.
    """
    twin = copy.deepcopy(module).eval()
    for parent in list(twin.modules()):
        # Attention of torch reads the weights of its output layer itself.
        if isinstance(parent, nn.MultiheadAttention):
            continue
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear):
                setattr(parent, name, PackedLinear(child.weight, child.bias, dtype))
            elif isinstance(child, (nn.Conv1d, nn.Conv2d)) and child.weight[0, 0].numel() == 1:
                setattr(parent, name, PackedPointwise(child.weight.flatten(1), child.bias, dtype))
            elif isinstance(child, nn.Conv1d) and child.stride == (1,) and has_packing(dtype):
                setattr(parent, name, PackedConv(child, dtype))
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


def _sum(x: Tensor, y: Tensor, axis: int, low: int, high: int) -> Tensor:
    """Part low..high of x + y on axis 0 or 1; what lies outside is zero."""
    first, last = max(low, 0), min(high, x.shape[axis])
    shape = list(x.shape)
    shape[axis] = high - low
    made = x.new_empty(shape)
    made.narrow(axis, 0, first - low).zero_()
    made.narrow(axis, last - low, high - last).zero_()
    size = last - first
    inside = made.narrow(axis, first - low, size)
    torch.add(x.narrow(axis, first, size), y.narrow(axis, first, size), out=inside)
    return made


def _kernel(weight: Tensor) -> Tensor:
    """Weights [C', C, K, L] in the order that convolutions of channels-last images want."""
    return weight.contiguous(memory_format=torch.channels_last)


def _image(x: Tensor) -> Tensor:
    """[F, T, C] -> [1, C, F, T] in channels-last order; nothing is moved."""
    return x.permute(2, 0, 1)[None]


def _back(image: Tensor) -> Tensor:
    """[1, C, F, T] -> contiguous [F, T, C]; nothing is moved if it is in channels-last order."""
    return image[0].permute(1, 2, 0).contiguous()
