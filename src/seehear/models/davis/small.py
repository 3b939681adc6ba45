"""The tiny DAVIS models of tests and dry runs: random and seeded."""

from __future__ import annotations

from dataclasses import replace

import torch

from seehear.models.davis.config import DavisConfig, tiny
from seehear.models.davis.network import Davis

SEED = 20242


def tiny_davis() -> Davis:
    """A seeded flow model; the global random state is left as it was."""
    return _seeded(tiny())


def tiny_diffusion() -> Davis:
    """The same as a diffusion of a few steps."""
    return _seeded(replace(tiny(), process="diffusion", steps=4))


def _seeded(config: DavisConfig) -> Davis:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return Davis(config).eval()
