"""Spherical harmonics, their scalings, decoders and rotations against closed forms and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import lpmv

from seehear.dsp.ambisonics import (
    FRONTAL8,
    RING8,
    decoder,
    degrees,
    encode,
    from_fuma,
    from_n3d,
    rotate_yaw,
    spherical_harmonics,
    to_fuma,
    to_n3d,
)


def sphere(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions all around, evenly spread (a spiral)."""
    height = (2 * np.arange(count) + 1) / count - 1
    return np.degrees(np.arange(count) * 2.399963) % 360 - 180, np.degrees(np.arcsin(height))


@pytest.mark.parametrize(
    ("azimuth", "elevation", "wanted"),
    [
        (90, 0, [1, 1, 0, 0]),
        (0, 0, [1, 0, 0, 1]),
        (10, 90, [1, 0, 1, 0]),
        (30, 0, [1, 0.5, 0, math.sqrt(0.75)]),
        (-90, 0, [1, -1, 0, 0]),
    ],
)
def test_first_order(azimuth: float, elevation: float, wanted: list[float]) -> None:
    made = spherical_harmonics(azimuth, elevation, 1)
    assert made.tolist() == pytest.approx(wanted, abs=1e-12)


def test_third_order_against_scipy() -> None:
    azimuth, elevation = sphere(60)
    made = spherical_harmonics(azimuth, elevation, 3).numpy()
    for channel, (n, m) in enumerate(degrees(3)):
        k = abs(m)
        size = math.sqrt((2 - (m == 0)) * math.factorial(n - k) / math.factorial(n + k))
        legendre = (-1) ** k * lpmv(k, n, np.sin(np.radians(elevation)))
        turn = np.cos(k * np.radians(azimuth)) if m >= 0 else np.sin(k * np.radians(azimuth))
        np.testing.assert_allclose(made[:, channel], size * legendre * turn, atol=1e-12)


def test_scalings_are_what_they_are_named_after() -> None:
    azimuth, elevation = sphere(20000)
    field = spherical_harmonics(azimuth, elevation, 3).T  # the field of unit pulses from everywhere
    orders = torch.tensor([n for n, _ in degrees(3)])
    for n in range(4):  # semi-normalised: the squares of an order sum to 1 in every direction
        assert field[orders == n].square().sum(dim=0).numpy() == pytest.approx(1, abs=1e-9)
    assert to_n3d(field).square().mean(dim=1).numpy() == pytest.approx(1, abs=1e-3)
    peaks = to_fuma(field).abs().amax(dim=1).numpy()
    assert peaks[0] == pytest.approx(math.sqrt(0.5))
    assert peaks[1:] == pytest.approx(1, abs=2e-3)


def test_furse_malham_order_and_round_trips() -> None:
    assert to_fuma(torch.eye(4)).argmax(dim=0).tolist() == [0, 2, 3, 1]  # W Y Z X go to W . X Y Z
    field = torch.randn(2, 16, 50)
    assert torch.allclose(from_fuma(to_fuma(field)), field, atol=1e-6)
    assert torch.allclose(from_n3d(to_n3d(field)), field, atol=1e-6)
    # R of second order is the one without azimuth, first of its five.
    up = to_fuma(spherical_harmonics(0.0, 90.0, 2)[:, None])[:, 0]
    assert up.tolist() == pytest.approx([math.sqrt(0.5), 0, 0, 1, 1, 0, 0, 0, 0], abs=1e-12)


@pytest.mark.parametrize("yaw", [0.0, 25.0, -110.0, 180.0])
def test_turning_the_head_moves_sources_the_other_way(yaw: float) -> None:
    azimuth, elevation = sphere(40)
    turned = rotate_yaw(spherical_harmonics(azimuth, elevation, 3).T, yaw)
    wanted = spherical_harmonics(azimuth - yaw, elevation, 3).T
    assert (turned - wanted).abs().max() < 1e-12


