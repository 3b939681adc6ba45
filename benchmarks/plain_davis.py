"""The baseline of DAVIS: fp32, one source and one step at a time, nothing shared, the network as its paper has it.

Same windows, weights and noise as the real job, so the pictures drawn are the same; what is missing is
what the job does to be quick. Every source makes its own picture of the mixture, and every step calls the
network as it was written (`models/davis/unet.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seehear.models.davis import Davis
from seehear.models.davis.frontend import picture_of
from seehear.tasks.separate.generate import ClockNoise


def plain_draw(
    model: Davis,
    windows: Tensor,
    starts: Sequence[int],
    frames: Tensor,
    noise: ClockNoise,
    steps: int,
) -> Tensor:
    """Draw every source of every window by itself, with the flow's Euler steps.

    Args:
        model: a flow, in eval mode.
        windows: [B, L] at the model's rate.
        starts: first sample of each.
        frames: features of what is wanted, [Q, D].
        noise: as the job has it.
        steps: network calls per source and window.

    Returns:
        [B, Q, rows, columns].
    """
    made = []
    with torch.inference_mode():
        for window, start in zip(windows, starts, strict=True):
            for frame in frames:
                mixture = picture_of(window[None], model.config).compressed
                state = noise.at([start])(-1)
                for number in range(steps):
                    seen = model.look(frame[None, None])
                    time = torch.tensor([number / steps])
                    state = state + model(state, time, mixture, seen) / steps
                made.append(state[0, 0])
    return torch.stack(made).reshape(len(windows), len(frames), *made[0].shape)
