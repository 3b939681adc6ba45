"""The one resampler: tones keep their place, blocks do not matter, lengths are exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seehear.dsp.resample import ResampleStream, resample, resampled_length


@pytest.mark.parametrize(("source", "target"), [(48000, 44100), (44100, 16000), (8000, 44100)])
def test_tone_keeps_its_phase(source: int, target: int) -> None:
    t = torch.arange(source, dtype=torch.float64) / source
    made = resample(torch.sin(2 * torch.pi * 440 * t).float()[None], source, target)[0]
    wanted = torch.sin(2 * torch.pi * 440 * torch.arange(target, dtype=torch.float64) / target)
    inner = slice(target // 20, -target // 20)
    assert (made[inner] - wanted[inner]).abs().max() < 1e-4


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    t = torch.arange(48000, dtype=torch.float64) / 48000
    made = resample(torch.sin(2 * torch.pi * 12000 * t).float()[None], 48000, 16000)[0]
    assert made[1000:-1000].abs().max() < 1e-4


def test_blocks_do_not_matter() -> None:
    x = np.random.default_rng(1).standard_normal((2, 50001)).astype(np.float32)
    whole = resample(torch.from_numpy(x), 48000, 44100).numpy()
    stream = ResampleStream(48000, 44100, 2)
    parts = [stream.push(x[:, i : i + 777]) for i in range(0, x.shape[1], 777)]
    joined = np.concatenate([*parts, stream.finish()], axis=1)
    np.testing.assert_array_equal(joined, whole)
    assert joined.shape[1] == resampled_length(50001, 48000, 44100)


def test_same_rate_is_the_same_sound() -> None:
    x = torch.randn(2, 100)
    assert resample(x, 44100, 44100) is x
