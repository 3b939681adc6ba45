"""PseudoBinaural's way from mono to two ears exactly as its published code goes, for parity.

Kept apart from `dsp/virtual_ring.py`, which does the same without the defects: responses filed under the wrong
directions and used at a rate that is not theirs, a decoder without its 1/8, and a silent beginning.
Source: R. Xu et al., "Visually informed binaural audio generation without binaural audios", CVPR 2021.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.ambisonics import RING8, Decoding, decoder, degrees, encode, spherical_harmonics
from seehear.dsp.convolve import convolve
from seehear.dsp.directions import Angles, directions_of, unit_vectors
from seehear.dsp.virtual_ring import fold

Array = NDArray[np.float64]

AZIMUTHS = (-80, -65, -55, *range(-45, -34, 10), *range(-30, 31, 5), 35, 45, 55, 65, 80)
"""Azimuths that the published loader reads, positive to the RIGHT; ±40 are left out."""
NUM_ELEVATIONS = 50
RMS = 0.1
RMS_FLOOR = 1e-4


def listed_directions() -> tuple[Array, Array]:
    """Interaural azimuth (positive to the right) and elevation of each response, degrees [1150].

    Elevations go around the ear axis from -45 degrees in steps of 5.625, rounded, halves away from zero.
    """
    steps = [-45 + 5.625 * n for n in range(NUM_ELEVATIONS)]
    elevations = [math.copysign(math.floor(abs(x) + 0.5), x) for x in steps]
    azimuth = np.repeat(np.array(AZIMUTHS, np.float64), NUM_ELEVATIONS)
    return azimuth, np.tile(np.array(elevations), len(AZIMUTHS))


def interaural_directions(azimuth: Array, elevation: Array) -> Array:
    """Where interaural-polar angles really point: unit vectors [..., 3].

    Azimuth is the angle out of the median plane, positive to the right; elevation turns around the ears.
    """
    side, turn = np.radians(azimuth), np.radians(elevation)
    flat = np.cos(side)
    return np.stack([flat * np.cos(turn), -np.sin(side), flat * np.sin(turn)], axis=-1)


def misread_directions(azimuth: Array, elevation: Array) -> Array:
    """Where the published loader files them: as if they turned about the vertical axis.

    Elevations above 90 degrees land behind the head on the OPPOSITE side.
    """
    return unit_vectors(-azimuth, elevation)


def published_nearest(azimuth_deg: Angles, elevation_deg: Angles = 0.0) -> NDArray[np.int64]:
    """Index of the response that the published code takes for each direction.

    Args:
        azimuth_deg: [N], positive to the left.
        elevation_deg: [N] or one number.
    """
    azimuth, elevation = listed_directions()
    filed = misread_directions(azimuth, elevation)
    distance = np.square(directions_of(azimuth_deg, elevation_deg)[:, None] - filed).sum(axis=2)
    # Ties are settled by rounding there: of equal distances the lower elevation won in every recorded case,
    # and 55 degrees over both 45 and 65.
    order = np.lexsort((np.abs(np.abs(azimuth) - 55), elevation))
    near = distance[:, order] < distance.min(axis=1, keepdims=True) + 1e-9
    return order[near.argmax(axis=1)].astype(np.int64)


def published_field(waveforms: Tensor, azimuth_deg: Angles, elevation_deg: Angles) -> Tensor:
    """First-order field of K sounds, [K, T] -> [4, T]."""
    return encode(waveforms, azimuth_deg, elevation_deg, 1).sum(dim=0)


def published_ambisonic(
    field: Tensor, ring_responses: Tensor, kind: Decoding = "projection"
) -> Tensor:
    """A field through the ring of eight loudspeakers.

    Args:
        field: float [4, T].
        ring_responses: [8, 2, taps] of the loudspeakers of `RING8`, as they are: not resampled.
        kind: of decoding; the released code uses projection, without dividing by eight.

    Returns:
        float [2, T]; the first taps - 1 samples are silent.
    """
    filters = fold(decoder(RING8, 0.0, 1, kind).to(field), ring_responses.to(field))
    return _valid(convolve(field[:, None], filters).sum(dim=0), field, filters.shape[-1])


def published_direct(waveforms: Tensor, responses: Tensor) -> Tensor:
    """Each of K sounds [K, T] through its own response [K, 2, taps]; [2, T], silent at first."""
    made = convolve(waveforms[:, None], responses.to(waveforms)).sum(dim=0)
    return _valid(made, waveforms, responses.shape[-1])


def published_ambidirect(field: Tensor) -> Tensor:
    """Two sideways cardioids instead of ears: (W + Y) / 2 and (W - Y) / 2, [2, T]."""
    return torch.stack([field[0] + field[1], field[0] - field[1]]) / 2


def _valid(full: Tensor, given: Tensor, taps: int) -> Tensor:
    """Only samples that all taps have heard; silence before."""
    made = full[..., : given.shape[-1]].clone()
    made[..., : taps - 1] = 0
    return made


def level_of_sum(pair: Tensor) -> float:
    """What a pair [2, T] is divided by, so that left + right has an RMS of 0.1 (floor 1e-4)."""
    rms = float(pair.double().sum(dim=0).square().mean().sqrt())
    return max(RMS_FLOOR, rms) / RMS


def published_harmonics(
    azimuth_deg: Angles, elevation_deg: Angles, order: int, scaling: str
) -> Tensor:
    """Spherical harmonics as the published code scales them, float64 [..., (order + 1)^2].

    `SN3D` is right, `N3D` is orthonormal (smaller by sqrt(4 pi)), `MAX_N` puts factors meant for SN3D on
    functions without normalisation, and the factor of the second on the third degree of third order.
    """
    plain = spherical_harmonics(azimuth_deg, elevation_deg, order)
    if scaling == "SN3D":
        return plain
    gain = _orthonormal if scaling == "N3D" else _misapplied
    return plain * torch.tensor([gain(n, abs(m)) for n, m in degrees(order)], dtype=torch.float64)


def _orthonormal(n: int, m: int) -> float:
    return math.sqrt((2 * n + 1) / (4 * math.pi))


def _misapplied(n: int, m: int) -> float:
    factors = {
        (0, 0): math.sqrt(0.5),
        (2, 1): 2 / math.sqrt(3),
        (2, 2): 2 / math.sqrt(3),
        (3, 1): math.sqrt(45 / 32),
        (3, 2): 3 / math.sqrt(5),
        (3, 3): 3 / math.sqrt(5),
    }
    without = math.sqrt(math.factorial(n + m) / math.factorial(n - m) / (1 if m == 0 else 2))
    return factors.get((n, m), 1.0) * without
