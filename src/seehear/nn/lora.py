"""Low-rank changes of matrices: a large network learns something new with few numbers.

A linear layer W becomes W + (alpha / rank) B A with A [rank, in] and B [out, rank]; only A and B learn. B begins
at zero, so nothing changes at first, and the product is added to W when training is over: the network then
has its old shape.

Source: Hu et al., "LoRA: low-rank adaptation of large language models" (2021).
"""

from __future__ import annotations

import math
from collections.abc import Collection

import torch
from torch import Tensor, nn
from torch.nn import functional


class LowRank(nn.Module):
    """A frozen linear layer with a low-rank change that learns.

    Args:
        linear: layer that is changed.
        rank: of the change.
        scale: factor on it (alpha / rank).
    """

    def __init__(self, linear: nn.Linear, rank: int, scale: float = 1.0) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.scale = scale
        self.down = nn.Parameter(torch.empty(rank, linear.in_features))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        made: Tensor = self.linear(x)
        change = functional.linear(functional.linear(x, self.down), self.up)
        return made + self.scale * change

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The layer with the change added to its matrix."""
        self.linear.weight += self.scale * (self.up @ self.down)
        return self.linear.requires_grad_(True)


def add_low_rank(model: nn.Module, names: Collection[str], rank: int) -> int:
    """Freeze a model and let only low-rank changes of some linear layers learn.

    Args:
        model: changed in place.
        names: last part of the names of the layers.
        rank: of the changes.

    Returns:
        Number of layers that were wrapped.
    """
    model.requires_grad_(False)
    chosen = [
        (parent, name, layer)
        for parent in list(model.modules())
        for name, layer in parent.named_children()
        if name in names and isinstance(layer, nn.Linear)
    ]
    for parent, name, layer in chosen:
        setattr(parent, name, LowRank(layer, rank))
    return len(chosen)


def merge_low_rank(model: nn.Module) -> None:
    """Add all low-rank changes to their matrices; the model gets its old shape back, unfrozen."""
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, LowRank):
                setattr(parent, name, layer.merged())
    model.requires_grad_(True)
