"""The tiny networks of tests and dry runs: random, seeded, and large enough that every part is heard."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from seehear.models.pseudobinaural.config import tiny, tiny_pyramid
from seehear.models.pseudobinaural.network import APNet, Mono2Binaural

SEED = 2104
Network = TypeVar("Network", bound=nn.Module)


def tiny_mono2binaural() -> Mono2Binaural:
    """A seeded network; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return _audible(Mono2Binaural(tiny())).eval()


def tiny_apnet() -> APNet:
    """The same with a pyramid."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return _audible(APNet(tiny_pyramid())).eval()


def _audible(module: Network) -> Network:
    """Weights as large as their fan-in allows: the published beginning is all but zero when so few add up."""
    for part in module.modules():
        if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)):
            fan = part.weight[0].numel() if not part.transposed else part.weight[:, 0].numel() / 4
            nn.init.normal_(part.weight, 0.0, (2 / fan) ** 0.5)
    return module
