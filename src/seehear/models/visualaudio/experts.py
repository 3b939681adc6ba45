"""Feed-forward layers with experts: one per stretch of denoising time, or one per band of channels.

Routing is fixed, nothing is learned about it: the time of the sample picks the expert, or the place of a
channel does. Source: VisualAudio's supplement, table 7 (time and frequency layers); the mechanism as in
Make-An-Audio 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class TimeExperts(nn.Module):
    """SwiGLU layers, each for an equal stretch of the time 0..1.

    Args:
        width: channels in and out.
        hidden: inner channels of each.
        count: experts.
        end_is_empty: at time 1 nobody is responsible and the result is zero (a slip of the public code that
            imported weights were trained with).
    """

    def __init__(self, width: int, hidden: int, count: int, end_is_empty: bool = False) -> None:
        super().__init__()
        self.count, self.end_is_empty = count, end_is_empty
        self.gate = nn.Parameter(_spread(count, hidden, width))
        self.up = nn.Parameter(_spread(count, hidden, width))
        self.down = nn.Parameter(_spread(count, width, hidden))

    def route(self, times: Tensor) -> Tensor:
        """Expert of each sample, [B] -> int64 [B]; `count` means nobody."""
        # A time such as 0.75 may lie a rounding error below it.
        index = (times.double() * self.count + 1e-6).floor().long()
        return index.clamp(0, self.count if self.end_is_empty else self.count - 1)

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """[B, N, D] at times [B] -> [B, N, D]."""
        index = self.route(times)
        if bool((index == index[0]).all()):
            return self._ask(int(index[0]), x)
        made = torch.zeros_like(x)
        for expert in range(self.count):
            chosen = (index == expert).nonzero()[:, 0]
            if len(chosen):
                made = made.index_copy(0, chosen, self._ask(expert, x[chosen]).to(made))
        return made

    def _ask(self, expert: int, x: Tensor) -> Tensor:
        if expert == self.count:
            return torch.zeros_like(x)
        opened = functional.silu(functional.linear(x, self.gate[expert]))
        return functional.linear(opened * functional.linear(x, self.up[expert]), self.down[expert])


class BandExperts(nn.Module):
    """SwiGLU layers side by side, each from and to its own band of channels; bands do not mix.

    Mel bins were folded into channels by the autoencoder, so bands of channels stand for regions of
    frequency. The public code keeps full-width weights of which only one block per expert is ever used;
    here only those blocks exist.

    Args:
        width: channels, a multiple of `count`.
        hidden: inner channels of each.
        count: experts.
    """

    def __init__(self, width: int, hidden: int, count: int) -> None:
        super().__init__()
        self.count, band = count, width // count
        self.gate = nn.Parameter(_spread(count, hidden, band))
        self.up = nn.Parameter(_spread(count, hidden, band))
        self.down = nn.Parameter(_spread(count, band, hidden))

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """[B, N, D] -> [B, N, D]; times are taken for the sake of a common call."""
        batch, tokens, width = x.shape
        bands = x.reshape(batch * tokens, self.count, -1).transpose(0, 1)  # [E, B * N, D / E]
        opened = functional.silu(bands @ self.gate.transpose(1, 2)) * (
            bands @ self.up.transpose(1, 2)
        )
        made = opened @ self.down.transpose(1, 2)
        return made.transpose(0, 1).reshape(batch, tokens, width)


class BothExperts(nn.Module):
    """Time experts, then band experts on their result: every layer of the public relative.

    Args:
        times: first.
        bands: second.
    """

    def __init__(self, times: TimeExperts, bands: BandExperts) -> None:
        super().__init__()
        self.times, self.bands = times, bands

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """[B, N, D] at times [B] -> [B, N, D]."""
        made: Tensor = self.bands(self.times(x, times), times)
        return made


def _spread(count: int, rows: int, columns: int) -> Tensor:
    """Xavier-uniform matrices."""
    bound = (6.0 / (rows + columns)) ** 0.5
    return torch.empty(count, rows, columns).uniform_(-bound, bound)
