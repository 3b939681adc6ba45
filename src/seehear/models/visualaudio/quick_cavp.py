"""QuickCAVP: a small CAVP that sees when something moves, 20 times a second.

The published encoder looks four times a second, which alone places an onset within 60 ms. Here a small
network looks at every frame of a reduced picture and at its change since the one before; convolutions over a
second of time follow. What is seen comes from frozen appearance vectors, a few looks a second, which
the caller brings (see `tasks/generate/sight.py`). The audio encoder is of the same build, over log-mel columns.

Every step depends on a limited stretch of time (`context`), so long shots may be read in pieces. Ours, not
from a paper; losses and temperature are those of `cavp.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.mel import MelConfig
from seehear.models.visualaudio.cavp import LARGEST_SCALE, START_TEMPERATURE, MLPHead

CHANGE = 4.0
"""Changes between frames are small beside the frames; this brings them to their size."""
MEL_MIDDLE, MEL_SPREAD = -2.0, 1.5
"""Of log10 mel magnitudes of everyday sounds."""


@dataclass(frozen=True)
class QuickCAVPConfig:
    """Shape of both encoders.

    Args:
        dim: numbers of a feature.
        frame_rate: frames, and features, per second.
        frame_size: side of the square frames that appearance vectors are made from, pixels.
        motion_size: side of the reduced frames in which motion is seen, pixels; a multiple of 8.
        appearance: id of the encoder that makes the appearance vectors.
        appearance_dim: their length.
        look_every: frames between two of them.
        widths: channels after each of three halvings of the reduced frames.
        width: channels over time.
        dilations: of the convolutions over time, frames.
        mel: what the audio encoder hears.
        audio_dilations: of its convolutions, mel columns.
    """

    dim: int = 128
    frame_rate: float = 20.0
    frame_size: int = 128
    motion_size: int = 32
    appearance: str = "concepts@1"
    appearance_dim: int = 64
    look_every: int = 10
    widths: tuple[int, int, int] = (16, 32, 64)
    width: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    mel: MelConfig = field(default_factory=MelConfig)
    audio_dilations: tuple[int, ...] = (1, 2)

    @property
    def context(self) -> int:
        """Frames on each side that a feature depends on, a multiple of `look_every`."""
        reach = max(sum(self.dilations) + 1, self.look_every)
        return math.ceil(reach / self.look_every) * self.look_every

    @property
    def step(self) -> int:
        """Samples of sound per feature."""
        return round(self.mel.sample_rate / self.frame_rate)


class QuickCAVP(nn.Module):
    """Both encoders and the temperature.

    Args:
        config: shape.
    """

    def __init__(self, config: QuickCAVPConfig) -> None:
        super().__init__()
        self.config = config
        self.video = MotionEncoder(config)
        self.appearance = nn.Linear(config.appearance_dim, config.width)
        self.video_head = MLPHead(config.width, config.dim)
        self.audio = MelEncoder(config)
        self.audio_head = MLPHead(config.width, config.dim)
        # Stored as a logarithm, so that it stays positive; see `limit_scale`.
        self.log_scale = nn.Parameter(torch.tensor(math.log(1.0 / START_TEMPERATURE)))

    def embed_video(self, frames: Tensor, looks: Tensor) -> Tensor:
        """Features of every frame.

        Args:
            frames: float [B, S, 3, M, M] in 0..1 with M = motion_size, `frame_rate` of them a second.
            looks: appearance vectors of frames 0, look_every, 2 look_every, ..., [B, K, A].

        Returns:
            [B, S, dim], not normalised.
        """
        seen = spread(looks, frames.shape[1], self.config.look_every)
        # Unit vectors of many numbers are small numbers.
        seen = seen * self.config.appearance_dim**0.5
        made: Tensor = self.video_head(self.video(frames) + self.appearance(seen))
        return made

    def embed_audio(self, log_mel: Tensor) -> Tensor:
        """Features of every step of sound.

        Args:
            log_mel: [B, mels, 5 N], from `dsp/mel.py`.

        Returns:
            [B, 2 N, dim] (20 steps a second at 50 columns a second), not normalised.
        """
        made: Tensor = self.audio_head(self.audio(log_mel))
        return made

    def limit_scale(self) -> None:
        """Keep the temperature between 1 and 0.01; to be called after every step of training."""
        with torch.no_grad():
            self.log_scale.clamp_(0.0, math.log(LARGEST_SCALE))


class MotionEncoder(nn.Module):
    """Reduced frames [B, S, 3, M, M] -> [B, S, width].

    Args:
        config: see `QuickCAVPConfig`.
    """

    def __init__(self, config: QuickCAVPConfig) -> None:
        super().__init__()
        a, b, c = config.widths
        # No norms here: they would take the strength of a motion away.
        self.look = nn.Sequential(
            nn.Conv2d(5, a, 5, 2, 2),
            nn.SiLU(),
            nn.Conv2d(a, b, 3, 2, 1),
            nn.SiLU(),
            nn.Conv2d(b, c, 3, 2, 1),
            nn.SiLU(),
        ).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        cells = (config.motion_size // 8) ** 2
        self.gather = nn.Linear(c * cells, config.width)
        self.time = nn.ModuleList(TimeBlock(config.width, d) for d in config.dilations)

    def forward(self, frames: Tensor) -> Tensor:
        batch, count = frames.shape[:2]
        grey = frames.mean(dim=2, keepdim=True)
        change = CHANGE * (grey[:, 1:] - grey[:, :-1])
        change = functional.pad(change, (0, 0) * 3 + (1, 0))
        seen = torch.cat([2 * frames - 1, change, change.abs()], dim=2)  # [B, S, 5, M, M]
        # Convolutions run about twice as fast on a CPU in this layout.
        flat = seen.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        x = self.gather(self.look(flat).flatten(1)).reshape(batch, count, -1)
        for block in self.time:
            x = block(x)
        return x


class MelEncoder(nn.Module):
    """Log-mel columns [B, mels, 5 N] -> steps [B, 2 N, width].

    Args:
        config: see `QuickCAVPConfig`.
    """

    def __init__(self, config: QuickCAVPConfig) -> None:
        super().__init__()
        self.first = nn.Conv1d(config.mel.num_mels, config.width, 5, padding=2)
        self.columns = nn.ModuleList(TimeBlock(config.width, d) for d in config.audio_dilations)
        self.time = nn.ModuleList(TimeBlock(config.width, d) for d in config.dilations)

    def forward(self, log_mel: Tensor) -> Tensor:
        x = self.first((log_mel - MEL_MIDDLE) / MEL_SPREAD).transpose(1, 2)  # [B, M, W]
        for block in self.columns:
            x = block(x)
        # 50 columns a second are 2.5 to a step: every one counts for two fifths of one.
        x = functional.avg_pool1d(x.transpose(1, 2).repeat_interleave(2, dim=2), 5).transpose(1, 2)
        for block in self.time:
            x = block(x)
        return x


class TimeBlock(nn.Module):
    """Norm of each step, dilated convolution of three steps, linear layer; added to what came.

    Args:
        width: channels.
        dilation: steps between taps.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        # Over channels only: statistics over time would reach beyond the context.
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(self.norm(x).transpose(1, 2)).transpose(1, 2)
        made: Tensor = x + self.mix(functional.silu(y))
        return made


