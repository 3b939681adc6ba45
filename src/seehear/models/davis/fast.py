"""DAVIS on a CPU at a fraction of the cost: the same function of the same weights, rearranged.

Where the plain network spends its time, and what is done about it:

- Norms over channels stride through memory, and every product copies its bias first. Here channels lie
  side by side and moments one behind another (`fast_layers.py`); convolutions and 1x1 layers run in
  oneDNN with weights packed once, filters brought to unit variance once.
- The first 1x1 layer makes 64 channels of two, which two residual blocks read with 3x3 kernels. Both
  maps are linear, so they are one 3x3 convolution of three channels: mixture, state, and ones (the
  bias, which is zero outside). 4 ms instead of 60.
- A convolution after repeating every position four times is a transposed one with four taps.
- Parts of an input that would be joined are convolved one by one into the same result.
- What is seen enters as a constant plane. What it adds is computed once per query.
- What the time adds is computed for all layers at once, and once per time.
- Queries that start from the same noise share the first step's way down.

One picture at a time: more would leave the cache. Inference only; the plain network stays the definition.
Differences are those of rounding: to bfloat16 if that is asked for, which the state at the entry, who looks at whom along time, the context of
the plane, and the last layer are spared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seehear.models.davis.fast_layers import (
    AlongTime,
    Conv,
    Entry,
    Film,
    Larger,
    Middle,
    Plane,
    Residual,
    rows,
)
from seehear.models.davis.network import FLOW_TIMES, Davis
from seehear.nn.packed import has_packing

Network = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""As `Davis.forward`."""

REMEMBERED = 64
"""Times and things seen for which intermediate results are kept."""


def faster(model: Davis, dtype: torch.dtype = torch.float32) -> Network:
    """The same function, quicker where that is possible (CPU, float32 weights), else the model itself.

    Args:
        model: in eval mode; not changed. Later changes of its weights are not seen.
        dtype: number format of the work, float32 or bfloat16; what goes in and out is float32.
    """
    weight = next(model.parameters())
    if weight.device.type != "cpu" or weight.dtype != torch.float32 or not has_packing(dtype):
        return model
    return FastDavis(model, dtype)


class FastDavis:
    """A DAVIS prepared for inference on a CPU.

    Args:
        model: the plain network; not changed.
        dtype: number format of the work.
    """

    @torch.no_grad()
    def __init__(self, model: Davis, dtype: torch.dtype = torch.float32) -> None:
        self._plain, self._dtype = model, dtype
        unet, config = model.unet, model.config
        size = (config.columns, config.rows)
        self._times = _Times(model)
        entry: Any = unet.first
        self._kept = Entry(entry, torch.eye(config.width)[:, :, None, None], None, size, dtype)
        down: list[Any] = list(unet.down)
        up: list[Any] = list(unet.up)
        self._down = []
        for number, level in enumerate(down):
            # The first block reads the entry only.
            parts = [level.block.conv1.in_channels] if number else []
            self._down.append(_Level(level, parts, _at(size, number), dtype))
        block = down[0].block
        self._enter = Entry(entry, block.conv1.standardised(), block.conv1.bias, size, dtype)
        depth, below = len(down), down[-1].resize.out_channels
        self._up = []
        for number, level in enumerate(up):
            parts = [below, level.block.conv1.in_channels - below]
            self._up.append(_Level(level, parts, _at(size, depth - 1 - number), dtype))
            resize = level.resize
            below = (resize.conv if hasattr(resize, "conv") else resize).out_channels
        self._looked = _Looked(model, dtype)
        inner = _at(size, depth - 1)
        channels = unet.middle2.conv1.in_channels
        self._middle1 = Residual(unet.middle1, [channels], inner, dtype, before=config.frame_dim)
        self._middle_attention = Middle(unet.middle_attention, dtype)
        self._middle2 = Residual(unet.middle2, [channels], inner, dtype)
        last, width = unet.last_block, config.width
        self._last_block = Residual(last, [width], size, dtype)
        skip: Any = last.skip
        kernel, mixing = last.conv1.standardised()[:, width:], skip.weight[:, width:]
        self._leave = Entry(entry, kernel, None, size, dtype)
        self._leave_skip = Entry(entry, mixing, None, size, dtype)
        self._last = unet.last.weight.detach().flatten()
        offset: Any = unet.last.bias
        self._offset = float(offset)

    @torch.no_grad()
    def __call__(self, state: Tensor, times: Tensor, mixture: Tensor, seen: Tensor) -> Tensor:
        """As `Davis.forward`: [N, 1, F, T], [N], [N, 1, F, T], [N, D] -> [N, 1, F, T]."""
        self._plain.unet.check(state)
        with torch.autocast("cpu", enabled=False):
            made = []
            before: _Encoded | None = None
            for x, time, mix, view in zip(state, times.tolist(), mixture, seen, strict=True):
                entered = Entry.enter(mix[0], x[0], self._dtype)
                if before is None or before.time != time or not entered.equal(before.entered):
                    before = self._encode(entered, time)
                made.append(self._decode(before, view))
            return torch.stack(made)[:, None]

    def _encode(self, entered: Tensor, time: float) -> _Encoded:
        """The way down, which does not depend on what is seen."""
        films = self._times(time)
        kept = self._kept(entered)
        extra: tuple[Tensor, Tensor] | None = (self._enter(entered), kept)
        skips: list[Tensor] = []
        parts: list[Tensor] = []
        for level, film in zip(self._down, films.down, strict=True):
            skips.append(level(parts, film, extra))
            parts, extra = [level.resize(skips[-1])], None
        (x,) = parts
        return _Encoded(entered, time, films, skips, x)

    def _decode(self, encoded: _Encoded, seen: Tensor) -> Tensor:
        """Middle and the way up: [F, T] of one picture."""
        films = encoded.films
        x = encoded.inner
        extra = self._looked(seen, (x.shape[0], x.shape[1]))
        x = self._middle1([x], films.middle[0], extra)
        x = self._middle_attention(x, films.middle[1])
        x = self._middle2([x], films.middle[2])
        levels = zip(self._up, films.up, reversed(encoded.skips), strict=True)
        for level, film, skip in levels:
            x = level.resize(level([x, skip], film))
        entered = encoded.entered
        left = (self._leave(entered), self._leave_skip(entered))
        x = self._last_block([x], films.last, left)
        return torch.matmul(x.float(), self._last).add_(self._offset).t().contiguous()


