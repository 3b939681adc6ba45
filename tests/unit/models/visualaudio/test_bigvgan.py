"""BigVGAN: published sizes, exact lengths, and weight norm that changes nothing."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from seehear.errors import ConfigError, ModelError
from seehear.models.visualaudio.antialias import AntiAliased, Snake
from seehear.models.visualaudio.bigvgan import (
    RELEASED,
    BigVGAN,
    BigVGANConfig,
    released,
    tiny_bigvgan,
    va320,
    va320_121m,
    va320_k16,
    with_weight_norm,
    without_weight_norm,
)
from seehear.models.visualaudio.wave_critics import (
    WaveCritics,
    critic_loss,
    fooling_loss,
    matching_loss,
)
from seehear.tasks.generate.import_bigvgan import import_bigvgan


def count(config: BigVGANConfig) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in BigVGAN(config).parameters())


def test_published_sizes() -> None:
    assert count(va320()) == 113_379_121
    assert count(va320_k16()) == 121_636_657
    assert count(va320_121m()) == 122_983_201
    assert count(released("bigvgan_22khz_80band")) == 112_199_473
    assert count(released("bigvgan_v2_44khz_128band_512x")) == 122_152_752
    assert count(released("bigvgan_v2_44khz_128band_256x")) == 112_715_568
    with torch.device("meta"):
        critics = WaveCritics()
    assert sum(p.numel() for p in critics.periods.parameters()) == 41_092_165
    assert sum(p.numel() for p in critics.resolutions.parameters()) == 280_419


@pytest.mark.parametrize("kernel", [9, 16])
def test_every_column_becomes_a_hop(kernel: int) -> None:
    config = BigVGANConfig(
        kernels=(kernel, 8, 4, 4, 4, 4), channels=64, block_kernels=(3,), dilations=(1,)
    )
    assert BigVGAN(config).eval()(torch.zeros(1, 80, 7)).shape == (1, 1, 7 * 320)


def test_weight_norm_comes_and_goes() -> None:
    model, mel = tiny_bigvgan().eval(), torch.randn(1, 80, 5)
    before, names = model(mel), set(model.state_dict())
    with_weight_norm(model)
    assert set(model.state_dict()) != names and torch.allclose(model(mel), before, atol=1e-6)
    without_weight_norm(model)
    assert set(model.state_dict()) == names and torch.allclose(model(mel), before, atol=1e-6)


def test_activation_keeps_length_and_constants() -> None:
    keep = AntiAliased(nn.Identity())
    assert torch.allclose(keep(torch.full((1, 2, 50), 0.7)), torch.full((1, 2, 50), 0.7), atol=1e-4)
    x = torch.linspace(-2, 2, 31)[None, None]
    assert torch.allclose(Snake(1, True, True)(x), x + x.sin().square(), atol=1e-6)
    assert AntiAliased(Snake(3, True, True))(torch.randn(2, 3, 37)).shape == (2, 3, 37)


def test_losses_know_real_from_made() -> None:
    torch.manual_seed(0)
    critics, sound = WaveCritics().requires_grad_(False), 0.1 * torch.randn(1, 1, 4000)
    same = critics(sound)
    assert len(same.scores) == 8 and float(matching_loss(same, same)) == 0
    other = critics(sound + 0.1 * torch.randn_like(sound))
    assert float(matching_loss(same, other)) > 0
    perfect = same._replace(scores=[torch.ones(1, 3)]), same._replace(scores=[torch.zeros(1, 3)])
    assert float(critic_loss(*perfect)) == 0 and float(fooling_loss(perfect[0])) == 0
    assert float(fooling_loss(perfect[1])) == 1


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="samples a column"):
        BigVGANConfig(rates=(4, 4, 2, 2, 2, 2), kernels=(8, 8, 4, 4, 4, 4))
    with pytest.raises(ConfigError, match="multiple of 64"):
        BigVGANConfig(channels=100)
    with pytest.raises(ConfigError, match="no release"):
        released("bigvgan_v3")
    assert all(released(name).mel.hop_length in (256, 512) for name in RELEASED)


def test_release_without_settings_is_refused(tmp_path: Path) -> None:
    torch.save({"generator": {}}, tmp_path / "g.pt")
    with pytest.raises(ModelError, match=r"config\.json beside"):
        import_bigvgan(tmp_path / "g.pt", tmp_path / "out")
    (tmp_path / "config.json").write_text(json.dumps({"num_mels": 80}))
    with pytest.raises(ModelError, match="does not describe"):
        import_bigvgan(tmp_path / "g.pt", tmp_path / "out")
    assert not (tmp_path / "out").exists()
