"""CAVP: sound and picture of the same moments become neighbours in one space.

The video encoder is a ResNet-50 over frames with temporal kernels in its last two stages only (SlowOnly), the
audio encoder a CNN14 over a mel picture (PANNs); both keep a time axis of 4 steps a second. Source: VisualAudio's
supplement (encoders, MLP heads, symmetric contrast with a learned temperature); encoders as in Diff-Foley, whose
public weights have linear heads and 113,406,593 parameters.

Deviations: the published frequency average, then maximum plus mean of width 3 over time, and the fully connected
layer that is applied twice, are kept (`hidden_steps`); heads are MLPs unless the weights say otherwise.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.mel import MelConfig, mel_magnitude

START_TEMPERATURE = 0.07
LARGEST_SCALE = 100.0
EXPANSION = 4


def _front_end() -> MelConfig:
    return MelConfig(16000, 1024, 250, 1024, 128, 125.0, 7600.0)


@dataclass(frozen=True)
class CAVPConfig:
    """Shape of both encoders; defaults: the published size.

    Args:
        dim: numbers of an embedding.
        frame_rate: frames per second.
        frame_size: side of the square frames, pixels.
        mel: what the audio picture is made from.
        video_width: channels of the first stage.
        video_blocks: of the four stages.
        temporal_stages: how many of the last stages have temporal kernels.
        audio_widths: of the six blocks.
        time_halvings: how many of the first blocks halve time.
        hidden_steps: how often the audio encoder's hidden layer is applied.
        mlp_heads: MLP heads (VisualAudio) instead of linear ones (Diff-Foley).
    """

    dim: int = 512
    frame_rate: float = 4.0
    frame_size: int = 224
    mel: MelConfig = field(default_factory=_front_end)
    video_width: int = 64
    video_blocks: tuple[int, ...] = (3, 4, 6, 3)
    temporal_stages: int = 2
    audio_widths: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048)
    time_halvings: int = 4
    hidden_steps: int = 2
    mlp_heads: bool = True


class CAVP(nn.Module):
    """Both encoders and the temperature.

    Args:
        config: shape.
    """

    def __init__(self, config: CAVPConfig) -> None:
        super().__init__()
        self.config = config
        self.video = VideoEncoder(config)
        self.audio = AudioEncoder(config)
        self.video_head = _head(self.video.width, config)
        self.audio_head = _head(config.audio_widths[-1], config)
        # Stored as a logarithm, so that it stays positive; see `limit_scale`.
        self.log_scale = nn.Parameter(torch.tensor(math.log(1.0 / START_TEMPERATURE)))

    def embed_video(self, frames: Tensor) -> Tensor:
        """Features of every frame.

        Args:
            frames: float [B, N, 3, S, S] in 0..1, `config.frame_rate` of them a second.

        Returns:
            [B, N, dim], not normalised.
        """
        made: Tensor = self.video_head(self.video(frames))
        return made

    def embed_audio(self, picture: Tensor) -> Tensor:
        """Features of every step of sound (16 mel columns).

        Args:
            picture: [B, mels, T] in 0..1, from `audio_picture`.

        Returns:
            [B, T / 16, dim], not normalised.
        """
        made: Tensor = self.audio_head(self.audio(picture))
        return made

    def limit_scale(self) -> None:
        """Keep the temperature between 1 and 0.01; to be called after every step of training."""
        with torch.no_grad():
            self.log_scale.clamp_(0.0, math.log(LARGEST_SCALE))


def audio_picture(waveform: Tensor, config: CAVPConfig) -> Tensor:
    """Mel picture in 0..1: 0 = -80 dB and below, 1 = +20 dB.

    Args:
        waveform: [..., T] at `config.mel.sample_rate`.
        config: front end.

    Returns:
        [..., mels, T // hop].
    """
    level = 20.0 * mel_magnitude(waveform, config.mel).clamp_min(1e-5).log10()
    return ((level - 20.0 + 100.0) / 100.0).clamp(0.0, 1.0)


def pooled(features: Tensor) -> Tensor:
    """One embedding of unit length for a stretch: the maximum over its steps, [B, N, D] -> [B, D]."""
    return functional.normalize(features.amax(dim=1), dim=-1)


class VideoEncoder(nn.Module):
    """SlowOnly ResNet: frames [B, N, 3, S, S] -> [B, N, width].

    Args:
        config: see `CAVPConfig`.
    """

    def __init__(self, config: CAVPConfig) -> None:
        super().__init__()
        before = config.video_width
        self.stem = ConvNorm(3, before, (1, 7, 7), (1, 2, 2))
        stages = len(config.video_blocks)
        self.stages = nn.ModuleList()
        for index, count in enumerate(config.video_blocks):
            inner = config.video_width * 2**index
            kernel = 3 if index >= stages - config.temporal_stages else 1
            blocks = nn.ModuleList()
            for number in range(count):
                stride = 2 if number == 0 and index > 0 else 1
                blocks.append(Bottleneck(before, inner, kernel, stride))
                before = EXPANSION * inner
            self.stages.append(blocks)
        self.width = before

    def forward(self, frames: Tensor) -> Tensor:
        x = functional.relu(self.stem(frames.transpose(1, 2)))  # [B, C, N, H, W]
        x = functional.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        for stage in self.stages:
            for block in stage:  # type: ignore[attr-defined]
                x = block(x)
        return x.mean(dim=(3, 4)).transpose(1, 2)


class Bottleneck(nn.Module):
    """1x1 (or 3 over time), 3x3 with the stride, 1x1, and the way round.

    Args:
        before: channels in.
        inner: channels of the 3x3.
        temporal: kernel over time of the first convolution.
        stride: over the picture.
    """

    def __init__(self, before: int, inner: int, temporal: int, stride: int) -> None:
        super().__init__()
        after = EXPANSION * inner
        self.reduce = ConvNorm(before, inner, (temporal, 1, 1))
        self.conv = ConvNorm(inner, inner, (1, 3, 3), (1, stride, stride))
        self.expand = ConvNorm(inner, after, (1, 1, 1))
        is_plain = before == after and stride == 1
        self.skip = None if is_plain else ConvNorm(before, after, (1, 1, 1), (1, stride, stride))

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.conv(functional.relu(self.reduce(x))))
        return functional.relu(self.expand(y) + (x if self.skip is None else self.skip(x)))


class ConvNorm(nn.Module):
    """Convolution without bias that keeps sizes (but for the stride), then batch norm."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: tuple[int, int, int],
        stride: tuple[int, int, int] = (1, 1, 1),
    ) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv = nn.Conv3d(before, after, kernel, stride, padding, bias=False)
        self.norm = nn.BatchNorm3d(after)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.norm(self.conv(x))
        return made


