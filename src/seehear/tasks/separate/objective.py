"""What the band-mask network is trained on: distances of masked spectra to true ones, per query.

Nothing is transformed back to a waveform. With a mask that is constant within a band, the energy of
the error of a band is M² P - 2 M C + E, where P is the mixture's power, C the part of it that is
coherent with the target, E the target's power; all three are summed over the band's bins once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.models.bandmask import BandMask
from seehear.tasks.separate.data import MixBatch

FLOOR = 1e-10


@dataclass(frozen=True)
class MaskLossWeights:
    """Weight of each term.

    Args:
        error: energy of the error over that of the target, dB / 10, bounded below.
        share: cross entropy between masks and true shares of amplitude, weighted by amplitude.
        classes: cross entropy between classes of coarse cells and true shares of amplitude.
        absent: energy given to a query that asks for nothing there, over the mixture's, dB / 10.
        best_db: an error this far below the target is as good as none.
    """

    error: float = 1.0
    share: float = 0.3
    classes: float = 0.3
    absent: float = 0.15
    best_db: float = -25.0


class BandMaskObjective(nn.Module):
    """Losses of a batch of mixtures with questions."""

    def __init__(self, model: BandMask, weights: MaskLossWeights | None = None) -> None:
        super().__init__()
        self.model = model
        self.weights = weights or MaskLossWeights()

    def forward(self, batch: MixBatch) -> dict[str, Tensor]:
        with torch.no_grad():
            power, coherent, energy, classes = self.statistics(batch)
        parts = self.model.parts(power, batch.queries, batch.query_mask)
        with torch.autocast(power.device.type, enabled=False):
            terms = self._terms(parts.masks, power, coherent, energy, batch.query_mask)
            terms["classes"] = _class_entropy(parts.class_scores, classes)
        weights = self.weights
        loss = sum(getattr(weights, name) * value for name, value in terms.items())
        return {"loss": torch.as_tensor(loss), **terms}

    def statistics(self, batch: MixBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What losses compare with.

        Returns:
            Power of the mixture [B, F, N]; coherent part and power of targets [B, Q + 1, F, N];
            amplitude of every class in coarse cells [B, K + 1, F / 4, M].
        """
        size, stems, length = batch.stems.shape
        model = self.model
        spectra = model.spectrum(batch.stems.reshape(size * stems, length))
        spectra = spectra.reshape(size, stems, *spectra.shape[1:])  # [B, S, K, N]
        mixture = torch.view_as_real(spectra.sum(1))  # [B, K, N, 2]
        asked = torch.view_as_real(spectra)
        targets = torch.einsum("bqs,bsknc->bqknc", batch.asked, asked)
        coherent = model.gather @ (targets * mixture[:, None]).sum(-1)
        energy = model.gather @ targets.square().sum(-1)
        power = model.gather @ mixture.square().sum(-1)
        each = model.gather @ asked.square().sum(-1)  # [B, S, F, N]
        each = functional.pad(each, (0, -each.shape[-1] % 4))
        amplitude = functional.avg_pool2d(each, 4).clamp_min(1e-12).sqrt()
        count = model.config.num_classes + 1
        member = functional.one_hot(batch.labels, count).to(amplitude.dtype)  # [B, S, K + 1]
        return power, coherent, energy, torch.einsum("bsk,bsfm->bkfm", member, amplitude)

    def _terms(
        self, masks: Tensor, power: Tensor, coherent: Tensor, energy: Tensor, query_mask: Tensor
    ) -> dict[str, Tensor]:
        given = masks.square() * power[:, None]  # [B, Q + 1, F, N]
        error = (given - 2 * masks * coherent + energy).sum((2, 3)).clamp_min(FLOOR)
        target = energy.sum((2, 3))
        total = power.sum((1, 2))[:, None].clamp_min(FLOOR)
        shown = torch.cat([query_mask, torch.ones_like(query_mask[:, :1])], dim=1)
        there = shown & (target > 1e-4 * total)
        best = 10 ** (self.weights.best_db / 10)
        ratio = error / target.clamp_min(FLOOR) + best
        away = (given.sum((2, 3)) / total + best)[shown & ~there]
        amplitude = energy.clamp_min(1e-12).sqrt()
        share = amplitude / amplitude.sum(1, keepdim=True)
        weight = amplitude.sum(1).sqrt()
        entropy = -(share * masks.clamp_min(1e-5).log() * shown[:, :, None, None]).sum(1)
        return {
            "error": ratio[there].log10().mean(),
            "share": (entropy * weight).sum() / weight.sum(),
            "absent": away.log10().mean() if away.numel() else error.new_zeros(()),
        }


def _class_entropy(scores: Tensor, amplitude: Tensor) -> Tensor:
    """Cross entropy of log-probabilities [B, K + 1, f, m], weighted by the root of amplitude."""
    total = amplitude.sum(1).clamp_min(1e-6)
    entropy = -(amplitude * scores).sum(1) / total
    weight = total.sqrt() / total.sqrt().mean((1, 2), keepdim=True)
    return (entropy * weight).mean()
