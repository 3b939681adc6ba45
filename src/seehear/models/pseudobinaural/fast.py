"""Mono2Binaural on a CPU at a fraction of the cost: the same function of the same weights, rearranged.

Where the plain network spends its time, and what is done about it:

- Weights are turned into the processor's order at every call (92 MB for the audio network). Packed once.
- Norm, activation and shortcut are passes over memory of their own. Folded into the convolutions.
- Pictures go through four at a time, so that what a stage makes is still in the cache for the next one.
- The audio network's spectra have few columns and many bins; convolutions are quick along long rows, so
  the axes are swapped: bins are rows' direction. The innermost level becomes one matrix product.
- The picture's 784 numbers are the same at every place of the bottleneck: one row of that product instead
  of sixteen.
- The last level, to two channels, is four 2x2 convolutions in one.

Inference only; the plain network stays the definition. In bfloat16 transforms, mask and product stay float32.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.models.pseudobinaural.config import Mono2BinauralConfig
from seehear.models.pseudobinaural.network import Mono2Binaural
from seehear.models.pseudobinaural.packed import (
    CHANNELS_LAST,
    NarrowUp,
    PackedConv,
    PackedUp,
    SmallDown,
    SmallUp,
    can_pack,
    folded,
    halved,
)
from seehear.models.pseudobinaural.trunk import MEAN, STD, ResidualBlock, Trunk
from seehear.models.pseudobinaural.unet import SLOPE, AudioNet, Down, Up

FRAMES = 4
"""Pictures that go through the trunk together."""


class Listener(Protocol):
    """What a job needs of a network, plain or quick."""

    config: Mono2BinauralConfig

    def look(self, frames: Tensor) -> Tensor:
        """Pictures -> maps, as `Mono2Binaural.look`."""

    def __call__(self, spectrum: Tensor, visual: Tensor) -> Tensor:
        """Sum -> difference, as `Mono2Binaural.forward`."""


def faster(model: Mono2Binaural, dtype: torch.dtype = torch.float32) -> Listener:
    """The same function, quicker where that is possible (CPU, float32 weights), else the model itself.

    Args:
        model: in eval mode; not changed. Later changes of its weights are not seen.
        dtype: number format of the work, float32 or bfloat16; what goes in and out is float32.
    """
    weight = next(model.parameters())
    if weight.device.type != "cpu" or weight.dtype != torch.float32 or not can_pack(dtype):
        return model
    with torch.inference_mode():
        return FastMono2Binaural(model, dtype)


class FastMono2Binaural:
    """A Mono2Binaural (or the difference branch of an APNet) prepared for inference on a CPU.

    Args:
        model: the plain network; not changed.
        dtype: number format of the work.
    """

    def __init__(self, model: Mono2Binaural, dtype: torch.dtype = torch.float32) -> None:
        self.config = model.config
        self._dtype = dtype
        self._trunk = _Trunk(model.visual, dtype)
        self._audio = _Audio(model.audio, dtype)

    def look(self, frames: Tensor) -> Tensor:
        """As `Mono2Binaural.look`."""
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            made = [self._trunk(part).float() for part in torch.split(frames, FRAMES)]
            return torch.cat(made)

    def __call__(self, spectrum: Tensor, visual: Tensor) -> Tensor:
        """As `Mono2Binaural.forward`."""
        with torch.inference_mode(), torch.autocast("cpu", enabled=False):
            heard = spectrum.permute(0, 3, 2, 1).contiguous()  # [B, N, F, 2]
            mask = self._audio(heard.permute(0, 3, 1, 2), visual)  # [B, N, F - 1, 2]
            product = torch.view_as_complex(mask) * torch.view_as_complex(heard)[:, :, :-1]
            made = functional.pad(torch.view_as_real(product), (0, 0, 0, 1))
            return made.permute(0, 3, 2, 1)


class _Trunk:
    """Pictures -> maps.

    Spreads of the colours are in the first kernel; their means are taken off before, because the borders of
    the picture are padded with what is zero afterwards.
    """

    def __init__(self, trunk: Trunk, dtype: torch.dtype) -> None:
        weight, bias = folded(trunk.stem.weight, trunk.stem.bias, trunk.stem_norm)
        spread = torch.tensor(STD).reshape(1, 3, 1, 1) * 255.0
        self._stem = PackedConv(weight / spread, bias, 2, 3, "relu", dtype)
        self._blocks = [_Block(b, dtype) for s in trunk.stages for b in s]  # type: ignore[attr-defined]
        self._mean = torch.tensor(MEAN).reshape(1, 3, 1, 1) * 255.0
        self._dtype = dtype

    def __call__(self, frames: Tensor) -> Tensor:
        colours = frames if frames.dtype == torch.uint8 else frames * 255.0
        x = (colours.contiguous(memory_format=CHANNELS_LAST) - self._mean).to(self._dtype)
        # The largest result of all: one picture at a time, it stays in the cache.
        x = torch.cat([halved(self._stem(frame)) for frame in torch.split(x, 1)])
        for block in self._blocks:
            x = block(x)
        return x


class _Block:
    """One residual block: two passes, the second of which adds the shortcut."""

    def __init__(self, block: ResidualBlock, dtype: torch.dtype) -> None:
        stride = block.conv1.stride[0]
        self._first = PackedConv(
            *folded(block.conv1.weight, None, block.norm1), stride, 1, "relu", dtype
        )
        self._second = PackedConv(
            *folded(block.conv2.weight, None, block.norm2), 1, 1, "none", dtype
        )
        self._skip = None
        if block.skip is not None:
            conv, norm = block.skip
            assert isinstance(conv, nn.Conv2d), "a shortcut is a convolution and a norm"
            self._skip = PackedConv(*folded(conv.weight, None, norm), stride, 0, "none", dtype)

    def __call__(self, x: Tensor) -> Tensor:
        made = self._first(x)
        # What came in is not needed afterwards, so the result takes its place.
        return self._second.added(made, x if self._skip is None else self._skip(x))


class _Audio:
    """Spectra with swapped axes and maps -> masks, [B, 2, N, F] and [B, D, h, w] -> [B, N, F - 1, 2]."""

    def __init__(self, audio: AudioNet, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._look = PackedConv(
            *folded(audio.look.weight, audio.look.bias, audio.look_norm), 1, 0, "relu", dtype
        )
        downs = list(audio.down)
        small = dtype == torch.float32
        self._down = [
            _Down(level, small and i == len(downs) - 1, dtype)  # type: ignore[arg-type]
            for i, level in enumerate(downs)
        ]
        first, *middle, last = audio.up
        assert isinstance(first, Up) and isinstance(last, Up), "levels are of this kind"
        self._first = SmallUp(*_up_weights(first), audio.seen, dtype)
        self._first_norm = _instance(first.norm)
        self._middle = [_Middle(level, dtype) for level in middle]  # type: ignore[arg-type]
        # 2 sigmoid(x) - 1 is tanh(x / 2).
        weight, bias = _up_weights(last)
        self._last = NarrowUp(weight / 2, bias / 2, dtype)

    def __call__(self, spectrum: Tensor, visual: Tensor) -> Tensor:
        skips, x = [], spectrum.to(self._dtype)
        for down in self._down:
            x = down(x)
            skips.append(x)
        seen = visual.to(self._dtype).contiguous(memory_format=CHANNELS_LAST)
        told = self._look(seen).flatten(1)
        x = torch.relu(_normed(self._first(told, x), self._first_norm))
        for up, skip in zip(self._middle, reversed(skips[1:-1]), strict=True):
            x = up(torch.cat([x, skip], dim=1))
        return torch.tanh(self._last(x.contiguous(memory_format=CHANNELS_LAST), skips[0]).float())


class _Down:
    def __init__(self, level: Down, small: bool, dtype: torch.dtype) -> None:
        self._norm = _instance(level.norm)
        weight, bias = folded(level.conv.weight, level.conv.bias, level.norm)
        weight = weight.transpose(2, 3)  # axes are swapped
        how = ("none", dtype) if self._norm else ("leaky_relu", dtype, SLOPE)
        if small and not self._norm:
            self._conv: PackedConv | SmallDown = SmallDown(weight, bias, SLOPE, dtype)
        else:
            self._conv = PackedConv(weight, bias, 2, 1, *how)

    def __call__(self, x: Tensor) -> Tensor:
        made = self._conv(x)
        return functional.leaky_relu(_normed(made, True), SLOPE) if self._norm else made


class _Middle:
    def __init__(self, level: Up, dtype: torch.dtype) -> None:
        self._norm = _instance(level.norm)
        self._conv = PackedUp(*_up_weights(level), "none" if self._norm else "relu", dtype)

    def __call__(self, x: Tensor) -> Tensor:
        made = self._conv(x.contiguous(memory_format=CHANNELS_LAST))
        return torch.relu(_normed(made, True)) if self._norm else made


def _up_weights(level: Up) -> tuple[Tensor, Tensor]:
    """Weights [C, N, 4, 4] with swapped axes and bias, a batch norm folded in."""
    weight, bias = folded(level.conv.weight.transpose(0, 1), level.conv.bias, level.norm)
    return weight.permute(1, 0, 3, 2), bias


def _instance(norm: nn.Module | None) -> bool:
    return isinstance(norm, nn.InstanceNorm2d)


def _normed(x: Tensor, instance: bool) -> Tensor:
    """Instance norm cannot be folded: its statistics are the window's own."""
    return functional.instance_norm(x) if instance else x
