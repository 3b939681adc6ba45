"""What counts as silent, still or apart, on clips made for the purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.errors import UsageError
from seehear.tasks.generate.corpora_options import ClipsOptions
from seehear.tasks.generate.filters import SOUND_RATE, measure, mel_energy, rejected

OPTIONS = ClipsOptions(source=Path("in"), output=Path("out"))
SECONDS = 8.0
HITS = (0.6, 1.5, 1.9, 3.1, 4.6, 5.0, 6.3, 7.1)


def sound(later_s: float = 0.0, gain: float = 0.3) -> torch.Tensor:
    """Knocks."""
    rng = torch.Generator().manual_seed(3)
    wave = torch.zeros(round(SECONDS * SOUND_RATE))
    time = torch.arange(SOUND_RATE // 5) / SOUND_RATE
    for hit in HITS:
        begin = round((hit + later_s) * SOUND_RATE)
        part = wave[begin : begin + len(time)]
        part += (torch.randn(len(time), generator=rng) * torch.exp(-time / 0.04))[: len(part)]
    return gain * wave


def picture(moves: bool = True) -> torch.Tensor:
    """A square that jumps at every knock and comes back in a quarter of a second."""
    frames = np.full((round(SECONDS * 20), 3, 64, 64), 60, np.uint8)
    for number in range(len(frames)):
        since = min((number / 20 - hit for hit in HITS if hit <= number / 20), default=9.0)
        place = 20 + (round(24 * np.exp(-since / 0.1)) if moves else 0)
        frames[number, :, place : place + 12, 20:32] = 220
    return torch.from_numpy(frames)


def test_a_clip_in_step_is_kept() -> None:
    found = measure(sound(), picture(), SECONDS)
    assert rejected(found, OPTIONS) == ""
    assert found.sync > 0.5 and found.sync > found.shifted + 0.2


@pytest.mark.parametrize("later", [-0.55, 1.0, 1.5])
def test_a_shifted_sound_is_found_with_its_shift(later: float) -> None:
    found = measure(sound(later), picture(), SECONDS)
    assert rejected(found, OPTIONS).startswith("apart")
    # The sound would have to come earlier by what it was moved.
    assert found.shift_s == pytest.approx(-later, abs=0.11)
    assert rejected(found, replace(OPTIONS, sync=0.0)) == ""
    assert rejected(found, replace(OPTIONS, no_filters=True)) == ""


def test_steady_noise_over_anything_passes() -> None:
    rng = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.randn(round(SECONDS * SOUND_RATE), generator=rng)
    assert rejected(measure(noise, picture(), SECONDS), OPTIONS) == ""


def test_silence_and_stillness_have_their_reasons() -> None:
    quiet = measure(sound(gain=0.0), picture(), SECONDS)
    assert rejected(quiet, OPTIONS).startswith("silent: -120.0 dBFS")
    hum = 2e-3 * torch.sin(torch.arange(SOUND_RATE * 8) * 2 * np.pi * 50 / SOUND_RATE)
    assert "mel energy" in rejected(measure(hum, picture(), SECONDS), OPTIONS)
    still = measure(sound(), picture(moves=False), SECONDS)
    assert rejected(still, OPTIONS).startswith("still picture") and still.motion == 0
    one = measure(sound(), picture()[:1], SECONDS)
    assert rejected(one, OPTIONS).startswith("still picture")
    short = measure(sound()[:8000], picture()[:10], 0.5)
    assert rejected(short, OPTIONS).startswith("too short: 0.50 s")


def test_mel_energy_is_between_0_and_1() -> None:
    rng = torch.Generator().manual_seed(0)
    assert mel_energy(torch.zeros(16000)) == 0.0
    assert 0.4 < mel_energy(torch.randn(16000, generator=rng)) < 1.0
    assert mel_energy(torch.ones(10)) == 0.0


def test_limits_are_checked() -> None:
    for told in ({"shortest": 20.0}, {"mel_energy": 2.0}, {"silence": 3.0}, {"parts": ()}):
        with pytest.raises(UsageError):
            replace(OPTIONS, **told)
