"""Mel front ends: exact lengths, Slaney's scale, and triangles of unit area."""

import pytest
import torch

from seehear.dsp.mel import MelConfig, hz_to_mel, log_mel, mel_filterbank, mel_to_hz
from seehear.errors import InputError


def test_columns_are_exact() -> None:
    assert log_mel(torch.zeros(2, 160000), MelConfig()).shape == (2, 80, 500)
    assert log_mel(torch.zeros(131072), MelConfig(hop_length=256)).shape == (80, 512)


def test_scale() -> None:
    hz = torch.tensor([0.0, 500.0, 1000.0, 6400.0], dtype=torch.float64)
    assert hz_to_mel(hz).tolist() == pytest.approx([0.0, 7.5, 15.0, 42.0])
    assert torch.allclose(mel_to_hz(hz_to_mel(hz)), hz)


def test_triangles_have_unit_area() -> None:
    bank = mel_filterbank(16000, 8192, 40, 0.0, 8000.0)
    assert torch.allclose(bank.sum(1) * 16000 / 8192, torch.ones(40), atol=0.02)
    # A tone excites the band around it most.
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(16000) / 16000)
    mel = log_mel(tone, MelConfig()).mean(1)
    centres = mel_to_hz(torch.linspace(0, float(hz_to_mel(torch.tensor(8000.0))), 82))[1:-1]
    assert abs(float(centres[mel.argmax()]) - 1000) < 40


def test_silence_is_the_floor_and_short_sound_is_refused() -> None:
    assert torch.allclose(log_mel(torch.zeros(3200), MelConfig(floor=1e-3)), torch.tensor(-3.0))
    with pytest.raises(InputError, match="more than 352 samples, not 300"):
        log_mel(torch.zeros(300), MelConfig())
