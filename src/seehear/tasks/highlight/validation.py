"""Numbers that a training run watches: how much nearer to the target, and does the picture matter.

MAG and ENV here are computed at the network's own rate from magnitudes it sees anyway; figures for
reports come from `evaluate highlight`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seehear.nn.context import Context, Tokens
from seehear.tasks.highlight.data import SceneBatch
from seehear.tasks.highlight.objective import BandGainObjective


@torch.no_grad()
def measure_scenes(objective: BandGainObjective, batches: Sequence[SceneBatch]) -> dict[str, float]:
    """Score fixed scenes with their own frames, without any, and with those of other scenes.

    Returns:
        `magnitude` and `envelope`: reduction of the mean distance to the target against the muddy
        input, as a fraction; `blind`: the first without frames; `swapped`: by how much frames of
        another scene of the batch make the distance larger, as a fraction.
    """
    given, own, blind, swapped = (torch.zeros(2) for _ in range(4))
    for batch in batches:
        target = objective.magnitude(batch.target)
        given += _distance(objective.magnitude(batch.mixture), target)
        for total, context in (
            (own, batch.context),
            (blind, Context()),
            (swapped, _rolled(batch.context)),
        ):
            parts = objective.model.parts(batch.mixture, context)
            total += _distance(objective.apply_gains(parts, batch.mixture), target)
    return {
        "magnitude": float(1 - own[0] / given[0]),
        "envelope": float(1 - own[1] / given[1]),
        "blind": float(1 - blind[0] / given[0]),
        "swapped": float(swapped[0] / own[0] - 1),
    }


def _distance(estimate: Tensor, target: Tensor) -> Tensor:
    """Sum over scenes of the mean magnitude distance and of the RMS level distance [2]."""
    magnitude = (estimate - target).abs().mean((1, 2))
    levels = estimate.square().sum(1).sqrt() - target.square().sum(1).sqrt()  # [B, N]
    return torch.stack([magnitude.sum(), levels.square().mean(1).sqrt().sum()]).cpu()


def _rolled(context: Context) -> Context:
    """Frames of the next scene in the batch for every scene."""
    frames = context.frames
    if frames is None:
        return context
    return Context(
        Tokens(frames.values.roll(1, 0), frames.times.roll(1, 0), frames.mask.roll(1, 0))
    )
