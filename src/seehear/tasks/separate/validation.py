"""Numbers that a training run watches: SI-SDR improvement on fixed mixtures of unseen recordings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seehear.data.mixes import TEST_RULE, draw_mix
from seehear.data.sounds import ThingLibrary
from seehear.models.bandmask import BandMask

BATCH = 8


@dataclass(frozen=True)
class FixedMixes:
    """Two-source mixtures: stems [M, 2, T] and the vector of each stem's class [M, 2, D]."""

    stems: Tensor
    vectors: Tensor


def fixed_mixes(
    library: ThingLibrary, concepts: dict[str, Tensor], count: int, seed: int
) -> FixedMixes:
    """Mixtures for validation, made by the rule of the tests."""
    mixes = [
        draw_mix(library, 2, np.random.default_rng([seed, n]), TEST_RULE) for n in range(count)
    ]
    stems = torch.from_numpy(np.stack([mix.stems for mix in mixes]))
    vectors = [torch.stack([concepts[label] for label in mix.labels]) for mix in mixes]
    return FixedMixes(stems, torch.stack(vectors))


@torch.no_grad()
def measure_mixes(model: BandMask, mixes: FixedMixes) -> dict[str, float]:
    """Ask for each source alone.

    Returns:
        `si_sdr_gain`: mean improvement over the mixture, dB; `right`: share of answers that are
        nearer to what was asked for than to the other source.
    """
    gains, right = [], []
    for begin in range(0, len(mixes.stems), BATCH):
        stems, vectors = mixes.stems[begin : begin + BATCH], mixes.vectors[begin : begin + BATCH]
        mixture = stems.sum(1)
        mask = torch.ones(len(stems), 1, dtype=torch.bool)
        for index in range(stems.shape[1]):
            estimate = model.estimates(mixture, vectors[:, index : index + 1], mask)[:, 0]
            own, other = stems[:, index], stems[:, 1 - index]
            score = si_sdr(estimate, own)
            gains.append(score - si_sdr(mixture, own))
            right.append((score > si_sdr(estimate, other)).float())
    return {
        "si_sdr_gain": float(torch.cat(gains).mean()),
        "right": float(torch.cat(right).mean()),
    }


def si_sdr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Scale-invariant signal-to-distortion ratio over the last axis, dB, within -60..60.

    Source: Le Roux et al. 2019, "SDR - half-baked or well done?".
    """
    energy = reference.square().sum(-1).clamp_min(1e-12)
    scaled = ((estimate * reference).sum(-1) / energy)[..., None] * reference
    signal = scaled.square().sum(-1)
    noise = (estimate - scaled).square().sum(-1)
    ratio = (signal + 1e-12) / (noise + 1e-12)
    return (10 * torch.log10(ratio)).clamp(-60.0, 60.0)
