"""The tiny VisAH of tests and dry runs: random, seeded, audible but harmless."""

from __future__ import annotations

from typing import Any

import torch

from seehear.models.visah.config import tiny
from seehear.models.visah.network import VisAH

SEED = 20251
DECODER_GAIN = 2.0
MASK_SPREAD = 0.05
WAVE_SPREAD = 0.002
LATENT_SPREAD = 0.1


def tiny_visah() -> VisAH:
    """A seeded model whose mask is about one, so that its output resembles the input.

    The global random state is left as it was. The decoders get weights that carry the bottleneck
    through (the usual start is so small that what is seen would be lost in rounding), their last
    layers are made small, and the latent transformer's last layer is not zero: the output depends
    on every part.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(SEED)
        model = VisAH(tiny())
        for layer in model.spectral_decoder:
            parts: Any = layer
            parts.rewrite.weight.normal_(std=DECODER_GAIN / parts.rewrite.weight[0].numel() ** 0.5)
            reach = 2 * parts.inputs  # every output is reached by two taps of each input channel
            parts.conv_tr.weight.normal_(std=DECODER_GAIN / reach**0.5)
        mask: Any = model.spectral_decoder[-1].conv_tr
        wave: Any = model.wave_decoder[-1].conv_tr
        mask.weight.normal_(std=MASK_SPREAD)
        mask.bias.fill_(1.0)
        wave.weight.normal_(std=WAVE_SPREAD)
        wave.bias.zero_()
        model.latent.proj_out.weight.normal_(std=LATENT_SPREAD)
    return model.eval()
