"""Discriminators of waveforms that a vocoder is trained against.

Multi-period: the sound folded by 2, 3, 5, 7, 11 samples (HiFi-GAN, Kong et al. 2020); multi-resolution: the
magnitude of three transforms (UnivNet, BigVGAN). Both give scores and what their layers see, for feature
matching. Plain weights; `bigvgan.with_weight_norm` puts weight norm on for training.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.stft import stft

PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
"""n_fft, hop length, window length."""
PERIOD_WIDTHS = (32, 128, 512, 1024, 1024)
RESOLUTION_WIDTH = 32
SLOPE = 0.1


class Verdict(NamedTuple):
    """What discriminators say.

    Args:
        scores: one tensor [B, N] per discriminator; real sounds are near 1.
        features: per discriminator, what each layer gives.
    """

    scores: list[Tensor]
    features: list[list[Tensor]]


class WaveCritics(nn.Module):
    """All discriminators together: as published 41,092,165 + 280,419 parameters.

    Args:
        periods: whether there are critics of periods; on a CPU they cost more than all else.
        width: channels of the critics of resolutions.
    """

    def __init__(self, periods: bool = True, width: int = RESOLUTION_WIDTH) -> None:
        super().__init__()
        self.periods = nn.ModuleList(PeriodCritic(period) for period in PERIODS if periods)
        self.resolutions = nn.ModuleList(ResolutionCritic(*sizes, width) for sizes in RESOLUTIONS)

    def forward(self, waveform: Tensor) -> Verdict:
        """[B, 1, T] -> scores and features."""
        said = [critic(waveform) for critic in (*self.periods, *self.resolutions)]
        return Verdict([scores for scores, _ in said], [features for _, features in said])


class PeriodCritic(nn.Module):
    """Looks at every p-th sample.

    Args:
        period: p.
    """

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        before = (1, *PERIOD_WIDTHS[:-1])
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, (5, 1), (3 if n < len(before) - 1 else 1, 1), (2, 0))
            for n, (a, b) in enumerate(zip(before, PERIOD_WIDTHS, strict=True))
        )
        self.exit = nn.Conv2d(PERIOD_WIDTHS[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        missing = -waveform.shape[-1] % self.period
        x = functional.pad(waveform, (0, missing), mode="reflect")
        x = x.reshape(*x.shape[:2], -1, self.period)  # [B, 1, T / p, p]
        return _through(self.convs, self.exit, x)


class ResolutionCritic(nn.Module):
    """Looks at the magnitude of one transform.

    Args:
        n_fft: transform length, samples.
        hop_length: samples between columns.
        win_length: Hann window, samples.
        width: channels.
    """

    def __init__(
        self, n_fft: int, hop_length: int, win_length: int, width: int = RESOLUTION_WIDTH
    ) -> None:
        super().__init__()
        self.sizes = (n_fft, hop_length, win_length)
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(1, width, (3, 9), padding=(1, 4)),
                *(nn.Conv2d(width, width, (3, 9), (1, 2), (1, 4)) for _ in range(3)),
                nn.Conv2d(width, width, (3, 3), padding=(1, 1)),
            ]
        )
        self.exit = nn.Conv2d(width, 1, (3, 3), padding=(1, 1))

    def forward(self, waveform: Tensor) -> tuple[Tensor, list[Tensor]]:
        n_fft, hop_length, win_length = self.sizes
        pad = (n_fft - hop_length) // 2
        x = functional.pad(waveform, (pad, pad), mode="reflect")
        magnitude = stft(x, n_fft, hop_length, win_length, center=False).abs()
        return _through(self.convs, self.exit, magnitude)


def _through(convs: nn.ModuleList, last: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    features = []
    for conv in convs:
        x = functional.leaky_relu(conv(x), SLOPE)
        features.append(x)
    x = last(x)
    return x.flatten(1), [*features, x]


def critic_loss(real: Verdict, made: Verdict) -> Tensor:
    """Least squares: real sounds towards 1, made ones towards 0."""
    return torch.stack(
        [
            (1 - a).square().mean() + b.square().mean()
            for a, b in zip(real.scores, made.scores, strict=True)
        ]
    ).sum()


def fooling_loss(made: Verdict) -> Tensor:
    """Least squares: made sounds towards 1."""
    return torch.stack([(1 - score).square().mean() for score in made.scores]).sum()


def matching_loss(real: Verdict, made: Verdict) -> Tensor:
    """L1 between what the layers see in real and in made sounds; weight 2 included."""
    gaps = [
        functional.l1_loss(b, a.detach())
        for wanted, got in zip(real.features, made.features, strict=True)
        for a, b in zip(wanted, got, strict=True)
    ]
    return 2 * torch.stack(gaps).sum()
