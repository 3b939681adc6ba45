"""MelWave: a small vocoder that draws a spectrum column by column and inverts it once.

Blocks of depthwise and pointwise convolutions work at the spectrogram's own rate; the last layer says, for
every bin of a transform, how far its magnitude is from what the mel bands say and which phase it has. Nothing
runs at the sample rate but one inverse transform, which is why it is quick on a CPU.

Source: the idea of Vocos (Siuzdak 2023: ConvNeXt blocks, magnitude and phase, inverse transform).

Deviations: magnitudes begin with what the mel bands say, spread over bins; a column is centred where the mel
front end centres it (half a hop into its samples), so that N columns are exactly N hops.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.mel import MelConfig, mel_filterbank
from seehear.dsp.stft import istft
from seehear.errors import ConfigError

SMALLEST = 1e-6
"""Magnitudes below this count as this before the logarithm."""
LOUDEST = 12.0
"""Natural logarithm of the largest magnitude."""
MIDDLE, SPREAD = -2.0, 2.0
"""Of log10 mel magnitudes, about; the network sees them shifted and scaled by these."""
LAYER_SCALE = 0.1


@dataclass(frozen=True)
class MelWaveConfig:
    """Shape of the vocoder; defaults: the shipped starter's.

    Args:
        mel: what its spectrograms are.
        width: channels.
        blocks: residual blocks.
        expansion: inner width of a block over its width.
        kernel: of the depthwise convolutions, odd.
        n_fft: of the inverse transform, samples; Hann windows at the spectrogram's hop.

    Raises:
        ConfigError: an even kernel; windows that do not overlap enough; a spectrogram in other units.
    """

    mel: MelConfig = field(default_factory=MelConfig)
    width: int = 256
    blocks: int = 8
    expansion: int = 4
    kernel: int = 7
    n_fft: int = 1280

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise ConfigError(f"kernel must be odd, not {self.kernel}")
        if self.n_fft < 2 * self.mel.hop_length or self.mel.hop_length % 2:
            raise ConfigError(
                f"windows of {self.n_fft} samples at a hop of {self.mel.hop_length} cannot be inverted; "
                f"n_fft must be two hops or more, and the hop even"
            )
        if self.mel.log != "log10":
            raise ConfigError(f"MelWave reads log10 spectrograms, not {self.mel.log}")

    @property
    def context(self) -> int:
        """Mel columns on each side that a sample depends on."""
        overlap = -(-(self.n_fft + self.mel.hop_length) // (2 * self.mel.hop_length))
        return (self.blocks + 1) * (self.kernel // 2) + overlap


class MelWave(nn.Module):
    """The vocoder.

    Args:
        config: shape.
    """

    spread: Tensor

    def __init__(self, config: MelWaveConfig) -> None:
        super().__init__()
        self.config = config
        width, bins = config.width, config.n_fft // 2 + 1
        self.entry = nn.Conv1d(
            config.mel.num_mels, width, config.kernel, padding=config.kernel // 2
        )
        self.first_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        self.last_norm = nn.LayerNorm(width)
        self.magnitude = nn.Linear(width, bins)
        self.phase = nn.Linear(width, bins)
        nn.init.normal_(self.magnitude.weight, 0.0, 0.01)
        nn.init.zeros_(self.magnitude.bias)
        self.register_buffer("spread", bands_to_bins(config.mel, config.n_fft), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """Spectrogram to sound.

        Args:
            mel: [B, num_mels, N], as `dsp.mel.log_mel` with the configuration's front end.

        Returns:
            [B, N * hop_length].
        """
        hop = self.config.mel.hop_length
        # One column more at either end: the transform's first column is centred on its first sample.
        padded = functional.pad(mel, (1, 1), mode="replicate")
        x = self.entry((padded - MIDDLE) / SPREAD)
        x = self.first_norm(x.transpose(1, 2))  # [B, N + 2, width]
        for block in self.blocks:
            x = block(x)
        x = self.last_norm(x)
        with torch.autocast(x.device.type, enabled=False):
            told = self.magnitude(x.float()).transpose(1, 2)
            angle = self.phase(x.float()).transpose(1, 2)
            heard = torch.pow(10.0, padded.float())
            known = (self.spread @ heard).clamp_min(SMALLEST).log()
            magnitude = (known + told).clamp_max(LOUDEST).exp()
            spectrum = torch.polar(magnitude, angle)
            length = (mel.shape[-1] + 1) * hop
            waveform = istft(spectrum, self.config.n_fft, hop, length=length)
        return waveform[..., hop // 2 : length - hop // 2]


class _Block(nn.Module):
    """Depthwise over time, then two pointwise layers, [B, N, C] -> [B, N, C]."""

    def __init__(self, config: MelWaveConfig) -> None:
        super().__init__()
        width, kernel = config.width, config.kernel
        self.mix = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), LAYER_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.mix(x.transpose(1, 2)).transpose(1, 2))
        y = self.narrow(functional.gelu(self.widen(y)))
        return x + self.scale * y


def bands_to_bins(mel: MelConfig, n_fft: int) -> Tensor:
    """What magnitudes in mel bands say about magnitudes in bins, float32 [n_fft / 2 + 1, num_mels].

    A bin gets the mean of the bands that hear it, by their weight there; bins that no band hears get the
    nearest one. A band's value over the sum of its weights is the mean magnitude within it.

    Args:
        mel: front end.
        n_fft: of the bins, samples; magnitudes grow with it.
    """
    heard = mel_filterbank(
        mel.sample_rate, mel.n_fft, mel.num_mels, mel.lowest_hz, mel.highest_hz
    ).sum(1)
    weights = mel_filterbank(
        mel.sample_rate, n_fft, mel.num_mels, mel.lowest_hz, mel.highest_hz
    ).T.clone()
    total = weights.sum(1)
    known = torch.nonzero(total > 0)[:, 0]
    for silent in torch.nonzero(total == 0)[:, 0].tolist():
        weights[silent] = weights[known[(known - silent).abs().argmin()]]
    weights = weights / weights.sum(1, keepdim=True)
    # A sum over the window's samples: twice the window, twice the magnitude.
    return weights / heard.clamp_min(1e-8) * (n_fft / mel.n_fft)


def tiny_melwave() -> MelWave:
    """Small seeded vocoder for tests."""
    config = MelWaveConfig(width=32, blocks=2, expansion=2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MelWave(config)
