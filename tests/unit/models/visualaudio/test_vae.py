"""The 1-D autoencoder: published size, any length, and a posterior that is one."""

import math

import pytest
import torch

from seehear.errors import ConfigError, ModelError
from seehear.models.visualaudio.vae import MelVAE, MelVAEConfig, Posterior, tiny_vae
from seehear.tasks.generate.import_vae import translate


def test_published_size() -> None:
    with torch.device("meta"):
        model = MelVAE(MelVAEConfig())
    assert sum(p.numel() for p in model.parameters()) == 212_958_212
    assert sum(p.numel() for p in model.encoder.parameters()) == 113_623_336
    assert sum(p.numel() for p in model.decoder.parameters()) == 99_332_816


@pytest.mark.parametrize("columns", [2, 33, 500])
def test_any_length_comes_back(columns: int) -> None:
    model = tiny_vae().eval()
    mel = torch.randn(2, 80, columns)
    made, posterior = model(mel)
    assert made.shape == mel.shape
    assert posterior.mean.shape == (2, 20, math.ceil(columns / 2))


def test_posterior() -> None:
    standard = Posterior(torch.zeros(2, 20, 7), torch.zeros(2, 20, 7))
    assert standard.divergence().tolist() == [0.0, 0.0]
    away = Posterior(torch.ones(1, 20, 7), torch.zeros(1, 20, 7))
    assert float(away.divergence()) == pytest.approx(70.0)
    noise = torch.randn(2, 20, 7)
    assert torch.equal(standard.sample(noise), noise)
    with torch.no_grad():
        model = tiny_vae().eval()
        model.to_moments.bias[20:] += 1000
        assert float(model.encode(torch.zeros(1, 80, 8)).logvar.max()) == 20.0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of 32"):
        MelVAEConfig(width=100)
    with pytest.raises(ModelError, match="no part of the 1-D autoencoder"):
        translate({"encoder.strange.weight": torch.zeros(1)}, "x.ckpt")
