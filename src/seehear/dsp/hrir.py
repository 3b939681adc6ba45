"""Impulse responses of a head, from any direction: interpolated, resampled, or computed for a sphere.

Convention of the whole project: x points to the front, y to the left, z up; azimuth is positive to
the LEFT, 0 = front, elevation positive up, both in degrees; the left ear comes before the right one.

Between measured directions the responses are not averaged as they are: an echo would come out wherever
they differ in time. Each ear's response is moved back by its own delay, the moved responses are averaged
on the triangle of measured directions around the wanted one, and the average is moved forth by the average
delay. So the interaural time difference goes smoothly from one direction to the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from torch import Tensor

from seehear.dsp.arrival import arrivals, onsets
from seehear.dsp.directions import Angles, Interpolator, directions_of, unit_vectors
from seehear.dsp.sphere import RADIUS_M, sphere_responses

CHUNK = 512
"""Directions that are interpolated at once."""
LEAD_S = 0.00075
"""Silence that `aligned` leaves before the earliest direct sound: room for a filter's ripple."""


@dataclass(frozen=True, eq=False)
class HrirSet:
    """Responses of two ears to sources in M directions.

    Args:
        responses: float32 [M, 2, taps], left ear first.
        directions: float64 [M, 3], unit vectors (x front, y left, z up).
        sample_rate: Hz.
        name: of the head, for receipts.
        sha256: of the file it came from; empty for a computed head.
        licence: of the data, in words.
    """

    responses: Tensor
    directions: Tensor
    sample_rate: int
    name: str
    sha256: str = ""
    licence: str = ""

    @property
    def taps(self) -> int:
        """Length of a response in samples."""
        return int(self.responses.shape[2])

    @property
    def azimuth_deg(self) -> Tensor:
        """Azimuth of each direction, float64 [M]."""
        x, y, _ = self.directions.unbind(1)
        return torch.rad2deg(torch.atan2(y, x))

    @property
    def elevation_deg(self) -> Tensor:
        """Elevation of each direction, float64 [M]."""
        return torch.rad2deg(torch.asin(self.directions[:, 2].clamp(-1, 1)))

    def at(self, azimuth_deg: Angles, elevation_deg: Angles = 0.0) -> Tensor:
        """Responses from any directions, smooth in angle, exact at measured directions.

        Args:
            azimuth_deg: [N] or one number, positive to the left.
            elevation_deg: [N] or one number.

        Returns:
            float32 [N, 2, taps].
        """
        return self.toward(directions_of(azimuth_deg, elevation_deg))

    def toward(self, directions: NDArray[np.float64]) -> Tensor:
        """The same for unit vectors [N, 3]."""
        pieces = [
            self._interpolated(directions[n : n + CHUNK]) for n in range(0, len(directions), CHUNK)
        ]
        return torch.cat(pieces) if pieces else self.responses[:0]

    def nearest(self, azimuth_deg: Angles, elevation_deg: Angles = 0.0) -> Tensor:
        """Responses of the nearest measured directions, float32 [N, 2, taps]."""
        wanted = directions_of(azimuth_deg, elevation_deg)
        closest = np.argmax(wanted @ self.directions.numpy().T, axis=1)
        return self.responses[torch.from_numpy(closest)]

    def resampled(self, sample_rate: int) -> HrirSet:
        """The same head for sound at another rate.

        The responses are resampled as sounds and scaled by the ratio of the rates, so that the gain at
        every frequency stays what it was. Not by `dsp/resample.py`: its filter is so steep that it rings
        for milliseconds, which is nothing for a sound but longer than a response is silent at first.
        """
        if sample_rate == self.sample_rate:
            return self
        shared = math.gcd(sample_rate, self.sample_rate)
        up, down = sample_rate // shared, self.sample_rate // shared
        # The response's own end may ring on for a few samples of the lower rate.
        padded = np.pad(self.responses.numpy(), ((0, 0), (0, 0), (0, 12 * math.ceil(down / up))))
        made = resample_poly(padded, up, down, axis=2) * (down / up)
        responses = torch.from_numpy(np.ascontiguousarray(made, np.float32))
        return replace(self, responses=responses, sample_rate=sample_rate)

    def aligned(self, lead_s: float = LEAD_S) -> HrirSet:
        """Without the silence that all directions and both ears share, but for `lead_s` seconds.

        Never moves one ear or one direction against another: that would change what is heard.
        """
        shift = int(onsets(self.responses).min()) - round(lead_s * self.sample_rate)
        if shift >= 0:
            return replace(self, responses=self.responses[..., shift:].contiguous())
        return replace(self, responses=torch.nn.functional.pad(self.responses, (-shift, 0)))

    def levelled(self) -> HrirSet:
        """Scaled so that white noise from the (nearest measured) front keeps its power, on average over both ears."""
        power = float(self.nearest(0.0).double().square().sum(dim=2).mean())
        if power <= 0:
            return self
        return replace(self, responses=self.responses / math.sqrt(power))

    @cached_property
    def _interpolator(self) -> Interpolator:
        return Interpolator(self.directions.numpy())

    @cached_property
    def _moved_back(self) -> tuple[Tensor, Tensor, int]:
        """Spectra without their delays [P, 2, F], delays in samples [P, 2], transform length.

        P are the measured directions and, behind them, the poles that the interpolator adds.
        """
        length = 1 << (self.taps + self.taps // 2).bit_length()
        delay = arrivals(self.responses, self.sample_rate)  # [M, 2]
        turned = torch.fft.rfft(self.responses, length) * _turn(delay, length)
        mixing = torch.from_numpy(self._interpolator.added)  # [V, M]
        if len(mixing):
            added = torch.einsum("vm,mef->vef", mixing.to(turned.dtype), turned)
            turned, delay = torch.cat([turned, added]), torch.cat([delay, mixing @ delay])
        return turned, delay, length

    def _interpolated(self, wanted: NDArray[np.float64]) -> Tensor:
        index, weight = self._interpolator.weights(wanted)  # [N, K] each
        points, share = torch.from_numpy(index), torch.from_numpy(weight)
        turned, delay, length = self._moved_back
        mean = torch.zeros((len(points), *turned.shape[1:]), dtype=turned.dtype)
        for corner in range(points.shape[1]):
            mean += share[:, corner, None, None].to(turned.dtype) * turned[points[:, corner]]
        later = (share[..., None] * delay[points]).sum(dim=1)  # [N, 2]
        made = torch.fft.irfft(mean * _turn(-later, length), length)
        return made[..., : self.taps].float()


def _turn(delay: Tensor, length: int) -> Tensor:
    """Phases that move a spectrum forward by samples, complex64 [..., F]."""
    cycles = torch.arange(length // 2 + 1, dtype=torch.float64) / length
    angle = 2 * math.pi * torch.remainder(delay.double()[..., None] * cycles, 1.0)
    return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)


def spherical_head(sample_rate: int, radius_m: float = RADIUS_M) -> HrirSet:
    """A head without data: ears at the sides of a rigid sphere, far sources, the exact wave field.

    Left and right are mirror images; front and back, above and below sound alike.

    Args:
        sample_rate: Hz.
        radius_m: of the head.

    Returns:
        Directions every 5 degrees of azimuth and 10 of elevation, 6 ms each.
    """
    azimuth, elevation = _grid()
    directions = unit_vectors(azimuth, elevation)
    # The ears lie on the y axis: the angle of incidence depends on y alone.
    cosines, row = np.unique(np.round(directions[:, 1], 12), return_inverse=True)
    left = sphere_responses(cosines, sample_rate, radius_m)
    right = sphere_responses(-cosines, sample_rate, radius_m)
    return HrirSet(
        torch.from_numpy(np.stack([left, right], axis=1)[row]).float(),
        torch.from_numpy(directions),
        sample_rate,
        f"sphere of {1000 * radius_m:g} mm",
        licence="computed, no data",
    )


def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ring = np.arange(-180.0, 180.0, 5.0)
    heights = np.arange(-80.0, 81.0, 10.0)
    azimuth = np.concatenate([np.tile(ring, len(heights)), [0.0, 0.0]])
    elevation = np.concatenate([np.repeat(heights, len(ring)), [-90.0, 90.0]])
    return azimuth, elevation