def spread(looks: Tensor, count: int, every: int) -> Tensor:
    """Vectors of some frames, interpolated to all of them; the last one holds.

    Args:
        looks: [B, K, A], of frames 0, every, 2 every, ...
        count: frames, more than (K - 1) * every.
        every: frames between looks.

    Returns:
        [B, count, A].
    """
    place = torch.arange(count, device=looks.device)
    before = (place // every).clamp_max(looks.shape[1] - 1)
    after = (before + 1).clamp_max(looks.shape[1] - 1)
    share = ((place % every) / every).to(looks)[:, None]
    return looks[:, before] * (1 - share) + looks[:, after] * share


def aligned(video: Tensor, audio: Tensor) -> Tensor:
    """Likeness of every video to every sound, step by step.

    Args:
        video: [V, S, D] of unit rows.
        audio: [A, S, D] likewise.

    Returns:
        [V, A], mean cosine of simultaneous steps.
    """
    return video.flatten(1) @ audio.flatten(1).t() / video.shape[1]


def tiny_quick_cavp() -> QuickCAVP:
    """Small seeded encoders for tests; its appearance vectors are those of `concepts:tiny`."""
    config = QuickCAVPConfig(
        dim=32,
        frame_size=32,
        motion_size=16,
        appearance="concepts:tiny",
        appearance_dim=8,
        widths=(4, 8, 8),
        width=16,
        dilations=(1, 2),
        audio_dilations=(1,),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return QuickCAVP(config)
