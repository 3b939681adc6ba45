"""What DAVIS is trained on: noise (diffusion) or velocity (flow) of the spectrograms of all sources.

Every source of a mixture is a lesson in the same step, each with its own time and noise. The mixture is
the mean of its sources, the targets are the sources undivided.

Source: DAVIS (ACCV 2024), section on training, supplement, and public code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seehear.models.davis import Davis
from seehear.models.davis.frontend import compress_magnitude, picture_of, spectrum_of
from seehear.sampling.flow import flow_path
from seehear.sampling.gaussian import add_noise, sigmoid_schedule
from seehear.sampling.objective import SCALE, Distance, flow_loss, noise_loss
from seehear.tasks.separate.davis_data import PairBatch


class DavisObjective(nn.Module):
    """Loss of a batch of mixtures.

    Args:
        model: diffusion or flow, as its configuration says.
        distance: `l1`, or `l2` for the ablation.
    """

    def __init__(self, model: Davis, distance: Distance = "l1") -> None:
        super().__init__()
        self.model, self.distance = model, distance
        self.schedule = sigmoid_schedule()

    def forward(self, batch: PairBatch) -> dict[str, Tensor]:
        """`loss`: 1000 times the sum over sources, as published; `distance`: mean over sources."""
        sounds = batch.stems.shape[1]
        with torch.no_grad():
            heard, targets = self.pictures(batch.stems)
        seen = self.model.look(batch.frames.flatten(0, 1))
        noise = torch.randn_like(targets)
        if self.model.config.process == "flow":
            times = torch.rand(len(targets), device=targets.device)
            state, wanted = flow_path(targets, noise, times)
            guess = self.model(state, times, heard, seen).float()
            distance = flow_loss(guess, wanted, self.distance)
        else:
            steps = torch.randint(len(self.schedule), (len(targets),), device=targets.device)
            state = add_noise(self.schedule, targets, noise, steps)
            guess = self.model(state, steps, heard, seen).float()
            distance = noise_loss(guess, noise, self.distance)
        return {"loss": SCALE * sounds * distance, "distance": distance}

    def pictures(self, stems: Tensor) -> tuple[Tensor, Tensor]:
        """Compressed mixture, once for each source, and compressed sources.

        Args:
            stems: [B, S, L].

        Returns:
            Two of [B * S, 1, rows, columns].
        """
        config = self.model.config
        heard = picture_of(stems.mean(1), config).compressed
        magnitude = spectrum_of(stems.flatten(0, 1), config).abs()
        targets = compress_magnitude(magnitude, config)[:, None]
        return heard.repeat_interleave(stems.shape[1], dim=0), targets