class AudioEncoder(nn.Module):
    """CNN14 that keeps time: mel picture [B, M, T] -> [B, T / 16, width].

    Args:
        config: see `CAVPConfig`.
    """

    def __init__(self, config: CAVPConfig) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(config.mel.num_mels)
        widths = (1, *config.audio_widths)
        last = len(config.audio_widths) - 1
        self.blocks = nn.ModuleList(
            ConvPair(a, b, (2 if n < config.time_halvings else 1, 2 if n < last else 1))
            for n, (a, b) in enumerate(itertools.pairwise(widths))
        )
        self.hidden = nn.Linear(widths[-1], widths[-1])
        self.steps = config.hidden_steps

    def forward(self, picture: Tensor) -> Tensor:
        x = self.norm(picture).transpose(1, 2)[:, None]  # [B, 1, T, M]
        for block in self.blocks:
            x = block(x)
        x = x.mean(dim=3)  # [B, C, T / 16]
        x = functional.max_pool1d(x, 3, 1, 1) + functional.avg_pool1d(x, 3, 1, 1)
        x = x.transpose(1, 2)
        for _ in range(self.steps):
            x = functional.relu(self.hidden(x))
        return x


class ConvPair(nn.Module):
    """Two 3x3 convolutions with batch norm, then the mean over `pool` cells."""

    def __init__(self, before: int, after: int, pool: tuple[int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm1(self.conv1(x)))
        x = functional.relu(self.norm2(self.conv2(x)))
        return functional.avg_pool2d(x, self.pool)


class MLPHead(nn.Module):
    """Linear, then a second layer beside it, layer norm (as in CLAP's projection).

    Args:
        before: channels in.
        after: numbers of an embedding.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(before, after), nn.Linear(after, after)
        self.drop, self.norm = nn.Dropout(0.1), nn.LayerNorm(after)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        made: Tensor = self.norm(y + self.drop(self.second(functional.gelu(y))))
        return made


def _head(before: int, config: CAVPConfig) -> nn.Module:
    return MLPHead(before, config.dim) if config.mlp_heads else nn.Linear(before, config.dim)


def contrast(video: Tensor, audio: Tensor, log_scale: Tensor) -> Tensor:
    """Symmetric InfoNCE: every video should find its own sound, and the other way round.

    Args:
        video: [N, D] of unit length.
        audio: [N, D] of unit length, row for row the partners.
        log_scale: logarithm of one over the temperature.

    Returns:
        Mean of both cross-entropies; ln N if nothing tells partners apart.
    """
    logits = log_scale.exp() * video @ audio.t()
    own = torch.arange(len(logits), device=logits.device)
    both = functional.cross_entropy(logits, own) + functional.cross_entropy(logits.t(), own)
    return both / 2


def temporal_contrast(video: Tensor, audio: Tensor, log_scale: Tensor, windows: int) -> Tensor:
    """The same among windows of one video: other times are what must be told apart.

    Source: Diff-Foley; optional here, as the supplement of VisualAudio does not mention it.

    Args:
        video: [B * windows, D] of unit length, windows of a video side by side.
        audio: likewise.
        log_scale: see `contrast`.
        windows: per video.
    """
    shape = (-1, windows, video.shape[-1])
    logits = log_scale.exp() * video.reshape(shape) @ audio.reshape(shape).transpose(1, 2)
    own = torch.arange(windows, device=logits.device).expand(len(logits), -1)
    forth = functional.cross_entropy(logits.transpose(1, 2), own)
    back = functional.cross_entropy(logits, own)
    return (forth + back) / 2


def diff_foley() -> CAVPConfig:
    """Diff-Foley's published encoders: linear heads."""
    return CAVPConfig(mlp_heads=False)


def tiny_cavp() -> CAVP:
    """Small seeded encoders for tests."""
    sizes: dict[str, Any] = {
        "dim": 32,
        "frame_size": 32,
        "video_width": 4,
        "video_blocks": (1, 1, 1, 1),
        "audio_widths": (4, 4, 8, 8, 16, 16),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CAVP(CAVPConfig(**sizes))
