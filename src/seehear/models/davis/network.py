"""DAVIS whole: frames of the wanted source + mixture -> what a sampler needs to draw its spectrogram.

    frames -> encoder (frozen, elsewhere) -> transformer over frames -> one vector
    (mixture, state, time, vector) -> U-Net -> noise (diffusion) or velocity (flow)

Sampling itself is in `seehear.sampling`; this module knows no sampler.
Source: Huang et al., ACCV 2024 (DAVIS) and IJCV 2026 (DAVIS-Flow). Letters: B batch, N frames, D features,
F rows, T columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seehear.models.davis.config import DavisConfig
from seehear.models.davis.temporal import FrameTransformer
from seehear.models.davis.unet import SeparationUNet

FLOW_TIMES = 1000.0
"""The flow's time 0..1 is told to the network on the scale of the diffusion's steps."""


class Davis(nn.Module):
    """The network; see the module's text.

    Args:
        config: sizes and switches.
    """

    def __init__(self, config: DavisConfig) -> None:
        super().__init__()
        self.config = config
        self.temporal = FrameTransformer(config)
        self.unet = SeparationUNet(config)

    def look(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """What is seen, as one vector per clip.

        Args:
            frames: features of frames, a picture or a text [B, N, D].
            mask: bool [B, N], True where real; None = all.

        Returns:
            [B, D]; the same for any order of frames.
        """
        return self.temporal.summary(frames, mask)

    def forward(self, state: Tensor, times: Tensor, mixture: Tensor, seen: Tensor) -> Tensor:
        """One call of the sampler.

        Args:
            state: [B, 1, F, T].
            times: [B]; steps 0 .. 999 for diffusion, 0..1 (0 = noise) for the flow.
            mixture: compressed mixture [B, 1, F, T] in 0..1.
            seen: from `look`, [B, D].

        Returns:
            Noise estimate or velocity, [B, 1, F, T].
        """
        if self.config.process == "flow":
            times = times.to(torch.float32) * FLOW_TIMES
        return self.unet(state, times, mixture, seen)
