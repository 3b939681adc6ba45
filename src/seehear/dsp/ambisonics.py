"""Ambisonics: sound fields as spherical harmonics, to third order.

AmbiX convention throughout: channels in ACN order (W, Y, Z, X, ...), SN3D normalisation, no Condon-Shortley
phase. Azimuth is positive to the left, elevation upwards, both in degrees.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from seehear.dsp.directions import Angles, angles_of

MAX_ORDER = 3
FUMA_LETTERS = "WXYZRSTUVKLMNOPQ"
ACN_LETTERS = "WYZXVTRSUQOMKLNP"
"""The same channels, each list in its own order."""
Decoding = Literal["projection", "pinv", "maxre"]

RING8 = (-180.0, -135.0, -90.0, -45.0, 0.0, 45.0, 90.0, 135.0)
"""Azimuths of the published ring of eight virtual loudspeakers at ear height."""
FRONTAL8 = tuple(float(x) for x in np.linspace(-90.0, 90.0, 8))
"""Eight virtual loudspeakers in front of the ears, as the paper's supplement has them."""


def num_channels(order: int) -> int:
    """Channels of a full field: (order + 1)^2."""
    return (order + 1) ** 2


def order_of(channels: int) -> int:
    """Order of a field with so many channels.

    Raises:
        ValueError: no order has that many.
    """
    order = math.isqrt(channels) - 1
    if order < 0 or num_channels(order) != channels or order > MAX_ORDER:
        raise ValueError(f"expected 1, 4, 9 or 16 ambisonic channels, not {channels}")
    return order


def degrees(order: int) -> list[tuple[int, int]]:
    """Order n and degree m of each ACN channel."""
    return [(n, m) for n in range(order + 1) for m in range(-n, n + 1)]


