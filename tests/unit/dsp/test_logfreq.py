"""The log-frequency warp: published places, an independent bilinear reader, and what it loses."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from seehear.dsp.logfreq import (
    compress,
    expand,
    linear_positions,
    unwarp,
    warp,
    warped_positions,
)
from seehear.errors import InputError


def test_published_places() -> None:
    warped = warped_positions(256, 512)
    assert warped[[0, 1, 64, 128, 192, 254, 255]].tolist() == pytest.approx(
        [0, 0.3069, 29.308, 92.236, 227.347, 504.632, 511], abs=1e-3
    )
    linear = linear_positions(512, 256)
    assert linear[[0, 1, 64, 128, 256, 384, 511]].tolist() == pytest.approx(
        [0, 3.2156, 105.045, 150.209, 200.989, 232.377, 255], abs=1e-3
    )


def test_places_are_inverse_to_each_other() -> None:
    rows = warped_positions(64, 512) / 511
    back = torch.log1p(20 * rows) / math.log(21) * 63
    assert torch.allclose(back, torch.arange(64.0, dtype=torch.float64))


@pytest.mark.parametrize("columns", [None, 20, 70])
def test_same_as_grid_sampling(columns: int | None) -> None:
    picture = torch.rand(2, 1, 96, 40, generator=torch.Generator().manual_seed(0))
    width = columns or 40
    y = (warped_positions(48, 96) / 95 * 2 - 1).float()[:, None].expand(-1, width)
    x = torch.linspace(-1, 1, width)[None].expand(48, -1)
    grid = torch.stack([x, y], dim=-1).expand(2, -1, -1, -1)
    expected = functional.grid_sample(picture, grid, align_corners=True)
    assert torch.allclose(warp(picture, 48, columns), expected, atol=1e-5)


def test_smooth_pictures_survive_the_way_there_and_back() -> None:
    bins, time = torch.arange(512.0)[:, None], torch.arange(60.0)[None]
    picture = 1 + torch.sin(bins / 80) * torch.cos(time / 9)
    back = unwarp(warp(picture, 256, 40), 512, 60)
    assert back.shape == picture.shape
    assert float((back - picture).abs().max()) < 0.02


def test_a_warp_keeps_constants_and_positivity() -> None:
    assert torch.allclose(warp(torch.full((512, 3), 2.5), 256), torch.full((256, 3), 2.5))
    assert float(unwarp(torch.rand(8, 3), 30).min()) >= 0


def test_compression() -> None:
    magnitude = torch.tensor([0.0, 1e-6, 0.013423, 1.0, 700.0, 784.772, 1e6])
    z = compress(magnitude, 0.15)
    assert z[0] == 0 and float(z[2]) == pytest.approx(0.002, rel=1e-4)
    assert z[-1] == 1 and float(z[-2]) == pytest.approx(1.0, abs=1e-6)
    assert torch.allclose(expand(z, 0.15)[:5], magnitude[:5], rtol=1e-5)
    assert torch.equal(expand(-z, 0.15), expand(z, 0.15))


def test_a_single_row_cannot_be_warped() -> None:
    with pytest.raises(InputError, match="two rows"):
        warp(torch.ones(1, 5), 4)
