"""Low-pass for band matching."""

from __future__ import annotations

import math

import pytest
import torch

from seehear.dsp.filter import low_pass

RATE = 44100


def _level(hz: float, cutoff: float) -> float:
    t = torch.arange(RATE, dtype=torch.float64) / RATE
    tone = torch.sin(2 * math.pi * hz * t)
    filtered = low_pass(tone, RATE, cutoff)[5000:-5000]
    return float(filtered.square().mean().sqrt() * math.sqrt(2))


@pytest.mark.parametrize("cutoff", [5000.0, 8000.0])
def test_response(cutoff: float) -> None:
    assert _level(0.5 * cutoff, cutoff) == pytest.approx(1.0, abs=1e-3)
    assert _level(0.88 * cutoff, cutoff) == pytest.approx(1.0, abs=1e-2)
    assert _level(cutoff, cutoff) == pytest.approx(0.5, abs=1e-2)
    assert _level(1.15 * cutoff, cutoff) < 1e-3


def test_no_delay_linear_and_no_wrap() -> None:
    click = torch.zeros(2, 9001)
    click[0, 4500] = click[1, -1] = 1.0
    out = low_pass(click, RATE, 6000.0)
    assert int(out[0].argmax()) == 4500
    assert torch.allclose(out[0], out[0].flip(0), atol=1e-6)
    assert out[1, :1000].abs().max() < 1e-4
    assert torch.allclose(low_pass(3 * click, RATE, 6000.0), 3 * out, atol=1e-6)


def test_cutoff_above_the_band_changes_nothing() -> None:
    sound = torch.randn(1000)
    assert torch.equal(low_pass(sound, 16000, 9000.0), sound)
