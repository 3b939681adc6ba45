"""Directions on the sphere, and how to mix what is known in some of them to get any other.

x points to the front, y to the left, z up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull, QhullError
from torch import Tensor

Array = NDArray[np.float64]
Angles = float | Sequence[float] | NDArray[np.floating] | Tensor
"""Degrees: one number or many."""

FLAT = 1e-3
"""Directions whose heights differ by less lie on one ring."""
INSIDE = 1e-6


def angles_of(angles: Angles) -> Tensor:
    """Degrees as float64 tensor of the same shape."""
    if isinstance(angles, Tensor):
        return angles.detach().double()
    return torch.from_numpy(np.array(angles, np.float64))


def directions_of(azimuth_deg: Angles, elevation_deg: Angles = 0.0) -> Array:
    """Unit vectors [N, 3] of angles in degrees; one number stands for all."""
    plain: list[ArrayLike] = [angles_of(a).cpu().numpy() for a in (azimuth_deg, elevation_deg)]
    azimuth, elevation = np.broadcast_arrays(*map(np.atleast_1d, plain))
    return unit_vectors(azimuth, elevation)


def unit_vectors(azimuth_deg: Array, elevation_deg: Array) -> Array:
    """Unit vectors [..., 3] (x front, y left, z up) of angles in degrees.

    >>> unit_vectors(np.array([90.0]), np.array([0.0])).round(3).tolist()
    [[0.0, 1.0, 0.0]]
    """
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    flat = np.cos(elevation)
    return np.stack([np.cos(azimuth) * flat, np.sin(azimuth) * flat, np.sin(elevation)], axis=-1)


class Interpolator:
    """Weights of known directions for any wanted one: non-negative, sum 1, exact at the known ones.

    Directions around the whole head span triangles; the weights are a direction's coordinates in its
    triangle. A flat ring gets two poles that stand for the mean of the ring. Directions that do not surround
    the head are weighted by nearness. If the set is its own mirror image, so are the weights.

    Args:
        known: float64 [M, 3], unit vectors.

    Attributes:
        added: float64 [V, M], each added pole as a mixture of the known directions.
    """

    def __init__(self, known: Array) -> None:
        self._known = known
        self.added = np.zeros((0, len(known)))
        points = known
        if len(known) >= 3 and np.ptp(known[:, 2]) < FLAT:
            points = np.concatenate([known, [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]])
            self.added = np.full((2, len(known)), 1 / len(known))
        self._triangles, self._inverse = _triangulate(points)
        self._mirrored = _mirror(points)

    def weights(self, wanted: Array) -> tuple[NDArray[np.int64], Array]:
        """Indices [N, K] and weights [N, K] for directions [N, 3]; an index may occur twice.

        Indices count the known directions and then the added poles.
        """
        index, weight = self._one_side(wanted)
        if self._mirrored is None:
            return index, weight
        # Triangulation breaks ties by rounding: the mean with the mirror image has no side.
        other, share = self._one_side(wanted * np.array([1.0, -1.0, 1.0]))
        both = np.concatenate([index, self._mirrored[other]], axis=1)
        return both, np.concatenate([weight, share], axis=1) / 2

    def _one_side(self, wanted: Array) -> tuple[NDArray[np.int64], Array]:
        if len(self._triangles) == 0:
            return self._by_nearness(wanted)
        shares = np.einsum("tij,nj->nti", self._inverse, wanted)  # [N, T, 3]
        best = shares.min(axis=2).argmax(axis=1)
        chosen = np.clip(shares[np.arange(len(wanted)), best], 0.0, None)
        return self._triangles[best], chosen / chosen.sum(axis=1, keepdims=True)

    def _by_nearness(self, wanted: Array) -> tuple[NDArray[np.int64], Array]:
        angle = np.arccos(np.clip(wanted @ self._known.T, -1.0, 1.0))
        weight = 1 / (angle + 1e-6) ** 4
        index = np.broadcast_to(np.arange(len(self._known)), weight.shape)
        return index.astype(np.int64), weight / weight.sum(axis=1, keepdims=True)


def _triangulate(points: Array) -> tuple[NDArray[np.int64], Array]:
    """Triangles [T, 3] of the convex hull and the inverses [T, 3, 3] of their corner matrices.

    Nothing if the points do not surround the origin.
    """
    nothing = np.zeros((0, 3), np.int64), np.zeros((0, 3, 3))
    if len(points) < 4:
        return nothing
    try:
        hull = ConvexHull(points)
    except QhullError:
        return nothing
    if (hull.equations[:, 3] > -INSIDE).any():
        return nothing
    triangles = hull.simplices.astype(np.int64)
    corners = points[triangles].transpose(0, 2, 1)  # columns are corners
    sound = np.abs(np.linalg.det(corners)) > 1e-9
    return triangles[sound], np.linalg.inv(corners[sound])


def _mirror(points: Array) -> NDArray[np.int64] | None:
    """Index of each direction's mirror image, or None if one has no image."""
    image = points * np.array([1.0, -1.0, 1.0])
    closeness = image @ points.T
    index = closeness.argmax(axis=1).astype(np.int64)
    matched = closeness[np.arange(len(points)), index] > 1 - 1e-6
    return index if matched.all() else None
