"""The tiny networks of tests and dry runs: random and seeded."""

from __future__ import annotations

import torch

from seehear.models.pseudobinaural.config import tiny, tiny_pyramid
from seehear.models.pseudobinaural.network import APNet, Mono2Binaural

SEED = 2104


def tiny_mono2binaural() -> Mono2Binaural:
    """A seeded network; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return Mono2Binaural(tiny()).eval()


def tiny_apnet() -> APNet:
    """The same with a pyramid."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return APNet(tiny_pyramid()).eval()
