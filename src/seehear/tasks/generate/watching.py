"""What the flow transformer looks at and which experts speak, step by step, for one window.

Fused attention hides its weights; so the window is asked once more with hooks that compute them. Source:
VisualAudio's supplement, figure 7 (attention of sound to video over denoising time). A row of attention weights
has a constant mean, so what is kept is which video rows the weights lie on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from seehear.models.visualaudio.denoiser import Attention, Denoiser
from seehear.models.visualaudio.experts import BandExperts
from seehear.tasks.generate.compose import Batch
from seehear.tasks.generate.keeping import Keep

Map = NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """One step of one window.

    Args:
        time: 0 = noise, 1 = sound.
        attention: mean over heads and layers of each column's weights on video rows, [N, Tv].
        gated: likewise, every head counted by its gate's size; sums to 1 over rows unless all gates are 0.
        bands: power of the band experts' answers, relative to the largest, [layers, experts].
    """

    time: float
    attention: Map
    gated: Map
    bands: Map


class LookTable:
    """Looks kept step by step; the same step again replaces the earlier one.

    Args:
        keep: where.
        denoiser: network.
        columns: N.
        rows: Tv.
    """

    def __init__(self, keep: Keep, denoiser: Denoiser, columns: int, rows: int) -> None:
        layers = [m for m in denoiser.modules() if isinstance(m, BandExperts)]
        self._denoiser, self._columns, self._rows = denoiser, columns, rows
        self._bands = (len(layers), layers[0].count if layers else 0)
        size = 1 + 2 * columns * rows + self._bands[0] * self._bands[1]
        self._table = keep.table("looks", size)

    def add(self, batch: Batch, time: float) -> None:
        """Ask the network about the first window of a batch and keep what it looks at."""
        mask = None if batch.mask is None else batch.mask[:1]
        with _watched(self._denoiser) as seen:
            times = torch.full((1,), time, device=batch.latents.device)
            self._denoiser.step(
                batch.latents[:1], times, batch.tokens[:1], batch.pooled[:1], mask=mask
            )
        bands = torch.stack(seen.bands) if seen.bands else torch.zeros(self._bands)
        row = torch.cat(
            [
                torch.tensor([time]),
                seen.attention().flatten(),
                seen.gated().flatten(),
                bands.flatten(),
            ]
        )
        self._table.append(row[None].numpy())

    def looks(self) -> list[Look]:
        """All steps in order of time."""
        found: dict[float, Look] = {}
        size = self._columns * self._rows
        for index in range(len(self._table)):
            row = self._table.read(index, index + 1)[0]
            maps = row[1 : 1 + 2 * size].reshape(2, self._columns, self._rows)
            bands = row[1 + 2 * size :].reshape(self._bands)
            found[float(row[0])] = Look(float(row[0]), maps[0], maps[1], bands)
        return [found[time] for time in sorted(found)]


class _Seen:
    """What hooks collect during one call."""

    def __init__(self) -> None:
        self.weights: list[Tensor] = []
        self.gates: list[Tensor] = []
        self.bands: list[Tensor] = []

    def attention(self) -> Tensor:
        """Mean over layers and heads, [N, Tv]."""
        return torch.stack([w.mean(dim=0) for w in self.weights]).mean(dim=0)

    def gated(self) -> Tensor:
        """Mean over layers and heads by the size of their gates."""
        sizes = torch.stack(self.gates)  # [layers, H]
        total = sizes.sum().clamp_min(1e-9)
        weighted = [(w * g[:, None, None]).sum(0) for w, g in zip(self.weights, sizes, strict=True)]
        return torch.stack(weighted).sum(dim=0) / total


@contextlib.contextmanager
def _watched(denoiser: Denoiser) -> Iterator[_Seen]:
    seen = _Seen()

    def attend(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        assert isinstance(module, Attention), "hooked to attention only"
        x, rotary, video, video_rotary, mask = inputs
        made = module.weights_on_video(x, rotary, video, video_rotary, mask)
        seen.weights.append(made[0].float().cpu())
        seen.gates.append(module.gate.detach().tanh().abs().float().cpu())

    def speak(module: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(module, BandExperts), "hooked to band experts only"
        power = output[0].float().square().mean(dim=0).reshape(module.count, -1).mean(dim=1).cpu()
        seen.bands.append(power / power.max().clamp_min(1e-20))

    hooks = []
    for module in denoiser.modules():
        if isinstance(module, Attention):
            hooks.append(module.register_forward_pre_hook(attend))
        elif isinstance(module, BandExperts):
            hooks.append(module.register_forward_hook(speak))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def aligned_share(attention: Map, within: float) -> float:
    """Share of weights that lie on rows seen about when a column is heard.

    Args:
        attention: [N, Tv], rows sum to 1.
        within: how far, in rows of the video.

    Returns:
        0..1; even weights give `chance_share`.
    """
    return float((attention * _near(attention.shape, within)).sum() / max(len(attention), 1))


def chance_share(shape: tuple[int, ...], within: float) -> float:
    """What `aligned_share` is if a network looks everywhere alike."""
    return float(_near(shape, within).mean())


def _near(shape: tuple[int, ...], within: float) -> NDArray[np.bool_]:
    columns, rows = shape
    middle = (np.arange(columns) + 0.5) * rows / columns - 0.5
    near: NDArray[np.bool_] = np.abs(np.arange(rows)[None] - middle[:, None]) <= within
    return near
