"""Optimisers, learning-rate schedules, and the moving average of weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn

from seehear.train.settings import OptimConfig


def make_optimiser(model: nn.Module, config: OptimConfig) -> torch.optim.Optimizer:
    """Optimiser over all parameters that need gradients.

    A model may say in `slower` which parts learn more slowly: beginning of their names -> share of the
    learning rate. Groups of parameters carry it as `share`.
    """
    shares: Mapping[str, float] = getattr(model, "slower", {})
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            share = next((s for start, s in shares.items() if name.startswith(start)), 1.0)
            decayed = config.name == "adamw" and parameter.ndim >= 2
            groups.setdefault((not decayed, share), []).append(parameter)
    listed = [
        {"params": group, "weight_decay": 0.0 if spared else config.weight_decay, "share": share}
        for (spared, share), group in sorted(groups.items(), key=lambda item: item[0])
    ]
    if config.name == "adam":
        return torch.optim.Adam(listed, lr=config.learning_rate, betas=config.betas)
    return torch.optim.AdamW(listed, lr=config.learning_rate, betas=config.betas)


def learning_rate(config: OptimConfig, step: int, progress: float) -> float:
    """Learning rate of one step.

    Args:
        config: schedule and its numbers.
        step: steps done so far.
        progress: 0..1, how much of the run is over.

    >>> learning_rate(OptimConfig(learning_rate=1.0, warmup=10), 4, 0.0)
    0.5
    """
    rise = min((step + 1) / config.warmup, 1.0) if config.warmup else 1.0
    if config.schedule == "constant":
        return config.learning_rate * rise * config.decay**step
    fall = 0.5 + 0.5 * math.cos(math.pi * min(max(progress, 0.0), 1.0))
    return config.learning_rate * rise * (config.floor + (1 - config.floor) * fall)


class WeightAverage:
    """Exponential moving average of a module's parameters; buffers are copied.

    Args:
        model: module to follow.
        decay: share of the old average kept per step; early steps use less, so that the random
            start is forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after step number `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for key, value in model.state_dict().items():
            mine = self.values[key]
            if value.is_floating_point():
                mine.lerp_(value.detach(), 1 - decay)
            else:
                mine.copy_(value)
