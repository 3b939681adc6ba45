"""MelWave: exact lengths, limited sight, and magnitudes that begin with what the bands say."""

import pytest
import torch

from seehear.dsp.mel import MelConfig, log_mel, mel_filterbank
from seehear.errors import ConfigError
from seehear.models.visualaudio.mel_critic import MelCritic
from seehear.models.visualaudio.spectral_vocoder import (
    MelWave,
    MelWaveConfig,
    bands_to_bins,
    tiny_melwave,
)


def test_sizes() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in MelCritic().parameters()) == 2_763_585
    model = MelWave(MelWaveConfig())
    assert sum(p.numel() for p in model.parameters()) == 4_701_186


@pytest.mark.parametrize("columns", [1, 7, 50])
def test_every_column_becomes_a_hop(columns: int) -> None:
    assert tiny_melwave()(torch.zeros(2, 80, columns)).shape == (2, 320 * columns)


@pytest.mark.parametrize("blocks", [1, 4])
def test_context_covers_what_a_sample_depends_on(blocks: int) -> None:
    model = MelWave(MelWaveConfig(width=16, blocks=blocks))
    mel = torch.randn(1, 80, 81, requires_grad=True)
    heard = model(mel)[0, 40 * 320 : 41 * 320].square().sum()
    (slope,) = torch.autograd.grad(heard, mel)
    touched = slope[0].abs().sum(0).nonzero()[:, 0]
    reach = max(40 - int(touched.min()), int(touched.max()) - 40)
    assert 0 <= model.config.context - reach <= 1


def test_a_flat_spectrum_is_spread_flat() -> None:
    """Bands of a constant magnitude say this magnitude in every bin, for any transform."""
    mel = MelConfig()
    flat = mel_filterbank(mel.sample_rate, mel.n_fft, mel.num_mels, 0.0, 8000.0).sum(1)
    for n_fft in (1024, 1280):
        bins = bands_to_bins(mel, n_fft) @ flat
        assert torch.allclose(bins, torch.full_like(bins, n_fft / 1024), rtol=1e-4)


def test_untrained_levels_are_about_right() -> None:
    noise = 0.1 * torch.randn(1, 32000, generator=torch.Generator().manual_seed(0))
    front = MelConfig()
    with torch.no_grad():
        made = MelWave(MelWaveConfig(blocks=1))(log_mel(noise, front))
    assert 0.2 < float(made.std() / noise.std()) < 5


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="odd"):
        MelWaveConfig(kernel=4)
    with pytest.raises(ConfigError, match="cannot be inverted"):
        MelWaveConfig(n_fft=512)
    with pytest.raises(ConfigError, match="log10"):
        MelWaveConfig(mel=MelConfig(log="ln"))
