"""Two ears: masks, measures, and sources that move."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from seehear.dsp.binaural import (
    LIMIT,
    MovingSources,
    difference_masks,
    ild_db,
    low_frequency_itd_us,
)
from seehear.dsp.convolve import convolve
from seehear.dsp.hrir import HrirSet, spherical_head
from tests.unit.dsp.heads import kemar

RATE = 16000


@pytest.fixture(scope="module")
def sphere() -> HrirSet:
    return spherical_head(RATE).aligned().levelled()


def ears_of_mask(mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What both ears get of a unit pulse in the middle of the transform."""
    n_fft = 2 * (mask.shape[-1] - 1)
    turn = (-1.0) ** torch.arange(mask.shape[-1])
    return torch.fft.irfft((1 + mask) / 2 * turn, n_fft), torch.fft.irfft(
        (1 - mask) / 2 * turn, n_fft
    )


def test_mask_gives_the_ears_of_the_head(sphere: HrirSet) -> None:
    azimuth = [-40.0, -10.0, 0.0, 10.0, 40.0]
    mask = difference_masks(sphere, azimuth, 512).to(torch.complex128)
    spectra = torch.fft.rfft(sphere.at(azimuth).double(), 512)
    free = (mask.abs() < 0.99 * LIMIT) & (torch.arange(257) * RATE / 512 > 160)
    assert free.double().mean() > 0.5
    wanted = torch.log(spectra[:, 0] / spectra[:, 1])
    made = torch.log((1 + mask) / (1 - mask))
    assert (made - wanted)[free].abs().max() < 1e-4


def test_mask_is_limited_and_mirrored(sphere: HrirSet) -> None:
    azimuth = torch.linspace(-85, 85, 35)
    for n_fft in (64, 512, 2048):
        mask = difference_masks(sphere, azimuth, n_fft)
        assert mask.shape == (35, n_fft // 2 + 1) and mask.dtype == torch.complex64
        assert torch.isfinite(mask.abs()).all() and mask.abs().max() <= LIMIT + 1e-5
        assert (mask + mask.flip(0)).abs().max() < 1e-3
        assert mask[17].abs().max() < 1e-5 and mask[:, 0].abs().max() < 1e-5
    assert difference_masks(sphere, 60.0, 512, limit=0.5).abs().max() <= 0.5 + 1e-6


def test_mask_keeps_level_and_delay_cues() -> None:
    for head in (spherical_head(RATE), kemar(RATE)):
        for azimuth in (15.0, 30.0, 60.0):
            left, right = ears_of_mask(difference_masks(head, azimuth, 1024)[0])
            direct = head.at(azimuth)[0]
            wanted = low_frequency_itd_us(direct[0], direct[1], RATE).item()
            made = low_frequency_itd_us(left, right, RATE).item()
            assert made == pytest.approx(wanted, abs=25)
            assert ild_db(left, right).item() == pytest.approx(ild_db(*direct).item(), abs=2.5)


def test_mask_of_ears_in_opposite_phase() -> None:
    # Left + right = 0: nothing to multiply with. No infinity, no NaN.
    pulse = torch.zeros(2, 2, 32)
    pulse[0, 0, 3], pulse[0, 1, 3] = 1, -1
    pulse[1, 0, 3], pulse[1, 1, 3] = 1, 0
    head = HrirSet(pulse, torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]).double(), RATE, "odd")
    mask = difference_masks(head, [0.0, 90.0], 64)
    assert torch.isfinite(mask.abs()).all() and mask.abs().max() <= LIMIT
    assert mask[1, 5:].real.min() == pytest.approx(1, abs=1e-3)  # the left ear alone


def test_measures_on_known_ears() -> None:
    sound = torch.randn(1, RATE)
    delay = 5
    left = sound[..., delay:]
    right = 0.5 * sound[..., :-delay]  # the right ear hears the same later
    assert ild_db(left, right).item() == pytest.approx(20 * math.log10(2), abs=0.05)
    itd = low_frequency_itd_us(left, right, RATE)
    assert itd.shape == (1,) and itd.item() == pytest.approx(-delay / RATE * 1e6, abs=3)
    assert low_frequency_itd_us(right, left, RATE).item() == pytest.approx(-itd.item(), abs=1e-6)


def test_measures_of_silence() -> None:
    silent, loud = torch.zeros(2, 4000), torch.ones(2, 4000)
    assert ild_db(silent, silent).tolist() == [0, 0]
    assert ild_db(loud, silent).tolist() == pytest.approx([100, 100])
    assert low_frequency_itd_us(silent, silent, RATE).tolist() == [0, 0]