def spherical_harmonics(azimuth_deg: Angles, elevation_deg: Angles, order: int) -> Tensor:
    """Real spherical harmonics: the gains with which a plane wave is encoded.

    Args:
        azimuth_deg: [...] or one number.
        elevation_deg: [...] or one number.
        order: 0 to 3.

    Returns:
        float64 [..., (order + 1)^2], ACN order, SN3D.

    >>> spherical_harmonics(90.0, 0.0, 1).round(decimals=3).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    if not 0 <= order <= MAX_ORDER:
        raise ValueError(f"expected an ambisonic order of 0 to {MAX_ORDER}, not {order}")
    azimuth, elevation = angles_of(azimuth_deg), angles_of(elevation_deg)
    nothing = torch.zeros_like(azimuth + elevation)  # of the shape that both have together
    legendre = _legendre(torch.sin(torch.deg2rad(elevation + nothing)), order)
    around = torch.deg2rad(azimuth + nothing)
    made = []
    for n, m in degrees(order):
        turn = torch.cos(m * around) if m >= 0 else torch.sin(-m * around)
        size = math.factorial(n - abs(m)) / math.factorial(n + abs(m)) * (1 if m == 0 else 2)
        made.append(math.sqrt(size) * legendre[n, abs(m)] * turn)
    return torch.stack(made, dim=-1)


def _legendre(height: Tensor, order: int) -> dict[tuple[int, int], Tensor]:
    """Associated Legendre functions of sin(elevation), without the sign (-1)^m."""
    flat = (1 - height.square()).clamp(min=0).sqrt()
    made = {(0, 0): torch.ones_like(height)}
    for m in range(order + 1):
        if m:
            made[m, m] = (2 * m - 1) * flat * made[m - 1, m - 1]
        for n in range(m + 1, order + 1):
            lower = made[n - 2, m] if n - 2 >= m else torch.zeros_like(height)
            made[n, m] = ((2 * n - 1) * height * made[n - 1, m] - (n + m - 1) * lower) / (n - m)
    return made


def encode(waveform: Tensor, azimuth_deg: Angles, elevation_deg: Angles, order: int = 1) -> Tensor:
    """Place a sound in a field.

    Args:
        waveform: float [..., T].
        azimuth_deg: [...] or one number; [..., T] for a direction that moves.
        elevation_deg: likewise.
        order: of the field.

    Returns:
        float [..., (order + 1)^2, T], of the waveform's type.
    """
    gains = spherical_harmonics(azimuth_deg, elevation_deg, order).to(waveform)
    if gains.dim() > waveform.dim():  # a gain for each sample
        return gains.movedim(-1, -2) * waveform[..., None, :]
    return gains[..., :, None] * waveform[..., None, :]


def rotate_yaw(field: Tensor, yaw_deg: float | Tensor) -> Tensor:
    """Turn the listener's head to the left: everything in the field moves to the right.

    A source encoded at azimuth a comes out as if encoded at a - yaw, exactly, at any order.

    Args:
        field: float [..., C, T], ACN (either normalisation: both treat ±m alike).
        yaw_deg: one number, or [T] for a head that moves.

    Returns:
        Same shape.
    """
    order = order_of(field.shape[-2])
    yaw = torch.deg2rad(angles_of(yaw_deg))
    turned = []
    for n, m in degrees(order):
        centre = n * (n + 1)
        same, other = field[..., centre + m, :], field[..., centre - m, :]
        # cos|m|(a - y) = cos cos + sin sin and sin|m|(a - y) = sin cos - cos sin
        cos, sin = (f(abs(m) * yaw).to(field) for f in (torch.cos, torch.sin))
        turned.append(same if m == 0 else same * cos + math.copysign(1, m) * other * sin)
    return torch.stack(turned, dim=-2)


def to_n3d(field: Tensor) -> Tensor:
    """SN3D to N3D, float [..., C, T]: order n grows by sqrt(2n + 1)."""
    return field * _per_channel(field, _n3d_gain)


def from_n3d(field: Tensor) -> Tensor:
    """N3D to SN3D; see `to_n3d`."""
    return field / _per_channel(field, _n3d_gain)


def to_fuma(field: Tensor) -> Tensor:
    """AmbiX to Furse-Malham, float [..., C, T]: order W X Y Z R S T U V K L M N O P Q, maxN, W by 1/sqrt 2."""
    scaled = field * _per_channel(field, _fuma_gain)
    return scaled[..., _fuma_order(field.shape[-2]), :]


def from_fuma(field: Tensor) -> Tensor:
    """Furse-Malham to AmbiX; see `to_fuma`."""
    restored = torch.empty_like(field)
    restored[..., _fuma_order(field.shape[-2]), :] = field
    return restored / _per_channel(field, _fuma_gain)


def _per_channel(field: Tensor, gain: object) -> Tensor:
    assert callable(gain), "a gain is a function of order and degree"
    gains = [gain(n, m) for n, m in degrees(order_of(field.shape[-2]))]
    return torch.tensor(gains, dtype=field.dtype, device=field.device)[:, None]


def _n3d_gain(n: int, m: int) -> float:
    return math.sqrt(2 * n + 1)


def max_n_gain(n: int, m: int) -> float:
    """Gain from SN3D to maxN, where no harmonic exceeds 1 in any direction.

    Source: D. Malham's tables of second and third order, in AmbiX terms.
    """
    table = {
        (2, 1): 2 / math.sqrt(3),
        (2, 2): 2 / math.sqrt(3),
        (3, 1): math.sqrt(45 / 32),
        (3, 2): 3 / math.sqrt(5),
        (3, 3): math.sqrt(8 / 5),
    }
    return table.get((n, abs(m)), 1.0)


def _fuma_gain(n: int, m: int) -> float:
    return math.sqrt(0.5) if n == 0 else max_n_gain(n, m)


def _fuma_order(channels: int) -> list[int]:
    order_of(channels)
    return [ACN_LETTERS.index(letter) for letter in FUMA_LETTERS[:channels]]


def decoder(
    azimuth_deg: Angles, elevation_deg: Angles = 0.0, order: int = 1, kind: Decoding = "maxre"
) -> Tensor:
    """Matrix from a field to loudspeaker feeds.

    `projection` samples the field at the loudspeakers (every feed positive, gain grows with their number),
    `pinv` inverts the encoding (sharp, negative lobes opposite the source), `maxre` is `pinv` with higher
    degrees reduced for the longest energy vector.

    Args:
        azimuth_deg: [N] of the loudspeakers.
        elevation_deg: [N] or one number.
        order: of the field.
        kind: of decoding.

    Returns:
        float64 [N, (order + 1)^2]; feeds are matrix @ field.
    """
    harmonics = spherical_harmonics(azimuth_deg, elevation_deg, order)  # [N, C]
    if kind == "projection":
        return harmonics
    inverse = torch.linalg.pinv(harmonics).T
    if kind == "pinv":
        return inverse
    if kind != "maxre":
        raise ValueError(f"expected projection, pinv or maxre, not {kind!r}")
    planar = bool((angles_of(elevation_deg).abs() < 1e-9).all())
    return inverse * torch.tensor(_max_re(order, planar), dtype=torch.float64)


def _max_re(order: int, planar: bool) -> list[float]:
    """Weights of each channel for the longest energy vector: on a ring by degree, on a sphere by order.

    Source: J. Daniel's thesis (2000); the spherical one in F. Zotter and M. Frank's closed form (2012).
    """
    if planar:
        return [math.cos(abs(m) * math.pi / (2 * order + 2)) for _, m in degrees(order)]
    widest = math.cos(math.radians(137.9) / (order + 1.51))
    legendre = [1.0, widest, (3 * widest**2 - 1) / 2, (5 * widest**3 - 3 * widest) / 2]
    return [legendre[n] for n, _ in degrees(order)]
