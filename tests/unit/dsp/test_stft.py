"""The one STFT: against a written-out sum, and back again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seehear.dsp.stft import istft, stft


def test_column_is_the_written_out_sum() -> None:
    x = torch.randn(3000)
    n_fft, hop = 256, 64
    spectrum = stft(x, n_fft, hop)
    n = np.arange(n_fft)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / n_fft)
    column = 20  # centred on sample 20 * hop, far from the edges
    cut = x.numpy()[column * hop - n_fft // 2 : column * hop + n_fft // 2].astype(np.float64)
    bins = np.arange(n_fft // 2 + 1)
    expected = (cut * window) @ np.exp(-2j * np.pi * np.outer(n, bins) / n_fft)
    np.testing.assert_allclose(spectrum[:, column].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("length", [600, 1023, 4096, 5001])
@pytest.mark.parametrize(("n_fft", "hop"), [(512, 128), (1024, 256)])
def test_round_trip_of_any_length(length: int, n_fft: int, hop: int) -> None:
    x = torch.randn(2, 3, length)
    back = istft(stft(x, n_fft, hop), n_fft, hop, length=length)
    assert back.shape == x.shape
    torch.testing.assert_close(back, x, atol=1e-5, rtol=0)


def test_normalised_is_smaller_by_the_root_of_the_length() -> None:
    x = torch.randn(4096)
    ratio = stft(x, 1024, 256).abs() / stft(x, 1024, 256, normalized=True).abs()
    torch.testing.assert_close(ratio, torch.full_like(ratio, 32.0), rtol=1e-3, atol=0)
