"""The tiny DAVIS of tests and dry runs: random and seeded."""

from __future__ import annotations

import torch

from seehear.models.davis.config import tiny
from seehear.models.davis.network import Davis

SEED = 20242


def tiny_davis() -> Davis:
    """A seeded flow model; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return Davis(tiny()).eval()
