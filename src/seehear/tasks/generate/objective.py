"""What the flow transformer is trained to answer: the velocity from noise to the sound's latents.

Source: Lipman et al. (2023), with what is left of the noise at the end (1e-4) as in Make-An-Audio 3; mean
squared error.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seehear.models.visualaudio.denoiser import Denoiser
from seehear.sampling.flow import flow_path
from seehear.tasks.generate.latent_batches import LatentBatch

SHIFT = 4
"""Denominator: a video that is late by a quarter of the window, for validation."""


class DenoiserObjective(nn.Module):
    """Conditional flow matching.

    Args:
        model: network that learns.
    """

    def __init__(self, model: Denoiser) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: LatentBatch) -> dict[str, Tensor]:
        """Mean squared error of the velocity, a scalar; 2 for a network that says nothing."""
        return {"loss": self.errors(batch, batch.video).mean()}

    def errors(self, batch: LatentBatch, video: Tensor) -> Tensor:
        """Mean squared error of each item of a batch under a video of one's choice, [B]."""
        noise = torch.randn_like(batch.latents) if batch.noise is None else batch.noise
        state, wanted = flow_path(batch.latents, noise, batch.times)
        made = self.model(state, batch.times, video)
        return (made.float() - wanted).square().mean(dim=(1, 2))


@torch.no_grad()
def measure_flow(
    objective: DenoiserObjective, kept: Sequence[LatentBatch], null: Tensor
) -> dict[str, float]:
    """Error on fixed windows under the right video and under wrong ones.

    Args:
        objective: with the network.
        kept: windows with their own noise.
        null: features of an empty video [dim].

    Returns:
        `loss` with the right video; `other` with another clip's; `late` with the right one, late by a
        quarter of the window (its end comes first); `empty` with none. A network that uses what is seen
        has `other` above `loss`, one that uses when it is seen has `late` above it. `score` is minus
        `loss`.
    """
    device = next(objective.parameters()).device
    found: dict[str, list[Tensor]] = {"loss": [], "other": [], "late": [], "empty": []}
    for batch in (item.to(device) for item in kept):
        video = batch.video
        shown = {
            "loss": video,
            "other": video.roll(1, dims=0),
            "late": video.roll(max(video.shape[1] // SHIFT, 1), dims=1),
            "empty": null.to(video).expand_as(video),
        }
        for name, seen in shown.items():
            found[name].append(objective.errors(batch, seen))
    means = {name: float(torch.cat(values).mean()) for name, values in found.items()}
    return {**means, "score": -means["loss"]}
