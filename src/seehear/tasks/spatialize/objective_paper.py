"""What Mono2Binaural and APNet are trained on: distances of complex spectra.

`stereo`: the predicted difference of both ears. `sides` (APNet): the pyramid's own left and right, both
supervised through the difference, as published. `separation` (APNet): two things at opposite edges of the
picture, whose sounds the two heads must tell apart. The highest bin, which no mask reaches, counts nowhere.

Sources: 2.5D Visual Sound, equation 4; Sep-Stereo, equations 6-8; PseudoBinaural, section 3.3.
Deviation: the public code mixes the separation's sounds from groups that its targets do not belong to; here
the mixture is the sum of the targets, as the paper says.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from seehear.models.pseudobinaural import APNet, Mono2Binaural
from seehear.models.pseudobinaural.spectra import to_spectrum
from seehear.tasks.spatialize.data_paper import PaperBatch
from seehear.tasks.spatialize.paper_options import PaperTraining

Distance = Literal["l1", "l2"]


def spectral_distance(estimate: Tensor, target: Tensor, kind: Distance = "l1") -> Tensor:
    """Mean distance of spectra [..., 2, F, N] without their highest bin; a scalar."""
    apart = (estimate - target)[..., :-1, :]
    return apart.abs().mean() if kind == "l1" else apart.square().mean()


def sides_distance(
    left: Tensor, right: Tensor, mixture: Tensor, difference: Tensor, kind: Distance = "l1"
) -> Tensor:
    """Left and right of a pyramid, each compared through the difference that it implies."""
    from_left = spectral_distance(2 * left - mixture, difference, kind)
    from_right = spectral_distance(mixture - 2 * right, difference, kind)
    return 0.5 * (from_left + from_right)


def separation_distance(
    left: Tensor, right: Tensor, first: Tensor, second: Tensor, kind: Distance = "l1"
) -> Tensor:
    """Left and right of a pyramid against the thing at the left edge and the thing at the right edge."""
    return spectral_distance(left, first, kind) + spectral_distance(right, second, kind)


class PaperObjective(nn.Module):
    """Losses of a batch.

    Args:
        model: the network.
        settings: which distance, and weights of the terms.
    """

    def __init__(self, model: Mono2Binaural, settings: PaperTraining | None = None) -> None:
        super().__init__()
        self.model = model
        self.settings = settings or PaperTraining()
        self.slower = {"model.visual.": self.settings.trunk_rate}

    def forward(self, batch: PaperBatch) -> dict[str, Tensor]:
        settings, config = self.settings, self.model.config
        visual = self.model.look(batch.pictures)
        mixture = to_spectrum(batch.ears.sum(dim=1), config)
        target = to_spectrum(batch.ears[:, 0] - batch.ears[:, 1], config)
        if not isinstance(self.model, APNet):
            stereo = spectral_distance(self.model(mixture, visual), target, settings.loss)
            return {"loss": stereo, "stereo": stereo}
        difference, left, right = self.model.sides(mixture, visual)
        terms = {
            "stereo": spectral_distance(difference, target, settings.loss),
            "sides": sides_distance(left, right, mixture, target, settings.loss),
        }
        weights = {"stereo": 1.0, "sides": settings.sides, "separation": settings.separation}
        if len(batch.parts):
            terms["separation"] = self._separation(batch)
        loss = torch.stack([weights[name] * value for name, value in terms.items()]).sum()
        return {"loss": loss, **terms}

    def _separation(self, batch: PaperBatch) -> Tensor:
        assert isinstance(self.model, APNet), "only a pyramid separates"
        first, second = (to_spectrum(part, self.model.config) for part in batch.parts.unbind(1))
        visual = self.model.look(batch.edges)
        _, left, right = self.model.sides(first + second, visual)
        return separation_distance(left, right, first, second, self.settings.loss)