def test_first_order_rotation_formula() -> None:
    field, psi = torch.randn(4, 9).double(), math.radians(33)
    turned = rotate_yaw(field, 33.0)
    w, y, z, x = field
    assert torch.equal(turned[[0, 2]], torch.stack([w, z]))
    assert torch.allclose(turned[3], x * math.cos(psi) + y * math.sin(psi))
    assert torch.allclose(turned[1], y * math.cos(psi) - x * math.sin(psi))


def test_a_head_that_turns_follows_a_source_that_moves() -> None:
    sound, azimuth = torch.randn(500).double(), torch.linspace(-170, 170, 500)
    field = encode(sound, azimuth, 10.0, 2)
    followed = rotate_yaw(field, azimuth)
    assert torch.allclose(followed, encode(sound, 0.0, 10.0, 2), atol=1e-12)


def test_encoding_shapes() -> None:
    sounds = torch.randn(3, 100)
    assert encode(sounds, [0.0, 30.0, 60.0], 0.0, 1).shape == (3, 4, 100)
    assert encode(sounds, 5.0, 0.0, 3).shape == (3, 16, 100)
    assert encode(sounds[0], 90.0, 0.0).dtype == torch.float32
    with pytest.raises(ValueError, match="order"):
        spherical_harmonics(0.0, 0.0, 4)
    with pytest.raises(ValueError, match="channels"):
        rotate_yaw(torch.zeros(5, 10), 3.0)


def test_published_decoder_gains() -> None:
    source = spherical_harmonics(30.0, 0.0, 1)
    projection = decoder(RING8, 0.0, 1, "projection")
    wanted = [0.134, 0.034, 0.5, 1.259, 1.866, 1.966, 1.5, 0.741]
    assert (projection @ source).tolist() == pytest.approx(wanted, abs=6e-4)
    inverse = decoder(RING8, 0.0, 1, "pinv")
    wanted = [-0.092, -0.116, 0, 0.190, 0.342, 0.366, 0.250, 0.060]
    assert (inverse @ source).tolist() == pytest.approx(wanted, abs=6e-4)
    assert torch.linalg.matrix_rank(projection) == 3
    wanted_square = torch.diag(torch.tensor([8.0, 4.0, 0.0, 4.0])).double()
    assert torch.allclose(projection.T @ projection, wanted_square, atol=1e-12)


def test_max_re_lies_between_the_others() -> None:
    source = spherical_harmonics(torch.linspace(-60, 60, 9), 0.0, 1).T
    made = decoder(RING8, 0.0, 1, "maxre") @ source
    delta = torch.deg2rad(torch.linspace(-60, 60, 9) - torch.tensor(RING8)[:, None]).double()
    assert torch.allclose(made, (1 + math.sqrt(2) * torch.cos(delta)) / 8, atol=1e-6)
    # On a sphere the weights of first order are those of its own optimum, 1 / sqrt 3.
    cube = [45.0, 135.0, -45.0, -135.0] * 2
    heights = [35.26438968] * 4 + [-35.26438968] * 4
    ratio = decoder(cube, heights, 1, "maxre") / decoder(cube, heights, 1, "pinv")
    assert ratio[0, 1:].tolist() == pytest.approx([1 / math.sqrt(3)] * 3, abs=3e-3)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("ring", [RING8, FRONTAL8])
def test_inverse_decoding_gives_the_field_back(order: int, ring: tuple[float, ...]) -> None:
    if order == 3 and ring == FRONTAL8:
        pytest.skip("half a ring does not carry third order")
    source = spherical_harmonics(20.0, 0.0, order)
    feeds = decoder(ring, 0.0, order, "pinv") @ source
    again = spherical_harmonics(list(ring), 0.0, order).T @ feeds
    # Of the harmonics that a ring at ear height can tell apart.
    assert again.tolist() == pytest.approx(source.tolist(), abs=1e-9)


def test_unknown_decoding() -> None:
    with pytest.raises(ValueError, match="maxre"):
        decoder(RING8, 0.0, 1, "loud")  # type: ignore[arg-type]
