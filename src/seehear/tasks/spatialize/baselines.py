"""What a model must beat: no direction at all, directions without a network, and how far one could get.

Every baseline is a table of shares like a network's, [A + 1, F, N], so that all are rendered alike.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.models.bearings import Bearings
from seehear.tasks.spatialize.objective import true_shares


def everything_at(model: Bearings, place: float, power: Tensor) -> Tensor:
    """All sound from one place across the picture (+1 = left edge): [F, N] -> [A + 1, F, N]."""
    places = torch.full((1, 1, power.shape[-1]), place)
    return true_shares(power[None, None], places, model.positions)[0]


def known_parts(model: Bearings, parts: Tensor, places: Tensor) -> Tensor:
    """The best that shares can do: true power of every source in every cell, true places.

    Args:
        model: whose bands and directions are used.
        parts: [K, T], what each source adds to (left + right) / 2.
        places: [K].

    Returns:
        [A + 1, F, N].
    """
    power = model.band_power(parts)  # [K, F, N]
    return true_shares(
        power[None], places.reshape(1, -1, 1).expand(1, -1, power.shape[-1]), model.positions
    )[0]


def busiest_place(picture: NDArray[np.uint8]) -> float:
    """Where most is to be seen: the middle of contrast across the picture, +1 = left edge.

    Args:
        picture: uint8 [h, w, 3].
    """
    grey = picture.astype(np.float64).mean(axis=2)
    contrast = np.abs(np.diff(grey, axis=1))[1:] + np.abs(np.diff(grey, axis=0))[:, 1:]
    columns = contrast.sum(axis=0)
    if columns.sum() <= 0:
        return 0.0
    width = picture.shape[1]
    # Differences lie between pixels.
    return float(1 - 2 * (columns @ (np.arange(1, width) / width)) / columns.sum())
