"""Changes to photos that keep what they show: for training an encoder on few pictures.

All work on batches of float pictures 0..1 and draw from a torch generator.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def augment(photos: Tensor, backdrops: Tensor, generator: torch.Generator) -> Tensor:
    """Move, mirror, recolour, blur, and sometimes shrink pictures onto a backdrop.

    Args:
        photos: float [N, 3, S, S] in 0..1.
        backdrops: float [M, 3, S, S] in 0..1, pictures to paste shrunken ones on.
        generator: of all choices.

    Returns:
        float [N, 3, S, S] in 0..1.
    """
    moved, inside = _move(photos, generator)
    behind = backdrops[torch.randint(len(backdrops), (len(photos),), generator=generator)]
    plain = _uniform(len(photos), 0, 1, generator)[:, None, None, None].expand_as(moved)
    choice = torch.rand(len(photos), 1, 1, 1, generator=generator)
    moved = moved + (1 - inside) * torch.where(choice < 0.5, behind, plain)
    return _blur(_recolour(moved, generator), generator)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _move(photos: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random crop, shrink, stretch, turn and mirror; also which pixels come from the picture."""
    count = len(photos)
    scale = torch.exp(_uniform(count, math.log(0.55), math.log(1.05), generator))
    shrunk = torch.rand(count, generator=generator) < 0.25
    scale = torch.where(shrunk, _uniform(count, 1.05, 1.9, generator), scale)
    stretch = torch.exp(_uniform(count, -0.25, 0.25, generator))
    angle = _uniform(count, -0.25, 0.25, generator)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    room = (1 - scale).abs()
    shift_x = _uniform(count, -1, 1, generator) * room
    shift_y = _uniform(count, -1, 1, generator) * room
    cos, sin = angle.cos(), angle.sin()
    rows_x = torch.stack([mirror * scale * stretch * cos, -scale * stretch * sin, shift_x], dim=1)
    rows_y = torch.stack([mirror * scale / stretch * sin, scale / stretch * cos, shift_y], dim=1)
    grid = functional.affine_grid(
        torch.stack([rows_x, rows_y], dim=1), list(photos.shape), align_corners=False
    )
    stacked = torch.cat([photos, torch.ones_like(photos[:, :1])], dim=1)
    moved = functional.grid_sample(stacked, grid, align_corners=False, padding_mode="zeros")
    return moved[:, :3], moved[:, 3:]


def _recolour(photos: Tensor, generator: torch.Generator) -> Tensor:
    count = len(photos)

    def draw(low: float, high: float) -> Tensor:
        return _uniform(count, low, high, generator)[:, None, None, None]

    tint = 1 + 0.15 * (2 * torch.rand(count, 3, 1, 1, generator=generator) - 1)
    photos = photos.clamp(1e-4, 1) ** draw(0.7, 1.4) * tint
    grey = photos.mean(dim=1, keepdim=True)
    colour = torch.where(draw(0, 1) < 0.25, torch.zeros(()), draw(0.5, 1.4))
    photos = grey + (photos - grey) * colour
    middle = photos.mean(dim=(1, 2, 3), keepdim=True)
    noise = torch.randn(photos.shape, generator=generator) * draw(0, 0.04)
    return ((photos - middle) * draw(0.6, 1.3) + middle + draw(-0.1, 0.1) + noise).clamp(0, 1)


def _blur(photos: Tensor, generator: torch.Generator) -> Tensor:
    """Soften one picture in four, as a small or compressed frame would be."""
    soft = functional.avg_pool2d(functional.pad(photos, (1, 1, 1, 1), mode="replicate"), 3, 1)
    chosen = torch.rand(len(photos), 1, 1, 1, generator=generator) < 0.25
    return torch.where(chosen, soft, photos)
