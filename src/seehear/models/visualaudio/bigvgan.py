"""BigVGAN: a mel spectrogram in, a waveform out.

Transposed convolutions raise the rate stage by stage; after each, residual blocks of dilated
convolutions with anti-aliased periodic activations are averaged. Source: Lee et al. 2023, with the
settings of NVIDIA's releases and of VisualAudio's supplement (rates 5, 4, 2, 2, 2, 2; hop 320).

Deviation: convolutions carry plain weights; weight norm is put on for training and folded in afterwards
(`with_weight_norm`, `without_weight_norm`), which leaves the function as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from seehear.dsp.mel import MelConfig
from seehear.errors import ConfigError
from seehear.models.visualaudio.antialias import AntiAliased, Snake

EDGE_KERNEL = 7
ACTIVATION_REACH = 6
"""Samples on each side that an anti-aliased activation looks at, at least."""


@dataclass(frozen=True)
class BigVGANConfig:
    """Shape of the generator; defaults: VisualAudio's as printed (`va320`).

    Args:
        mel: what its spectrograms are.
        rates: upsampling of the stages; their product is the hop length.
        kernels: of the transposed convolutions.
        channels: after the first convolution; halved by every stage.
        block_kernels: of the residual blocks of a stage.
        dilations: inside each block.
        block: 1 = two convolutions per dilation, 2 = one.
        activation: `snakebeta` or `snake`.
        log_scale: whether the activations' numbers are stored as logarithms.
        tanh: whether the end is a tanh; else it is clipped to -1..1.
        last_bias: whether the last convolution has a bias.

    Raises:
        ConfigError: stages, kernels and hop do not fit together.
    """

    mel: MelConfig = field(default_factory=MelConfig)
    rates: tuple[int, ...] = (5, 4, 2, 2, 2, 2)
    kernels: tuple[int, ...] = (9, 8, 4, 4, 4, 4)
    channels: int = 1536
    block_kernels: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)
    block: Literal[1, 2] = 1
    activation: Literal["snakebeta", "snake"] = "snakebeta"
    log_scale: bool = True
    tanh: bool = True
    last_bias: bool = True

    def __post_init__(self) -> None:
        if len(self.rates) != len(self.kernels):
            raise ConfigError(
                f"every stage needs a rate and a kernel; got {self.rates} and {self.kernels}"
            )
        if prod(self.rates) != self.mel.hop_length:
            raise ConfigError(
                f"the rates {self.rates} make {prod(self.rates)} samples a column, "
                f"the spectrogram has {self.mel.hop_length}"
            )
        if any(kernel < rate for kernel, rate in zip(self.kernels, self.rates, strict=True)):
            raise ConfigError(f"kernels {self.kernels} must not be smaller than rates {self.rates}")
        if self.channels % 2 ** len(self.rates):
            raise ConfigError(
                f"channels must be a multiple of {2 ** len(self.rates)}, not {self.channels}"
            )

    @property
    def context(self) -> int:
        """Mel columns on each side that a sample depends on, rounded up."""
        reach, rate = float(EDGE_KERNEL // 2), 1
        for step, kernel in zip(self.rates, self.kernels, strict=True):
            reach += (kernel // step + 1) / rate
            rate *= step
            wide = max(self.block_kernels) // 2
            convs = sum(wide * (d + (1 if self.block == 1 else 0)) for d in self.dilations)
            activations = len(self.dilations) * (2 if self.block == 1 else 1)
            reach += (convs + activations * ACTIVATION_REACH) / rate
        return int(reach + (EDGE_KERNEL // 2 + ACTIVATION_REACH) / rate) + 1


class BigVGAN(nn.Module):
    """The generator.

    Args:
        config: shape.
    """

    def __init__(self, config: BigVGANConfig) -> None:
        super().__init__()
        self.config = config
        width = config.channels
        self.entry = nn.Conv1d(config.mel.num_mels, width, EDGE_KERNEL, padding=3)
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.rates, config.kernels, strict=True):
            self.ups.append(
                nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2)
            )
            width //= 2
            self.blocks.extend(ResidualBlock(width, k, config) for k in config.block_kernels)
        self.last_activation = AntiAliased(_activation(width, config))
        self.exit = nn.Conv1d(width, 1, EDGE_KERNEL, padding=3, bias=config.last_bias)
        self.apply(_start_small)

    def forward(self, mel: Tensor) -> Tensor:
        """Spectrogram to sound.

        Args:
            mel: [B, num_mels, N], as `dsp.mel.log_mel` with the configuration's front end.

        Returns:
            [B, 1, N * hop_length] within -1..1.
        """
        x = self.entry(mel)
        branches = len(self.config.block_kernels)
        for stage, (up, rate) in enumerate(zip(self.ups, self.config.rates, strict=True)):
            # A kernel that is too long for its rate makes a sample more than it should.
            x = up(x)[..., : x.shape[-1] * rate]
            blocks = self.blocks[branches * stage : branches * (stage + 1)]
            x = torch.stack([block(x) for block in blocks]).mean(dim=0)
        wave = self.exit(self.last_activation(x))
        return wave.tanh() if self.config.tanh else wave.clamp(-1.0, 1.0)


class ResidualBlock(nn.Module):
    """Dilated convolutions behind periodic activations, [B, C, T] -> [B, C, T].

    Args:
        channels: C.
        kernel: odd.
        config: dilations, kind of block and activation.
    """

    def __init__(self, channels: int, kernel: int, config: BigVGANConfig) -> None:
        super().__init__()
        self.spread = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=d * (kernel - 1) // 2)
            for d in config.dilations
        )
        close = len(config.dilations) if config.block == 1 else 0
        self.close = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in range(close)
        )
        self.activations = nn.ModuleList(
            AntiAliased(_activation(channels, config)) for _ in range(len(self.spread) + close)
        )

    def forward(self, x: Tensor) -> Tensor:
        steps = 2 if len(self.close) else 1
        for index, spread in enumerate(self.spread):
            y = spread(self.activations[steps * index](x))
            if len(self.close):
                y = self.close[index](self.activations[steps * index + 1](y))
            x = x + y
        return x


def with_weight_norm(model: nn.Module) -> nn.Module:
    """Put weight norm (over the first axis) on every convolution, for training; same function."""
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d)):
            parametrizations.weight_norm(module)
    return model


def without_weight_norm(model: nn.Module) -> nn.Module:
    """Fold weight norm into plain weights."""
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    return model


def _activation(channels: int, config: BigVGANConfig) -> Snake:
    return Snake(channels, config.activation == "snakebeta", config.log_scale)


def _start_small(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)):
        nn.init.normal_(module.weight, 0.0, 0.01)


def va320() -> BigVGANConfig:
    """VisualAudio's vocoder as printed: 113,379,121 parameters."""
    return BigVGANConfig()


