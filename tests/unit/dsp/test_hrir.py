"""Heads: interpolation, resampling, and the computed sphere against closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from seehear.dsp.arrival import arrivals, onsets
from seehear.dsp.binaural import ild_db, low_frequency_itd_us
from seehear.dsp.directions import Interpolator, directions_of
from seehear.dsp.hrir import HrirSet, spherical_head
from seehear.dsp.sphere import RADIUS_M, SPEED_OF_SOUND, sphere_spectrum
from tests.unit.dsp.heads import kemar, lag_us

AZIMUTHS = (0.0, 15.0, 30.0, 45.0, 60.0)
# ILD dB, low-frequency ITD us, broadband lag us of KEMAR at 16 kHz, published with the reference.
MEASURED = {
    0.0: (0.0, 0, 0),
    15.0: (4.5, -204, -133),
    30.0: (8.2, -395, -266),
    45.0: (10.3, -560, -391),
    60.0: (13.2, -686, -508),
}


def cues(head: HrirSet, azimuth_deg: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    left, right = head.at(azimuth_deg).unbind(1)
    return ild_db(left, right), low_frequency_itd_us(left, right, head.sample_rate)


def test_kemar_cues_every_fifteen_degrees() -> None:
    head = kemar(16000)
    for azimuth, (level, delay, lag) in MEASURED.items():
        for side in (1, -1):
            left, right = head.at(side * azimuth).unbind(1)
            assert ild_db(left, right).item() == pytest.approx(side * level, abs=0.1)
            itd = low_frequency_itd_us(left, right, 16000).item()
            assert itd == pytest.approx(side * delay, abs=4)
            assert lag_us(left, right, 16000).item() == pytest.approx(side * lag, abs=8)


def test_responses_used_at_the_wrong_rate_are_noticed() -> None:
    # The published code plays 44.1 kHz responses at 16 kHz: 2.76 times the delay, beyond any head.
    wrong = replace(kemar(44100), sample_rate=16000)
    left, right = wrong.at(30.0).unbind(1)
    assert lag_us(left, right, 16000).item() < -700
    assert abs(lag_us(*kemar(16000).at(30.0).unbind(1), 16000).item()) < 300


@pytest.mark.parametrize("rate", [16000, 48000])
def test_resampling_keeps_gains_and_delays(rate: int) -> None:
    head = spherical_head(44100)
    other = head.resampled(rate)
    hz = torch.tensor([100.0, 500.0, 1000.0, 3000.0, 6000.0])
    spectra = []
    for some in (head, other):
        n = torch.arange(some.taps) / some.sample_rate
        turn = torch.exp(-2j * torch.pi * hz[:, None] * n)
        spectra.append(some.at(40.0).to(torch.complex64)[0] @ turn.T)
    assert torch.allclose(spectra[0], spectra[1], atol=5e-3)


def test_kemar_is_a_mirror_image_of_itself() -> None:
    head = kemar(16000)
    azimuth = torch.linspace(-180, 180, 61)
    height = torch.linspace(-40, 80, 61)
    mirrored = head.at(-azimuth, height).flip(1)
    assert (head.at(azimuth, height) - mirrored).abs().max() < 1e-6


def test_between_directions_everything_goes_smoothly() -> None:
    # Thinned out to 15 degrees, the head is still itself in between, and nothing jumps.
    head = kemar(16000)
    flat = head.elevation_deg.abs() < 0.1
    every = (head.azimuth_deg % 15 < 0.1) | (head.azimuth_deg % 15 > 14.9)
    coarse = replace(
        head, responses=head.responses[flat & every], directions=head.directions[flat & every]
    )
    assert len(coarse.directions) == 24
    fine = np.arange(-90.0, 91.0, 5.0)
    for made, known, allowed in zip(
        cues(coarse, fine.tolist()), cues(head, fine.tolist()), (1.5, 30.0), strict=True
    ):
        assert (made - known).abs().max() < allowed
    path = coarse.at(np.linspace(-90, 90, 721))
    steps = (path[1:] - path[:-1]).square().sum(dim=(1, 2)).sqrt()
    assert steps.max() < 0.06 * path.square().sum(dim=(1, 2)).sqrt().mean()
    energy = path.square().sum(dim=2)
    assert (10 * torch.log10(energy[1:] / energy[:-1])).abs().max() < 0.15


def test_measured_directions_come_out_as_measured() -> None:
    head = spherical_head(16000)
    chosen = torch.arange(0, len(head.directions), 37)
    azimuth, elevation = head.azimuth_deg[chosen], head.elevation_deg[chosen]
    assert (head.at(azimuth, elevation) - head.responses[chosen]).abs().max() < 1e-5
    near = head.nearest(azimuth + 1.0, (elevation - 2.0).clamp(min=-89))
    distance = (near - head.responses[chosen]).abs().amax(dim=(1, 2))
    assert (distance[elevation.abs() < 80] == 0).all()


@pytest.mark.parametrize(
    "points",
    [
        [(0, 0), (90, 0), (180, 0), (-90, 0)],  # a ring: what is above sounds like its mean
        [(-30, 0), (0, 0), (30, 0), (0, 40)],  # the front alone
        [(90, 0), (-90, 0)],
        [(20, 10)],
    ],
)
def test_few_directions(points: list[tuple[float, float]]) -> None:
    known = directions_of([p[0] for p in points], [p[1] for p in points])
    interpolator = Interpolator(known)
    anywhere = directions_of(np.linspace(-180, 180, 50), np.linspace(-90, 90, 50))
    index, weight = interpolator.weights(np.concatenate([known, anywhere]))
    assert (weight >= 0).all() and weight.sum(axis=1) == pytest.approx(1)
    assert index.max() < len(known) + len(interpolator.added)
    for row in range(len(known)):
        assert weight[row][index[row] == row].sum() == pytest.approx(1, abs=1e-9)


def test_arrivals_follow_a_shift_by_a_fraction_of_a_sample() -> None:
    head = spherical_head(48000).at(70.0)[0]
    turn = torch.fft.rfftfreq(1024) * 2 * torch.pi
    shifted = torch.fft.irfft(torch.fft.rfft(head, 1024) * torch.exp(-1j * turn * 7.3), 1024)
    moved = arrivals(shifted, 48000) - arrivals(head, 48000)
    assert moved.tolist() == pytest.approx([7.3, 7.3], abs=0.05)
    assert arrivals(torch.zeros(2, 100), 48000).tolist() == [0, 0]


def test_alignment_keeps_the_ears_together() -> None:
    head = spherical_head(16000)
    late = replace(head, responses=torch.nn.functional.pad(head.responses, (300, 0)))
    aligned = late.aligned()
    assert onsets(aligned.responses).min() == round(0.00075 * 16000)
    for made, known in zip(cues(aligned, [50.0]), cues(late, [50.0]), strict=True):
        assert made.item() == pytest.approx(known.item(), rel=2e-3)


def test_sphere_at_low_and_high_frequencies() -> None:
    angle = np.radians([0.0, 30.0, 60.0, 90.0])
    # Kuhn: three halves of the way at low frequencies, for each ear.
    low = sphere_spectrum(np.cos(angle), np.array([50.0]))[:, 0]
    lead = np.angle(low) / (2 * np.pi * 50)
    wanted = 1.5 * RADIUS_M / SPEED_OF_SOUND * np.cos(angle)
    assert lead == pytest.approx(wanted, abs=8e-6)
    # Pressure doubles where the sound meets the sphere head on.
    assert abs(sphere_spectrum(np.array([1.0]), np.array([15000.0]))[0, 0]) == pytest.approx(
        2, 0.03
    )
    assert abs(low) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("radius", [0.075, 0.0875, 0.1])
def test_sphere_delays_between_the_ears(radius: float) -> None:
    head = spherical_head(48000, radius)
    ways = radius / SPEED_OF_SOUND * 1e6
    for azimuth in (20.0, 45.0, 70.0):
        side = math.radians(azimuth)
        left, right = head.at(azimuth).unbind(1)
        low = low_frequency_itd_us(left, right, 48000).item()
        assert low == pytest.approx(-3 * ways * math.sin(side), rel=0.06)
        # The first arrival goes around the head: Woodworth.
        lag = lag_us(left, right, 48000).item()
        assert lag == pytest.approx(-ways * (side + math.sin(side)), rel=0.12)


def test_sphere_shadow() -> None:
    head = spherical_head(16000)
    level, delay = cues(head, list(AZIMUTHS))
    assert level[0].abs() < 1e-5 and delay[0].abs() < 1e-3
    assert (level.diff() > 1).all() and (delay.diff() < -50).all()
    mirrored = head.at([-a for a in AZIMUTHS], 20.0).flip(1)
    assert (head.at(list(AZIMUTHS), 20.0) - mirrored).abs().max() < 1e-6
    # The shadow grows with frequency.
    spectrum = torch.fft.rfft(head.at(60.0)[0], 512).abs()
    ratio = 20 * torch.log10(spectrum[0] / spectrum[1])
    at = [int(hz * 512 / 16000) for hz in (250, 1000, 5000)]
    assert ratio[at[0]] < 2 < 4 < ratio[at[1]] < ratio[at[2]]


def test_level_is_that_of_the_sound() -> None:
    for head in (spherical_head(16000), spherical_head(48000, 0.09)):
        energy = head.levelled().at(0.0).square().sum(dim=2)
        assert energy.mean().item() == pytest.approx(1, abs=1e-5)
