"""Signs of speech and music on made sounds."""

from __future__ import annotations

import math

import pytest
import torch

from seehear.metrics.unwanted import pitched_share, syllabic_share, unwanted

RATE = 16000
TIME = torch.arange(4 * RATE) / RATE


def noise(seed: int = 0) -> torch.Tensor:
    return torch.randn(len(TIME), generator=torch.Generator().manual_seed(seed))


def test_a_steady_tone_is_pitched_and_noise_is_not() -> None:
    tone = sum(torch.sin(2 * math.pi * 220 * k * TIME) / k for k in range(1, 6))
    assert isinstance(tone, torch.Tensor)
    assert pitched_share(tone, RATE) > 0.95
    assert pitched_share(noise(), RATE) < 0.05
    glide = torch.sin(2 * math.pi * (200 * TIME + 400 * TIME**2))
    assert pitched_share(glide, RATE) < pitched_share(tone, RATE)


@pytest.mark.parametrize(("rate_hz", "many"), [(4.5, True), (0.8, False), (20.0, False)])
def test_only_modulation_at_the_rate_of_syllables_counts(rate_hz: float, many: bool) -> None:
    wave = noise() * (1 + torch.sin(2 * math.pi * rate_hz * TIME))
    wave = wave + 0.0
    share = syllabic_share(wave, RATE)
    # White noise has 39 % of its energy in the band of speech.
    assert (share > 0.25) is many


def test_silence_has_neither_and_level_does_not_matter() -> None:
    assert unwanted(torch.zeros(RATE), RATE) == (0.0, 0.0)
    wave = noise(1) * (1 + torch.sin(2 * math.pi * 5 * TIME))
    loud, soft = unwanted(wave, RATE), unwanted(0.01 * wave, RATE)
    assert soft.syllabic == pytest.approx(loud.syllabic, rel=1e-3)
    assert soft.pitched == pytest.approx(loud.pitched, abs=1e-3)
