"""The tiny VisAH of tests and dry runs: random, seeded, audible but harmless."""

from __future__ import annotations

from typing import Any

import torch

from seehear.models.visah.config import tiny
from seehear.models.visah.network import VisAH

SEED = 20251
MASK_SPREAD = 0.02
WAVE_SPREAD = 0.002
LATENT_SPREAD = 0.05


def tiny_visah() -> VisAH:
    """A seeded model whose mask is about one, so that its output resembles the input.

    The global random state is left as it was. Its last layers are made small, and the latent
    transformer's last layer is not zero, so that the output depends on every part.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        model = VisAH(tiny())
        mask: Any = model.spectral_decoder[-1].conv_tr
        wave: Any = model.wave_decoder[-1].conv_tr
        mask.weight.mul_(MASK_SPREAD / mask.weight.std())
        mask.bias.fill_(1.0)
        wave.weight.mul_(WAVE_SPREAD / wave.weight.std())
        wave.bias.zero_()
        model.latent.proj_out.weight.normal_(std=LATENT_SPREAD)
    return model.eval()
