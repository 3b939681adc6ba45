"""The 1-D autoencoder: a log-mel spectrogram becomes a short sequence of 20 numbers, and back.

Mel bins are channels, time is the only axis; it is halved once, so any length works. Source: VisualAudio's
supplement (1-D convolutions, reconstruction + KL + adversarial loss); layers and weights as in
Make-An-Audio 2 and 3 (`autoencoder1d`), whose public configuration has 212,958,212 parameters.

Deviations: odd lengths are padded by one column and cut back (`decode(..., length)`), where the public code
loses the last one; attention is one head through torch's fused kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.mel import MelConfig
from seehear.errors import ConfigError

GROUPS = 32
EPS = 1e-6
LOGVAR_RANGE = (-30.0, 20.0)


@dataclass(frozen=True)
class MelVAEConfig:
    """Shape of the autoencoder; defaults: the public configuration.

    Args:
        mel: what its spectrograms are.
        latent: numbers per latent column.
        width: channels of the first level.
        multipliers: of the width, level by level; time is halved between the first two.
        blocks: residual blocks per level of the encoder; the decoder has one more.
        kernel: of the encoder, and of the decoder's first and last convolution.
        decoder_kernel: of the decoder's residual blocks (the public code configures 5 and uses 3).
        norm: `group`: 32 groups of channels, each over all columns; `column`: all channels, each column by
            itself. With few channels per group the level of a sound is lost in groups.
        attention: whether the middle attends over all columns. Without it and with `column` a column
            depends on `context` neighbours only, and long sounds can be coded in pieces.
        shortcut: a linear map beside either stack of convolutions; it can begin with principal components,
            so that the convolutions learn only what these leave.

    Raises:
        ConfigError: a width that cannot be cut into 32 groups.
    """

    mel: MelConfig = field(default_factory=MelConfig)
    latent: int = 20
    width: int = 384
    multipliers: tuple[int, ...] = (1, 2, 4)
    blocks: int = 2
    kernel: int = 5
    decoder_kernel: int = 3
    norm: Literal["group", "column"] = "group"
    attention: bool = True
    shortcut: bool = False

    def __post_init__(self) -> None:
        if self.width % GROUPS:
            raise ConfigError(f"width must be a multiple of {GROUPS}, not {self.width}")

    @property
    def compression(self) -> int:
        """Mel columns per latent column."""
        return 2

    @property
    def context(self) -> int | None:
        """Latent columns on each side that a decoded column depends on; None = all of them."""
        if self.attention or self.norm != "column":
            return None
        levels = len(self.multipliers) - 1
        wide = 2 * (self.decoder_kernel // 2)
        slow = self.kernel // 2 + wide * (2 + (self.blocks + 1) * levels)
        # After time has grown: one convolution, the last level, the exit.
        quick = 1 + wide * (self.blocks + 1) + self.kernel // 2
        return slow + -(-quick // self.compression) + 1


class Posterior(NamedTuple):
    """Diagonal Gaussian over latents.

    Args:
        mean: [B, latent, N].
        logvar: [B, latent, N], clamped to -30..20.
    """

    mean: Tensor
    logvar: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Mean plus deviation times standard normal noise of the same shape."""
        return self.mean + (0.5 * self.logvar).exp() * noise

    def divergence(self) -> Tensor:
        """KL divergence from the standard normal, summed over channels and columns, [B]."""
        terms = self.mean.square() + self.logvar.exp() - 1.0 - self.logvar
        return 0.5 * terms.sum(dim=(1, 2))