class _Films(NamedTuple):
    """What the time says to every layer."""

    down: list[tuple[Film, Film, Film]]
    middle: tuple[Film, Film, Film]
    up: list[tuple[Film, Film, Film]]
    last: Film


class _Encoded(NamedTuple):
    """What the way down leaves of one picture; `inner` is [T, F, C], like the skips."""

    entered: Tensor
    time: float
    films: _Films
    skips: list[Tensor]
    inner: Tensor


class _Times:
    """Scales and shifts of all layers, computed together, kept per time."""

    def __init__(self, model: Davis) -> None:
        unet = model.unet
        self._model = model
        levels: list[Any] = [*unet.down, *unet.up]
        layers: list[Any] = []
        for level in levels:
            layers += [level.block.time, level.plane.time, level.along_time.time]
        layers += [unet.middle1.time, unet.middle_attention.time, unet.middle2.time]
        layers.append(unet.last_block.time)
        self._weight = torch.cat([layer.linear.weight.detach() for layer in layers])
        self._bias = torch.cat([layer.linear.bias.detach() for layer in layers])
        self._sizes = [len(layer.linear.bias) for layer in layers]
        self._known: OrderedDict[float, _Films] = OrderedDict()

    def __call__(self, time: float) -> _Films:
        if time not in self._known:
            self._known[time] = self._compute(time)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return self._known[time]

    def _compute(self, time: float) -> _Films:
        config = self._model.config
        told = torch.tensor([time * FLOW_TIMES if config.process == "flow" else time])
        c = functional.silu(self._model.unet.time(told))[0]
        made = torch.split(torch.addmv(self._bias, self._weight, c), self._sizes)
        films: list[Film] = []
        for part in made:
            scale, shift = part.chunk(2)
            films.append((1.0 + scale, shift))
        depth = len(self._model.unet.down)
        triples = [(films[3 * i], films[3 * i + 1], films[3 * i + 2]) for i in range(2 * depth + 1)]
        middle = triples[-1] if config.middle_time else (None, None, None)
        return _Films(triples[:depth], middle, triples[depth:-1], films[-1])


class _Looked:
    """What is seen adds a constant plane to the middle; its convolution is kept per thing seen."""

    def __init__(self, model: Davis, dtype: torch.dtype) -> None:
        block, dim = model.unet.middle1, model.config.frame_dim
        skip: Any = block.skip
        self._dtype = dtype
        self._kernel = block.conv1.standardised()[:, :dim].transpose(2, 3).contiguous()
        self._skip = skip.weight.detach()[:, :dim, 0, 0]
        self._known: OrderedDict[tuple[Any, ...], tuple[Tensor, Tensor]] = OrderedDict()

    def __call__(self, seen: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """[D] -> additions [T, F, C] to the first convolution, and to the skip."""
        key = (*size, seen.numpy().tobytes())
        if key not in self._known:
            plane = seen[None, :, None, None].expand(-1, -1, *size).contiguous()
            added = rows(functional.conv2d(plane, self._kernel, padding=1)).to(self._dtype)
            self._known[key] = added, torch.mv(self._skip, seen).to(self._dtype)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return self._known[key]


class _Level:
    """`Level` with the change of size that leads on.

    Args:
        level: the plain level.
        parts: channels of its inputs, see `Residual`.
        size: (T, F).
        dtype: number format of the work.
    """

    def __init__(
        self, level: Any, parts: list[int], size: tuple[int, int], dtype: torch.dtype
    ) -> None:
        self.block = Residual(level.block, parts, size, dtype)
        self.plane = Plane(level.plane, dtype)
        self.along_time = AlongTime(level.along_time, dtype)
        conv = level.resize
        if not hasattr(conv, "conv"):
            self.resize: Callable[[Tensor], Tensor] = Conv(conv.weight, conv.bias, size, dtype)
        elif conv.conv.stride[0] == 2:
            self.resize = Conv(conv.conv.weight, conv.conv.bias, size, dtype, stride=2)
        else:
            self.resize = Larger(conv.conv, dtype)

    def __call__(
        self,
        parts: list[Tensor],
        films: tuple[Film, Film, Film],
        extra: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        x = self.block(parts, films[0], extra)
        return self.along_time(self.plane(x, films[1]), films[2])


def _at(size: tuple[int, int], level: int) -> tuple[int, int]:
    """(T, F) some levels down."""
    return size[0] >> level, size[1] >> level
