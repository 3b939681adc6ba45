"""Layers with weights packed once for inference on a CPU; norms of a batch are folded into them.

Tensors are channels-last images [B, C, H, W]. One step for convolution, bias and activation, so a result is
written once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.nn.packed import PackedLinear, has_packing

CHANNELS_LAST = torch.channels_last


def can_pack(dtype: torch.dtype) -> bool:
    """Whether this build and processor have the layers below."""
    return hasattr(torch.ops.mkldnn, "_convolution_transpose_pointwise") and has_packing(dtype)


def folded(weight: Tensor, bias: Tensor | None, norm: nn.Module | None) -> tuple[Tensor, Tensor]:
    """Weights [N, ...] and bias of a layer with the norm behind it in them, if it is one of a batch."""
    made = torch.zeros(len(weight)) if bias is None else bias.detach()
    weight = weight.detach()
    if not isinstance(norm, nn.BatchNorm2d):
        return weight, made
    assert norm.running_mean is not None and norm.running_var is not None, "norms keep statistics"
    scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    shift = norm.bias.detach() - norm.running_mean * scale
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), made * scale + shift


class PackedConv:
    """`nn.Conv2d`, norm and activation.

    Args:
        weight: [N, C, k, l], norm already in it.
        bias: [N].
        stride: of both axes.
        padding: of both axes.
        activation: `none`, `relu` or `leaky_relu` (with its slope).
        dtype: number format of the work.
        slope: of `leaky_relu`.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        stride: int,
        padding: int,
        activation: str,
        dtype: torch.dtype,
        slope: float | None = None,
    ) -> None:
        self._how = ([padding, padding], [stride, stride], [1, 1], 1)
        self._bias = bias.to(dtype)
        self._activation = (activation, [] if slope is None else [slope], "")
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            weight.to(dtype).contiguous(memory_format=CHANNELS_LAST), *self._how
        )

    def __call__(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, N, H', W']."""
        made: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._how, *self._activation
        )
        return made

    def added(self, x: Tensor, sum_: Tensor, activation: str | None = "relu") -> Tensor:
        """Activation of the result plus `sum_`, which is overwritten."""
        torch.ops.mkldnn._convolution_pointwise_.binary(
            sum_, x, self._weight, self._bias, *self._how, "add", None, activation, [], ""
        )
        return sum_


class PackedUp:
    """`nn.ConvTranspose2d` of kernel 4, stride 2, padding 1, norm and ReLU.

    Args:
        weight: [C, N, 4, 4], norm already in it.
        bias: [N].
        activation: `none` or `relu`.
        dtype: number format of the work.
    """

    def __init__(self, weight: Tensor, bias: Tensor, activation: str, dtype: torch.dtype) -> None:
        self._how = ([1, 1], [0, 0], [2, 2], [1, 1], 1)
        self._bias, self._activation = bias.to(dtype), activation
        self._weight = torch.ops.mkldnn._reorder_convolution_transpose_weight(
            weight.to(dtype).contiguous(memory_format=CHANNELS_LAST), *self._how
        )

    def __call__(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, N, 2H, 2W]."""
        made: Tensor = torch.ops.mkldnn._convolution_transpose_pointwise(
            x, self._weight, self._bias, *self._how, self._activation, [], ""
        )
        return made


