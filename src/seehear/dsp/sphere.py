"""Sound pressure on a rigid sphere: a head that needs no data.

The series gives what models of it approximate: the delay around the head (three times a/c per sine of the
angle at low frequencies, Woodworth's formula at high ones), the shadow that grows with frequency, and the
bright spot behind the head.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_legendre, spherical_jn, spherical_yn

Array = NDArray[np.float64]

RADIUS_M = 0.0875
SPEED_OF_SOUND = 343.0
"""Metres per second at 20 degrees Celsius."""
LEAD_S = 0.001
LENGTH_S = 0.006
TAPER = 0.85
"""Share of the band that is passed whole; above, a cosine slope keeps the response short."""


def sphere_responses(
    cosines: Array, sample_rate: int, radius_m: float = RADIUS_M, lead_s: float = LEAD_S
) -> Array:
    """Impulse responses on the surface of a sphere, relative to the free field at its centre.

    Args:
        cosines: [M] of the angle between the source and the point on the sphere, -1 to 1.
        sample_rate: Hz.
        radius_m: of the sphere.
        lead_s: delay of the free field at the centre; sound reaches the near side radius/343 s earlier.

    Returns:
        float64 [M, taps], 6 ms long.

    Source: R. Duda and W. Martens, "Range dependence of the response of a spherical head model", JASA 104
        (1998), for an infinitely far source; the series is Rayleigh's.
    """
    length = 1 << round(4 * LENGTH_S * sample_rate).bit_length()
    hz = np.fft.rfftfreq(length, 1 / sample_rate).astype(np.float64)
    spectrum = sphere_spectrum(cosines, hz[1:], radius_m)
    spectrum = np.concatenate([np.ones((len(cosines), 1)), spectrum], axis=1)
    slope = np.clip((2 * hz / sample_rate - TAPER) / (1 - TAPER), 0.0, 1.0)
    spectrum *= (0.5 + 0.5 * np.cos(np.pi * slope)) * np.exp(-2j * np.pi * hz * lead_s)
    taps = round(LENGTH_S * sample_rate)
    fade = np.ones(taps)
    last = taps // 4
    fade[-last:] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, last + 1) / last)
    made: Array = np.fft.irfft(spectrum, length)[:, :taps] * fade
    return made


def sphere_spectrum(
    cosines: Array, hz: Array, radius_m: float = RADIUS_M
) -> NDArray[np.complex128]:
    """Pressure on the sphere over that of the plane wave at its centre, complex [M, F].

    Time runs as exp(+i omega t): a later sound has a falling phase.

    Args:
        cosines: [M] of the angle of incidence.
        hz: [F], above 0.
        radius_m: of the sphere.
    """
    size = 2 * np.pi * hz * radius_m / SPEED_OF_SOUND  # circumference in wavelengths
    orders = np.arange(int(1.3 * size.max()) + 16)[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        slope = spherical_jn(orders, size, True) - 1j * spherical_yn(orders, size, True)
        # High orders of small spheres overflow: their part of the field is nothing.
        terms = np.nan_to_num((2 * orders + 1) * 1j ** (orders - 1) / (slope * size**2), nan=0.0)
    shapes = eval_legendre(orders[:, 0], cosines[:, None])  # [M, orders]
    made: NDArray[np.complex128] = shapes @ terms
    return made
