"""From ambisonics to two ears through virtual loudspeakers around a head.

All of it is linear, so decoding and head responses are one filter per channel and ear, made once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seehear.dsp.ambisonics import RING8, Decoding, decoder
from seehear.dsp.convolve import convolve
from seehear.dsp.directions import Angles
from seehear.dsp.hrir import HrirSet


def ring_filters(
    hrirs: HrirSet,
    azimuth_deg: Angles = RING8,
    elevation_deg: Angles = 0.0,
    order: int = 1,
    kind: Decoding = "maxre",
) -> Tensor:
    """Filters from each ambisonic channel to each ear.

    Args:
        hrirs: of the head, at the rate of the sound.
        azimuth_deg: [N] of the virtual loudspeakers; default the published ring.
        elevation_deg: [N] or one number.
        order: of the field.
        kind: of decoding; `projection` is divided by N so that all kinds have about one level.

    Returns:
        float32 [(order + 1)^2, 2, taps].

    Deviation: the published code leaves projection undivided; see `dsp/published_ring.py`.
    """
    matrix = decoder(azimuth_deg, elevation_deg, order, kind)  # [N, C]
    if kind == "projection":
        matrix = matrix / len(matrix)
    return fold(matrix, hrirs.at(azimuth_deg, elevation_deg))


def fold(matrix: Tensor, responses: Tensor) -> Tensor:
    """One filter per channel and ear: [N, C] and [N, 2, taps] -> [C, 2, taps]."""
    folded = torch.einsum("nc,net->cet", matrix.double(), responses.double())
    return folded.to(responses.dtype)


def render_field(field: Tensor, filters: Tensor) -> Tensor:
    """Render an ambisonic field to two ears.

    Args:
        field: float [..., C, T].
        filters: float [C, 2, taps].

    Returns:
        float [..., 2, T + taps - 1], left ear first.
    """
    return convolve(field[..., :, None, :], filters).sum(dim=-3)
