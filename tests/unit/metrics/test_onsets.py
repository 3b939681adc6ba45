"""Onsets of a waveform and distances between two lists of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seehear.errors import InputError
from seehear.metrics.onsets import (
    onset_distances,
    onset_error,
    onset_f1,
    onset_strength,
    onset_times,
)

RATE = 16000
MOMENTS = (0.4, 1.03, 1.91, 2.5)


def struck(moments: tuple[float, ...], kind: str, seconds: float = 3.0) -> torch.Tensor:
    """A sound that begins anew at each moment and dies away."""
    rng = torch.Generator().manual_seed(0)
    wave = torch.zeros(round(seconds * RATE))
    time = torch.arange(RATE // 4) / RATE
    for moment in moments:
        tone = sum(torch.sin(2 * math.pi * 440 * k * time) / k for k in range(1, 6))
        body = tone if kind == "tone" else torch.randn(len(time), generator=rng)
        begin = round(moment * RATE)
        wave[begin : begin + len(time)] += body * torch.exp(-time / 0.05)
    return wave


@pytest.mark.parametrize("kind", ["tone", "noise"])
@pytest.mark.parametrize("gain", [1e-3, 1.0])
def test_onsets_are_where_sounds_begin(kind: str, gain: float) -> None:
    found = onset_times(gain * struck(MOMENTS, kind), RATE)[0]
    assert len(found) == len(MOMENTS)
    assert np.abs(found - np.array(MOMENTS)).max() <= 0.012


def test_what_goes_on_has_no_onsets_and_silence_none() -> None:
    noise = torch.randn(4 * RATE, generator=torch.Generator().manual_seed(1))
    assert len(onset_times(noise, RATE)[0]) <= 1
    assert len(onset_times(torch.zeros(RATE), RATE)[0]) == 0


def test_a_batch_gives_what_each_of_its_sounds_gives() -> None:
    batch = torch.stack([struck(MOMENTS, "tone"), 0.1 * struck(MOMENTS[:2], "noise")])
    together = onset_times(batch, RATE)
    for wave, found in zip(batch, together, strict=True):
        np.testing.assert_array_equal(onset_times(wave, RATE)[0], found)
    assert onset_strength(batch, RATE).shape == (2, 300)


def test_onsets_move_with_the_sound() -> None:
    wave = struck(MOMENTS, "noise")
    late = torch.cat([torch.zeros(RATE // 5), wave[: -RATE // 5]])
    shift = onset_times(late, RATE)[0] - onset_times(wave, RATE)[0]
    np.testing.assert_allclose(shift, 0.2, atol=0.011)


def test_too_short_a_sound_is_refused() -> None:
    with pytest.raises(InputError, match="longer clip"):
        onset_times(torch.zeros(100), RATE)


def test_distances_know_neither_order_nor_surplus() -> None:
    reference, estimate = [0.5, 1.0, 2.0], [2.02, 1.01, 0.5]
    assert onset_error(reference, estimate) == onset_error(reference[::-1], sorted(estimate))
    assert onset_error(reference, estimate) == (10.0, 1.0)
    more = [*estimate, 3.0, 0.0]
    assert onset_error(reference, more) == (10.0, 1.0)
    assert onset_f1(reference, more) == pytest.approx(2 * 3 / 8)


def test_a_partner_serves_once() -> None:
    np.testing.assert_allclose(onset_distances([1.0, 1.02], [1.0]), [0.0, 500.0])
    assert onset_error([1.0], []) == (500.0, 0.0)
    assert math.isnan(onset_error([], [1.0]).median_ms)
    assert onset_f1([], []) == 1.0
