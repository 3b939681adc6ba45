"""Training against a critic within the one loop of `train/loop.py`.

Both players live in one objective and move at the same step: the maker's loss is computed with the critic's
weights held (`held`), the critic's loss with the maker's result detached, and their sum is what the loop
differentiates. No gradient of one loss reaches the other player, and Adam keeps its moments weight by weight,
so this is two optimisers in one: one state on disk, one clock, one average. An objective says

- `players`: names of its submodules that are clipped apart (`loop.clip_norm` is for each);
- `slower`: if the critic learns at another rate, its name -> share of the learning rate (see `train/optim.py`).

Deviation from recipes that move the players in turn: both see the other as it was before the step, and real
sounds go through the critic once instead of twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

TINY = 1e-4
LARGEST = 1e4


@contextmanager
def held(critic: nn.Module) -> Iterator[None]:
    """Gradients pass through the critic, none reaches its weights."""
    needed = [p for p in critic.parameters() if p.requires_grad]
    for parameter in needed:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in needed:
            parameter.requires_grad_(True)


def r1_penalty(scores: Tensor, real: Tensor) -> Tensor:
    """Mean square of the gradient of the summed scores with respect to real inputs.

    Source: Mescheder et al. 2018, as in Make-An-Audio 2 (a mean over elements, not a sum).

    Args:
        scores: what the critic says of `real`.
        real: inputs that require gradients.

    Returns:
        Scalar >= 0 that can be differentiated.
    """
    (slope,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
    return slope.square().mean()


def adaptive_weight(known: Tensor, fooling: Tensor, weight: Tensor) -> Tensor:
    """How much the critic may pull: the ratio of two losses' gradients at one weight.

    Source: VQGAN (Esser et al. 2021), as in Make-An-Audio 2.

    Args:
        known: loss of reconstruction.
        fooling: what the critic would add.
        weight: of the maker's last layer.

    Returns:
        Detached scalar, 0..1e4.
    """
    (first,) = torch.autograd.grad(known, weight, retain_graph=True)
    (second,) = torch.autograd.grad(fooling, weight, retain_graph=True)
    return (first.norm() / (second.norm() + TINY)).clamp(0.0, LARGEST).detach()
