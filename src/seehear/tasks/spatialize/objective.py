"""What bearings are trained on: the truth about every cell, and the difference of two ears.

Three terms. `where`: cross entropy between shares and the true shares of power, whose directions lie
between two of the network's; weighted by amplitude. `difference`: energy of the error of (left - right) / 2 made
with one head's masks, over the energy of the truth. `classes`: what sounds in coarse cells, as the
separator learned it, so that it is not forgotten.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.models.bearings import Bearings
from seehear.tasks.spatialize.data import PairBatch
from seehear.tasks.spatialize.train_options import Losses

FLOOR = 1e-10


class BearingsObjective(nn.Module):
    """Losses of a batch of pseudo pairs."""

    def __init__(self, model: Bearings, weights: Losses | None = None) -> None:
        super().__init__()
        self.model = model
        self.weights = weights or Losses()

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        with torch.no_grad():
            spectra = self._spectra(batch)
            power = self.model.gather @ _squared(spectra.sum(1))
            each = self.model.gather @ _squared(spectra)  # [B, K, F, N]
            target = true_shares(each, batch.places, self.model.positions)
            classes = _class_amplitude(each, batch.labels, self.model.config.num_classes + 1)
        parts = self.model.parts(power, batch.maps, batch.times, batch.seen)
        with torch.autocast(power.device.type, enabled=False):
            shares = parts.shares.float()
            terms = {
                "where": _where(shares, target, power),
                "difference": self._difference(shares, spectra.sum(1), batch),
                "classes": _class_entropy(parts.class_scores.float(), classes),
            }
        loss = sum(getattr(self.weights, name) * value for name, value in terms.items())
        return {"loss": torch.as_tensor(loss), **terms}

    def _spectra(self, batch: PairBatch) -> Tensor:
        size, stems, length = batch.parts.shape
        made = self.model.spectrum(batch.parts.reshape(size * stems, length))
        return made.reshape(size, stems, *made.shape[1:])  # [B, K, bins, N]

    def _difference(self, shares: Tensor, mixture: Tensor, batch: PairBatch) -> Tensor:
        """Error of the difference over its energy, a mean of at most about 1 where nothing is known."""
        mask = difference_mask(shares, batch.masks, self.model.gather)
        made = mixture * mask
        error = _squared(made - self.model.spectrum(batch.difference)).sum((1, 2))
        truth = _squared(self.model.spectrum(batch.difference)).sum((1, 2))
        base = truth + self.weights.least * _squared(mixture).sum((1, 2)) + FLOOR
        return (error / base).mean()


def difference_mask(shares: Tensor, masks: Tensor, gather: Tensor) -> Tensor:
    """Difference over sum of ears in every bin: the mean of the directions' masks by their shares.

    Args:
        shares: [B, A + 1, F, N].
        masks: complex64 [A, bins].
        gather: [F, bins], whose rows spread bands over bins.

    Returns:
        complex64 [B, bins, N].
    """
    # Bins are few per band: spread over bins after the sum would need masks per band.
    spread = torch.einsum("fk,bafn->bakn", gather, shares[:, :-1])
    real = torch.einsum("bakn,ak->bkn", spread, masks.real)
    imag = torch.einsum("bakn,ak->bkn", spread, masks.imag)
    return torch.complex(real, imag)


def true_shares(power: Tensor, places: Tensor, positions: Tensor) -> Tensor:
    """Shares of power by direction.

    Args:
        power: of sources [B, K, F, N].
        places: of sources [B, K, N]; nan = nowhere.
        positions: [A], falling.

    Returns:
        [B, A + 1, F, N], summing to 1; a place between two directions belongs to both.
    """
    share = power / power.sum(1, keepdim=True).clamp_min(1e-12)
    step = positions[0] - positions[1]
    count = len(positions)
    at = ((positions[0] - torch.nan_to_num(places)) / step).clamp(0, count - 1)  # [B, K, N]
    index = torch.arange(count, device=at.device)
    hat = (1 - (at[..., None, :] - index[:, None]).abs()).clamp_min(0)  # [B, K, A, N]
    nowhere = places.isnan()[:, :, None]
    hat = torch.cat([hat.masked_fill(nowhere, 0.0), nowhere.to(hat.dtype)], dim=2)
    return torch.einsum("bkfn,bkan->bafn", share, hat)


def _where(shares: Tensor, target: Tensor, power: Tensor) -> Tensor:
    entropy = -(target * shares.clamp_min(1e-6).log()).sum(1)
    # The root of amplitude: faint cells count, but little.
    weight = power.clamp_min(1e-12).pow(0.25)
    return (entropy * weight).sum() / weight.sum()


def _class_amplitude(each: Tensor, labels: Tensor, count: int) -> Tensor:
    """Amplitude of every class in coarse cells, [B, classes + 1, f, M]."""
    amplitude = functional.avg_pool2d(functional.pad(each, (0, -each.shape[-1] % 4)), 4)
    member = functional.one_hot(labels, count).to(each.dtype)  # [B, K, classes + 1]
    return torch.einsum("bsk,bsfm->bkfm", member, amplitude.clamp_min(1e-12).sqrt())


def _class_entropy(scores: Tensor, amplitude: Tensor) -> Tensor:
    total = amplitude.sum(1).clamp_min(1e-6)
    entropy = -(amplitude * scores).sum(1) / total
    weight = total.sqrt() / total.sqrt().mean((1, 2), keepdim=True)
    return (entropy * weight).mean()


def _squared(values: Tensor) -> Tensor:
    return torch.view_as_real(values.contiguous()).square().sum(-1)