class MelVAE(nn.Module):
    """The autoencoder.

    Args:
        config: shape.
    """

    def __init__(self, config: MelVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = _Encoder(config)
        self.decoder = _Decoder(config)
        self.to_moments = nn.Conv1d(2 * config.latent, 2 * config.latent, 1)
        self.from_latent = nn.Conv1d(config.latent, config.latent, 1)
        self.shortcut = _Shortcut(config) if config.shortcut else None

    def encode(self, mel: Tensor) -> Posterior:
        """Spectrogram to distribution of latents.

        Args:
            mel: [B, num_mels, T] as `dsp.mel.log_mel` makes it; an odd T gets its last column twice.

        Returns:
            Mean and log-variance, [B, latent, ceil(T / 2)] each.
        """
        if mel.shape[-1] % self.config.compression:
            mel = functional.pad(mel, (0, 1), mode="replicate")
        mean, logvar = self.to_moments(self.encoder(mel)).chunk(2, dim=1)
        if self.shortcut is not None:
            mean = mean + self.shortcut.shrink(mel)
        return Posterior(mean, logvar.clamp(*LOGVAR_RANGE))

    def decode(self, latent: Tensor, length: int | None = None) -> Tensor:
        """Latents to spectrogram.

        Args:
            latent: [B, latent, N].
            length: columns to return; default 2 N.

        Returns:
            [B, num_mels, length].
        """
        mel: Tensor = self.decoder(self.from_latent(latent))
        if self.shortcut is not None:
            mel = mel + self.shortcut.grow(latent)
        return mel[..., :length]

    def forward(self, mel: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Posterior]:
        """Reconstruction and posterior; without noise the mean is decoded."""
        posterior = self.encode(mel)
        latent = posterior.mean if noise is None else posterior.sample(noise)
        return self.decode(latent, mel.shape[-1]), posterior


class _Shortcut(nn.Module):
    """Linear maps from pairs of columns to latents and back."""

    def __init__(self, config: MelVAEConfig) -> None:
        super().__init__()
        step = config.compression
        self.shrink = nn.Conv1d(config.mel.num_mels, config.latent, step, stride=step)
        self.grow = nn.ConvTranspose1d(config.latent, config.mel.num_mels, step, stride=step)


class _Encoder(nn.Module):
    def __init__(self, config: MelVAEConfig) -> None:
        super().__init__()
        kernel, width = config.kernel, config.width
        self.entry = _conv(config.mel.num_mels, width, kernel)
        self.levels = nn.ModuleList()
        for multiplier in config.multipliers:
            wider = config.width * multiplier
            steps = [width, *[wider] * (config.blocks - 1)]
            self.levels.append(nn.ModuleList(_Residual(w, wider, kernel, config) for w in steps))
            width = wider
        self.shrink = nn.Conv1d(config.width, config.width, 3, stride=2)
        self.middle = _Middle(width, kernel, config)
        self.norm = _norm(width, config)
        self.exit = _conv(width, 2 * config.latent, kernel)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.entry(mel)
        for index, level in enumerate(self.levels):
            for block in level:  # type: ignore[attr-defined]
                x = block(x)
            if index == 0:
                x = self.shrink(functional.pad(x, (0, 1)))
        made: Tensor = self.exit(functional.silu(self.norm(self.middle(x))))
        return made


class _Decoder(nn.Module):
    def __init__(self, config: MelVAEConfig) -> None:
        super().__init__()
        kernel, inner = config.kernel, config.decoder_kernel
        width = config.width * config.multipliers[-1]
        self.entry = _conv(config.latent, width, kernel)
        self.middle = _Middle(width, inner, config)
        self.levels = nn.ModuleList()
        for multiplier in reversed(config.multipliers):
            narrower = config.width * multiplier
            steps = [width, *[narrower] * config.blocks]
            self.levels.append(nn.ModuleList(_Residual(w, narrower, inner, config) for w in steps))
            width = narrower
        # Time grows before the last level.
        before_last = config.width * config.multipliers[1]
        self.grow = _conv(before_last, before_last, 3)
        self.norm = _norm(width, config)
        self.exit = _conv(width, config.mel.num_mels, kernel)

    def forward(self, latent: Tensor) -> Tensor:
        x = self.middle(self.entry(latent))
        for index, level in enumerate(self.levels):
            if index == len(self.levels) - 1:
                x = self.grow(x.repeat_interleave(2, dim=2))
            for block in level:  # type: ignore[attr-defined]
                x = block(x)
        made: Tensor = self.exit(functional.silu(self.norm(x)))
        return made


class _Middle(nn.Module):
    """Residual block, attention over time, residual block."""

    def __init__(self, width: int, kernel: int, config: MelVAEConfig) -> None:
        super().__init__()
        self.before = _Residual(width, width, kernel, config)
        self.attend = _Attention(width, config) if config.attention else nn.Identity()
        self.after = _Residual(width, width, kernel, config)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.after(self.attend(self.before(x)))
        return made


class _Residual(nn.Module):
    def __init__(self, before: int, after: int, kernel: int, config: MelVAEConfig) -> None:
        super().__init__()
        self.norm1 = _norm(before, config)
        self.conv1 = _conv(before, after, kernel)
        self.norm2 = _norm(after, config)
        self.conv2 = _conv(after, after, kernel)
        self.skip = nn.Conv1d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(functional.silu(self.norm1(x)))
        y = self.conv2(functional.silu(self.norm2(y)))
        made: Tensor = self.skip(x) + y
        return made


class _Attention(nn.Module):
    """One head over all columns, [B, C, N] -> [B, C, N]."""

    def __init__(self, width: int, config: MelVAEConfig) -> None:
        super().__init__()
        self.norm = _norm(width, config)
        self.query, self.key, self.value, self.out = (nn.Conv1d(width, width, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        q, k, v = (part(y).transpose(1, 2) for part in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(q, k, v)  # [B, N, C]
        told: Tensor = self.out(mixed.transpose(1, 2))
        return x + told


class _ColumnNorm(nn.LayerNorm):
    """Layer norm over the channels of every column, [B, C, N] -> [B, C, N]."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


def _norm(width: int, config: MelVAEConfig) -> nn.Module:
    if config.norm == "column":
        return _ColumnNorm(width, EPS)
    return nn.GroupNorm(GROUPS, width, EPS)


def _conv(before: int, after: int, kernel: int) -> nn.Conv1d:
    return nn.Conv1d(before, after, kernel, padding=kernel // 2)


def tiny_vae() -> MelVAE:
    """Small seeded autoencoder for tests."""
    config = MelVAEConfig(width=32, multipliers=(1, 1), blocks=1, kernel=3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MelVAE(config)
