"""The rule that tells binaural sound from stereo and from mono."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seehear.dsp.convolve import convolve
from seehear.dsp.hrir import spherical_head
from seehear.tasks.spatialize.guard import PairReport, measure_pair

RATE = 22050


def bursts(seed: int, seconds: float = 3.0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    loud = (np.sin(2 * np.pi * (1.3 + seed) * np.arange(count) / RATE) > 0).astype(np.float32)
    made: NDArray[np.float32] = (0.1 * loud * rng.standard_normal(count)).astype(np.float32)
    return made


def heard(azimuth_deg: float, seed: int) -> NDArray[np.float32]:
    response = spherical_head(RATE).at(azimuth_deg)[0]
    sound = torch.from_numpy(bursts(seed))
    made: NDArray[np.float32] = convolve(sound[None], response)[:, : len(sound)].numpy()
    return made


def measured(pair: NDArray[np.float32]) -> PairReport:
    """In blocks of odd sizes."""
    return measure_pair(np.split(pair, [777, 20001, 20002], axis=1), RATE)


@pytest.mark.parametrize("azimuths", [(30.0,), (-60.0,), (45.0, -30.0), (60.0, -60.0)])
def test_two_ears(azimuths: tuple[float, ...]) -> None:
    pair = sum(heard(azimuth, seed) for seed, azimuth in enumerate(azimuths))
    report = measured(np.asarray(pair))
    assert report.is_binaural and not report.is_flat
    assert 100 < report.spread_us < 900


def test_panned_by_levels() -> None:
    gains = [(1.0, 0.3), (0.2, 0.9), (0.7, 0.7)]
    pair = np.sum([np.outer(gain, bursts(seed)) for seed, gain in enumerate(gains)], axis=0)
    report = measured(pair.astype(np.float32))
    assert not report.is_binaural and not report.is_flat


def test_channels_that_were_made_apart() -> None:
    report = measured(np.stack([bursts(0), bursts(1)]))
    assert not report.is_binaural
    assert report.coherent_share < 0.2


def test_one_sound_in_two_channels() -> None:
    report = measured(np.stack([bursts(0), bursts(0)]))
    assert report.is_flat and not report.is_binaural


def test_ears_far_apart_are_no_ears() -> None:
    sound = bursts(0)
    late = np.roll(sound, round(0.004 * RATE))
    assert not measured(np.stack([sound, late])).is_binaural


def test_silence_and_next_to_nothing() -> None:
    assert measure_pair([np.zeros((2, 5 * RATE), np.float32)], RATE).seconds == 0
    assert not measure_pair([heard(30.0, 0)[:, :100]], RATE).is_binaural
    assert not measure_pair([], RATE).is_binaural
