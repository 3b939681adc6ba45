"""Numbers that a training run watches, on fixed simulated pairs of unseen recordings and photos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seehear.dsp.binaural import ild_db
from seehear.dsp.stft import istft
from seehear.models.bearings import Bearings
from seehear.tasks.spatialize.data import PairBatch
from seehear.tasks.spatialize.objective import difference_mask

ASIDE = 1 / 6
"""Places nearer to the middle than this (10 degrees of 60) have no side."""


@dataclass(frozen=True)
class FixedPairs:
    """Batches of pairs that stay the same."""

    batches: Sequence[PairBatch]


@torch.no_grad()
def ears_of(
    model: Bearings, mono: Tensor, masks: Tensor, maps: Tensor, times: Tensor, seen: Tensor
) -> Tensor:
    """What two ears hear, on the network's own grid.

    Args:
        model: the network.
        mono: [B, T], (left + right) / 2 at the network's rate.
        masks: complex64 [A, bins] of the head.
        maps: [B, S, D, h, w].
        times: [B, S].
        seen: [B, S].

    Returns:
        float32 [B, 2, T], left first; the mean of both ears is `mono`.
    """
    shares = model.shares(mono, maps, times, seen).float()
    config = model.config
    mask = difference_mask(shares, masks, model.gather)
    spectrum = model.spectrum(mono) * (config.n_fft / 4.0) * mask
    difference = istft(spectrum, config.n_fft, config.hop_length, length=mono.shape[-1])
    return torch.stack([mono + difference, mono - difference], dim=1)


@torch.no_grad()
def measure_pairs(model: Bearings, pairs: FixedPairs) -> dict[str, float]:
    """Compare with the true ears.

    Returns:
        `side`: share of single sources beyond 10 degrees that come out on the right side;
        `ild_error_db`: median error of the level difference between the ears, single sources;
        `difference`: energy of the error of left minus right over that of the truth, all pairs: mono
        has 1; `difference_one`, `_two`: the same for pairs of one and of two sources.
    """
    sides, errors = [], []
    energy: dict[int, list[tuple[float, float]]] = {}
    for batch in pairs.batches:
        mono = batch.parts.sum(1)
        made = ears_of(model, mono, batch.masks, batch.maps, batch.times, batch.seen)
        truth = torch.stack([mono + batch.difference, mono - batch.difference], dim=1)
        wrong = ((made[:, 0] - made[:, 1]) / 2 - batch.difference).square().sum(1)
        total = batch.difference.square().sum(1)
        count = batch.parts.square().sum(2).gt(0).sum(1)
        ours, theirs = ild_db(*made.unbind(1)), ild_db(*truth.unbind(1))
        for row in range(len(mono)):
            energy.setdefault(int(count[row]), []).append((float(wrong[row]), float(total[row])))
            place = float(batch.places[row, 0, 0])
            if count[row] == 1 and not math.isnan(place):
                errors.append(float((ours[row] - theirs[row]).abs()))
                if abs(place) > ASIDE:
                    sides.append(float(ours[row].sign() == theirs[row].sign()))
    everything = [pair for group in energy.values() for pair in group]
    return {
        "side": sum(sides) / max(len(sides), 1),
        "ild_error_db": float(torch.tensor(errors or [0.0]).median()),
        "difference": _ratio(everything),
        "difference_one": _ratio(energy.get(1, [])),
        "difference_two": _ratio(energy.get(2, [])),
    }


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    total = sum(truth for _, truth in pairs)
    return sum(error for error, _ in pairs) / total if total > 0 else 1.0