def va320_k16() -> BigVGANConfig:
    """The same with a first kernel of 16: 121,636,657 parameters, the published total."""
    return replace(va320(), kernels=(16, 8, 4, 4, 4, 4))


def va320_121m() -> BigVGANConfig:
    """Printed rates and kernels, and within 3 % of the published total: 122,983,201 parameters."""
    return replace(va320(), channels=1600)


def released(name: str) -> BigVGANConfig:
    """Settings of NVIDIA's released generators.

    Args:
        name: as released, for instance `bigvgan_v2_44khz_128band_512x`.

    Raises:
        ConfigError: no such release; the message lists the known ones.
    """
    if name not in RELEASED:
        raise ConfigError(f"no release is called {name!r}; known: {', '.join(RELEASED)}")
    rate, n_fft, hop, mels, highest, is_new = RELEASED[name]
    mel = MelConfig(rate, n_fft, hop, n_fft, mels, 0.0, highest, "ln")
    rates, kernels = ((8, 4, 2, 2, 2, 2), (16, 8, 4, 4, 4, 4))
    if hop == 256:
        rates, kernels = ((4, 4, 2, 2, 2, 2), (8, 8, 4, 4, 4, 4))
    return BigVGANConfig(mel, rates, kernels, tanh=not is_new, last_bias=not is_new)


RELEASED: dict[str, tuple[int, int, int, int, float, bool]] = {
    "bigvgan_22khz_80band": (22050, 1024, 256, 80, 8000.0, False),
    "bigvgan_v2_22khz_80band_256x": (22050, 1024, 256, 80, 0.0, True),
    "bigvgan_v2_22khz_80band_fmax8k_256x": (22050, 1024, 256, 80, 8000.0, True),
    "bigvgan_v2_24khz_100band_256x": (24000, 1024, 256, 100, 0.0, True),
    "bigvgan_v2_44khz_128band_256x": (44100, 1024, 256, 128, 0.0, True),
    "bigvgan_v2_44khz_128band_512x": (44100, 2048, 512, 128, 0.0, True),
}
"""Name -> sample rate, n_fft, hop, mel bands, highest frequency (0 = half the rate), version 2."""


def tiny_bigvgan() -> BigVGAN:
    """Small seeded generator for tests, at VisualAudio's hop."""
    config = BigVGANConfig(channels=64, block_kernels=(3,), dilations=(1, 3))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BigVGAN(config)