class SmallUp:
    """The same transposed convolution as one product, for pictures of a few pixels and many channels.

    A second input that is the same at every pixel costs one row of the product, not one per pixel.

    Args:
        weight: [C, N, 4, 4].
        bias: [N].
        constant: how many of the first channels are the same everywhere.
        dtype: number format of the work.
    """

    def __init__(self, weight: Tensor, bias: Tensor, constant: int, dtype: torch.dtype) -> None:
        taps = weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[0])  # [16 N, C]
        self._constant = PackedLinear(taps[:, :constant], None, dtype)
        self._varying = PackedLinear(taps[:, constant:], None, dtype)
        self._bias = bias.to(dtype)

    def __call__(self, constant: Tensor, x: Tensor) -> Tensor:
        """[B, K] and [B, C - K, H, W] -> [B, N, 2H, 2W], without activation."""
        batch, channels, height, width = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(-1, channels)
        taps = self._varying(rows).view(batch, height, width, 4, 4, -1)
        taps += self._constant(constant).view(batch, 1, 1, 4, 4, -1)
        # Row 2i + k of the padded result gets tap k of pixel i.
        shape = (batch, height + 1, 2, width + 1, 2, taps.shape[-1])
        made = self._bias.expand(shape).contiguous()
        for k in range(4):
            for m in range(4):
                place = made[:, k // 2 : k // 2 + height, k % 2, m // 2 : m // 2 + width, m % 2]
                place += taps[:, :, :, k, m]
        whole = made.view(batch, 2 * height + 2, 2 * width + 2, -1)[:, 1:-1, 1:-1]
        return whole.permute(0, 3, 1, 2)


class NarrowUp:
    """The same transposed convolution to very few channels: four 2x2 convolutions as one, then interleaved.

    Its two inputs are not joined first, which would be a copy of the largest result of the network.

    Args:
        weight: [C, N, 4, 4]; the first half of the channels belongs to the first input.
        bias: [N].
        dtype: number format of the work.
    """

    # Taps that a pair of neighbouring pixels meets, for even and for odd results.
    TAPS = ((3, 1), (2, 0))

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        phases = [weight[:, :, rows][:, :, :, cols] for rows in self.TAPS for cols in self.TAPS]
        kernel = torch.stack(phases).permute(0, 2, 1, 3, 4).flatten(0, 1)  # [4 N, C, 2, 2]
        bias = bias.repeat(4)
        first, second = kernel.chunk(2, dim=1)
        self._first = PackedConv(first, bias, 1, 1, "none", dtype)
        self._second = PackedConv(second, torch.zeros_like(bias), 1, 1, "none", dtype)

    def __call__(self, x: Tensor, skip: Tensor) -> Tensor:
        """Two of [B, C / 2, H, W] -> [B, 2H, 2W, N] (channels last as a shape), without activation."""
        batch, _, height, width = x.shape
        made = self._second.added(skip, self._first(x), None).permute(0, 2, 3, 1)
        made = made.reshape(*made.shape[:3], 2, 2, -1)
        whole = made.new_empty(batch, height, 2, width, 2, made.shape[-1])
        for k in range(2):
            for m in range(2):
                whole[:, :, k, :, m] = made[:, k : k + height, m : m + width, k, m]
        return whole.view(batch, 2 * height, 2 * width, -1)


class SmallDown:
    """`nn.Conv2d` of kernel 4, stride 2, padding 1 as one product, for pictures of a few pixels."""

    def __init__(self, weight: Tensor, bias: Tensor, slope: float, dtype: torch.dtype) -> None:
        rows = weight.permute(0, 2, 3, 1).flatten(1)  # [N, 16 C]
        self._linear, self._slope = PackedLinear(rows, bias, dtype), slope

    def __call__(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, N, H / 2, W / 2], with leaky ReLU."""
        batch, channels, height, width = x.shape
        padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        b, h, w, c = padded.stride()
        patches = padded.as_strided(
            (batch, height // 2, width // 2, 4, 4, channels), (b, 2 * h, 2 * w, h, w, c)
        )
        made = self._linear(patches.reshape(-1, 16 * channels))
        made = functional.leaky_relu_(made, self._slope)
        return made.view(batch, height // 2, width // 2, -1).permute(0, 3, 1, 2)


def halved(x: Tensor) -> Tensor:
    """`max_pool2d(x, 3, 2, 1)` of an image of even sides and no negative values.

    Such bfloat16 numbers are in the order of their bits, and whole numbers are compared faster: rows first,
    then columns.
    """
    if x.dtype != torch.bfloat16:
        return functional.max_pool2d(x, 3, 2, 1)
    image = x.permute(0, 2, 3, 1).view(torch.int16)
    rows = torch.maximum(image[:, 0::2], image[:, 1::2])
    torch.maximum(rows[:, 1:], image[:, 1:-1:2], out=rows[:, 1:])
    both = torch.maximum(rows[:, :, 0::2], rows[:, :, 1::2])
    torch.maximum(both[:, :, 1:], rows[:, :, 1:-1:2], out=both[:, :, 1:])
    return both.view(x.dtype).permute(0, 3, 1, 2)