def render(
    moving: MovingSources, sound: torch.Tensor, sizes: list[int], azimuth: object
) -> torch.Tensor:
    made, start = [], 0
    for size in sizes:
        made.append(moving.push(sound[:, start : start + size], azimuth, [0.0, 10.0], [1.0, 2.0]))  # type: ignore[arg-type]
        start += size
    return torch.cat([*made, moving.finish()], dim=1)


def test_resting_sources_are_a_convolution_whatever_the_blocks(sphere: HrirSet) -> None:
    sound = torch.randn(2, 5000)
    responses = sphere.at([30.0, -60.0], [0.0, 10.0])
    wanted = (convolve(sound[:, None], responses) * torch.tensor([1.0, 0.5])[:, None, None]).sum(0)
    for sizes in ([5000], [1, 17, 982, 4000], [500] * 10):
        made = render(MovingSources(sphere, 2), sound, sizes, [30.0, -60.0])
        assert made.shape == wanted.shape
        assert (made - wanted).abs().max() < 1e-5


def test_moving_tone_has_no_clicks(sphere: HrirSet) -> None:
    t = torch.arange(2 * RATE).double() / RATE
    tone = torch.sin(2 * torch.pi * 500 * t).float()[None]
    for block in (RATE // 100, RATE // 4):
        moving = MovingSources(sphere, 1)
        moving.place(-80.0)
        path = np.linspace(-80, 80, 2 * RATE // block + 1)[1:]
        parts = torch.split(tone, block, dim=1)
        made = torch.cat([moving.push(p, [a]) for p, a in zip(parts, path, strict=True)], dim=1)
        spectrum = torch.stft(
            made, 1024, 256, window=torch.hann_window(1024), center=False, return_complex=True
        )
        power = spectrum.abs().square()[..., 4:]
        elsewhere = torch.arange(513) * RATE / 1024 > 800
        assert 10 * torch.log10(power[:, elsewhere].sum(1) / power.sum(1)).max() < -75
        first, last = made[:, 2000:4000], made[:, -4000:]
        assert ild_db(first[0], first[1]) < -1 and ild_db(last[0], last[1]) > 1


def test_a_jump_is_a_short_way_without_a_click(sphere: HrirSet) -> None:
    tone = torch.sin(2 * torch.pi * 400 * torch.arange(4000) / RATE)[None]
    moving = MovingSources(sphere, 1)
    made = torch.cat([moving.push(tone[:, :2000], -90.0), moving.push(tone[:, 2000:], 90.0)], dim=1)
    bend = (made[:, 2:] - 2 * made[:, 1:-1] + made[:, :-2]).abs()
    assert bend[:, 100:].max() < 1.2 * (2 * math.pi * 400 / RATE) ** 2 * made.abs().max()


def test_places_within_a_block_are_the_same_as_short_blocks(sphere: HrirSet) -> None:
    sound = torch.randn(1, 4000)
    path = torch.tensor([[0.0, 20.0, 40.0, 20.0]])
    whole = MovingSources(sphere, 1).push(sound, path, 5.0, torch.tensor([[1.0, 2.0, 1.0, 1.0]]))
    short = MovingSources(sphere, 1)
    pieces = [
        short.push(sound[:, n * 1000 : (n + 1) * 1000], path[:, n], 5.0, [[1.0, 2.0, 1.0, 1.0][n]])
        for n in range(4)
    ]
    assert (whole - torch.cat(pieces, dim=1)).abs().max() < 1e-5


def test_distance_and_silence(sphere: HrirSet) -> None:
    sound = torch.randn(1, 1000)
    near, far, nearest, nearer = (
        MovingSources(sphere, 1).push(sound, 20.0, 0.0, d).square().sum()
        for d in (1.0, 4.0, 0.25, 0.01)
    )
    assert near / far == pytest.approx(16, rel=1e-4)
    assert nearest == pytest.approx(nearer)
    assert not MovingSources(sphere, 1).push(torch.zeros(1, 100), 20.0).any()
    assert MovingSources(sphere, 1).push(torch.zeros(1, 0), 20.0).shape == (2, 0)


def test_opposite_places_are_connected(sphere: HrirSet) -> None:
    moving = MovingSources(sphere, 2)
    moving.place([0.0, 90.0])
    made = moving.push(torch.randn(2, 4000), [180.0, -90.0])
    assert torch.isfinite(made).all() and made.square().mean() > 0.1
