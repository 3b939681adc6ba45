"""Virtual loudspeakers: KEMAR's cues through the ring, and the published defects that tests must notice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seehear.dsp.ambisonics import RING8, Decoding, decoder, encode, spherical_harmonics
from seehear.dsp.binaural import ild_db, low_frequency_itd_us
from seehear.dsp.convolve import convolve
from seehear.dsp.hrir import HrirSet, spherical_head
from seehear.dsp.published_ring import (
    interaural_directions,
    level_of_sum,
    listed_directions,
    misread_directions,
    published_ambidirect,
    published_ambisonic,
    published_field,
)
from seehear.dsp.virtual_ring import render_field, ring_filters
from tests.unit.dsp.heads import kemar

AZIMUTHS = [0.0, 15.0, 30.0, 45.0, 60.0]
# ILD dB and low-frequency ITD us of KEMAR at 16 kHz, published with the reference.
MEASURED: dict[Decoding, tuple[list[float], list[float]]] = {
    "projection": ([0.0, 2.8, 5.5, 7.7, 9.1], [0, -110, -213, -301, -368]),
    "maxre": ([0.0, 3.6, 6.7, 8.7, 9.3], [0, -153, -294, -411, -494]),
    "pinv": ([0.0, 4.2, 7.3, 8.4, 8.1], [0, -210, -399, -542, -637]),
}


def through_ring(
    head: HrirSet, kind: Decoding, azimuth: list[float], height: float = 0.0
) -> torch.Tensor:
    """Responses of both ears to sources in a first-order field, [N, 2, taps]."""
    gains = spherical_harmonics(azimuth, height, 1).float()
    return torch.einsum("nc,cet->net", gains, ring_filters(head, kind=kind))


@pytest.mark.parametrize("kind", ["projection", "maxre", "pinv"])
def test_kemar_cues_through_the_ring(kind: Decoding) -> None:
    head = kemar(16000)
    levels, delays = MEASURED[kind]
    for sign in (1, -1):
        left, right = through_ring(head, kind, [sign * a for a in AZIMUTHS]).unbind(1)
        assert (sign * ild_db(left, right)).tolist() == pytest.approx(levels, abs=0.1)
        made = sign * low_frequency_itd_us(left, right, 16000)
        assert made.tolist() == pytest.approx(delays, abs=4)


def test_elevation_narrows_the_image() -> None:
    head = kemar(16000)
    levels = [
        ild_db(*through_ring(head, "projection", [30.0], height)[0]).item()
        for height in (0.0, 20.0, 40.0)
    ]
    assert levels == pytest.approx([5.49, 5.27, 4.54], abs=0.05)


@pytest.mark.parametrize("kind", ["projection", "maxre", "pinv"])
def test_one_filter_is_the_sum_of_the_loudspeakers(kind: Decoding) -> None:
    head = spherical_head(16000)
    sound = torch.randn(2000)
    field = encode(sound, 35.0, 10.0, 1)
    feeds = decoder(RING8, 0.0, 1, kind).float() @ field  # [8, T]
    if kind == "projection":
        feeds = feeds / 8
    wanted = convolve(feeds[:, None], head.at(RING8)).sum(dim=0)
    made = render_field(field, ring_filters(head, kind=kind))
    assert made.shape == (2, 2000 + head.taps - 1)
    assert (made - wanted).abs().max() < 2e-6 * wanted.abs().max() + 1e-6


def test_mirrored_field_is_mirrored_at_the_ears() -> None:
    head = kemar(16000)
    sound = torch.randn(1000)
    filters = ring_filters(head)
    made = render_field(encode(sound, 40.0, 0.0), filters)
    mirrored = render_field(encode(sound, -40.0, 0.0), filters)
    assert (made - mirrored.flip(0)).abs().max() < 1e-5


def test_loudspeakers_behind_stay_on_their_side() -> None:
    head = kemar(16000)
    level = ild_db(*head.at([45.0, 90.0, 135.0, -45.0, -90.0, -135.0]).unbind(1))
    assert (level[:3] > 0).all() and (level[3:] < 0).all()


def test_published_directions_swap_sides_behind_the_head() -> None:
    azimuth, elevation = listed_directions()
    assert len(azimuth) == 23 * 50 and set(np.unique(elevation)) >= {-45.0, 0.0, 90.0, 231.0}
    right = interaural_directions(azimuth, elevation)
    wrong = misread_directions(azimuth, elevation)
    behind = (elevation > 95) & (np.abs(azimuth) > 1) & (elevation < 230)
    assert (np.sign(right[behind, 1]) == -np.sign(azimuth[behind])).all()
    assert (np.sign(wrong[behind, 1]) == -np.sign(right[behind, 1])).all()


def test_published_way() -> None:
    sound = torch.randn(1, 1000).double()
    field = published_field(sound, [90.0], [0.0])
    assert torch.allclose(field, torch.stack([sound[0], sound[0], 0 * sound[0], 0 * sound[0]]))
    left, right = published_ambidirect(field)
    assert torch.allclose(left, sound[0]) and right.abs().max() < 1e-12
    responses = torch.zeros(8, 2, 50).double()
    responses[:, :, 0] = 1
    pair = published_ambisonic(field, responses)
    assert not pair[:, :49].any()
    assert torch.allclose(pair[0, 49:], 8 * sound[0, 49:])  # nothing divides by eight
    assert level_of_sum(torch.zeros(2, 10)) == pytest.approx(1e-3)
    level = level_of_sum(pair)
    assert (pair / level).sum(dim=0).square().mean().sqrt().item() == pytest.approx(0.1)
