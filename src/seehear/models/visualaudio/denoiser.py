"""The flow transformer of VisualAudio: noisy latents and a video in, their velocity out.

Tokens are latent columns. Each layer attends to its own tokens (rotary positions) and, with the same
queries, to the video; then come experts per denoising time (T layers) or per band of channels (F layers).
Time and the mean of the video modulate every layer. Source: VisualAudio's supplement (table 7: 8T+4F, 12T+12F,
16T+12F; figure 5: ways of conditioning); layers as in Make-An-Audio 3, whose public networks are Lumina's.

Deviations: the order of T and F layers is not published and a setting (`pattern`); hidden sizes are those that
give the published totals; at time 1 the last expert answers, where the public code has nobody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.errors import ConfigError
from seehear.models.visualaudio.experts import BandExperts, BothExperts, TimeExperts

SINUSOIDS = 256
LONGEST_PERIOD = 10000.0
THOUSAND = 1000.0
"""Published times are counted in thousandths."""
Conditioning = Literal["cross", "concat_time", "concat_channel"]


@dataclass(frozen=True)
class DenoiserConfig:
    """Shape of the network; defaults: size M.

    Args:
        latent: numbers per latent column.
        video: numbers per video feature; 0 = features come with `condition` numbers and are not mapped.
        condition: numbers per video token inside.
        width: channels; a multiple of heads and of the band experts.
        heads: of attention.
        pattern: layers in order: T (time experts), F (band experts), B (both, as in the public relative).
        time_hidden: inner channels of a time expert.
        band_hidden: inner channels of a band expert.
        experts: per layer and kind.
        conditioning: how the video enters; pooled modulation stays in all.
        latents_per_frame: latent columns per video feature, for positions of video tokens.
        aligned: whether each latent column is also given the video token of its own moment, added to it at
            the entry. Ours, off as published: short trainings learn when things happen much sooner by it.
        rotate_video: whether video keys carry positions in latent time. Off as published: then cross-
            attention knows when something is seen only from what the features themselves say.
        end_is_empty: see `TimeExperts`.

    Raises:
        ConfigError: sizes that do not divide, or an unknown letter in the pattern.
    """

    latent: int = 20
    video: int = 512
    condition: int = 768
    width: int = 768
    heads: int = 12
    pattern: str = "TTF" * 4
    time_hidden: int = 640
    band_hidden: int = 2560
    experts: int = 4
    conditioning: Conditioning = "cross"
    latents_per_frame: float = 6.25
    rotate_video: bool = False
    aligned: bool = False
    end_is_empty: bool = False

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads) or self.width % self.experts:
            raise ConfigError(
                f"width must be a multiple of twice the heads and of the experts, not {self.width}"
            )
        if not self.pattern or set(self.pattern) - set("TFB"):
            raise ConfigError(f"pattern takes the letters T, F and B, not {self.pattern!r}")


def size_m() -> DenoiserConfig:
    """8 T and 4 F layers: 159,966,116 parameters."""
    return DenoiserConfig()


def size_l() -> DenoiserConfig:
    """12 T and 12 F layers: 516,961,684 parameters."""
    return DenoiserConfig(
        condition=1024, width=1024, heads=16, pattern="TF" * 12, time_hidden=704, band_hidden=2816
    )


def size_xl() -> DenoiserConfig:
    """16 T and 12 F layers: 752,377,428 parameters."""
    return DenoiserConfig(
        condition=1152,
        width=1152,
        heads=16,
        pattern="TFTFTFT" * 4,
        time_hidden=768,
        band_hidden=3072,
    )


class Denoiser(nn.Module):
    """The network.

    Args:
        config: shape.
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        width, inner = config.width, config.condition
        self.look = nn.Linear(config.video, inner) if config.video else nn.Identity()
        self.embed = nn.Sequential(
            nn.Linear(inner, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width)
        )
        self.pool = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width))
        self.time = nn.Sequential(nn.Linear(SINUSOIDS, width), nn.SiLU(), nn.Linear(width, width))
        self.entry = nn.Linear(config.latent, width)
        if config.conditioning == "concat_time":
            self.kind = nn.Parameter(torch.zeros(2, width))
        if config.aligned:
            self.meanwhile = nn.Linear(width, width, bias=False)
        if config.conditioning == "concat_channel":
            self.halves = nn.ModuleList(nn.Linear(width, width // 2) for _ in range(2))
        self.layers = nn.ModuleList(Layer(letter, config) for letter in config.pattern)
        self.modulate = nn.Linear(width, 2 * width)
        self.exit = nn.Linear(width, config.latent)
        self._start()

    def _start(self) -> None:
        """Output exactly zero at first: zero modulation and zero last layer."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for index in (0, 2):
            nn.init.normal_(self.time[index].weight, std=0.02)  # type: ignore[arg-type]
        silent = [self.modulate, self.exit, *(item.modulate for item in self.layers)]
        if self.config.aligned:
            silent.append(self.meanwhile)
        for layer in silent:
            nn.init.zeros_(layer.weight)  # type: ignore[union-attr,arg-type]

    def encode_video(self, video: Tensor) -> tuple[Tensor, Tensor]:
        """What all steps share of the video: tokens [B, Tv, D] and their mean after a layer, [B, D].

        Args:
            video: features [B, Tv, video].
        """
        tokens = self.embed(self.look(video))
        return tokens, self.pool(tokens.mean(dim=1))

    def forward(
        self, latents: Tensor, times: Tensor, video: Tensor, stretch: float = 1.0
    ) -> Tensor:
        """Velocity of noisy latents.

        Args:
            latents: [B, latent, N].
            times: [B] in 0 (noise) .. 1 (data).
            video: features [B, Tv, video].
            stretch: factor on the rotary base, for latents longer than in training.

        Returns:
            [B, latent, N].
        """
        return self.step(latents, times, *self.encode_video(video), stretch)

    def step(
        self,
        latents: Tensor,
        times: Tensor,
        tokens: Tensor,
        pooled: Tensor,
        stretch: float = 1.0,
        mask: Tensor | None = None,
    ) -> Tensor:
        """As `forward`, for a video that went through `encode_video` before.

        Args:
            latents: [B, latent, N].
            times: [B] in 0 (noise) .. 1 (data).
            tokens: of the video, [B, Tv, D].
            pooled: their mean after a layer, [B, D]; or one for every latent column, [B, N, D], where a
                window shows several shots.
            stretch: factor on the rotary base.
            mask: bool [B, N, Tv], which column may look at which token; None = all at all.

        Raises:
            ConfigError: columns of their own, or a mask, for a network that sees the video otherwise than
                by cross-attention.
        """
        if (mask is not None or pooled.ndim == 3) and self.config.conditioning != "cross":
            raise ConfigError(
                f"a network with conditioning {self.config.conditioning!r} sees one shot at a time; "
                "several need cross-attention"
            )
        told = self.time(time_features(times).to(pooled))
        told = (told if pooled.ndim == 2 else told[:, None]) + pooled  # [B, D] or [B, N, D]
        x = self.entry(latents.transpose(1, 2))  # [B, N, D]
        count = x.shape[1]
        if self.config.aligned:
            x = x + self.meanwhile(at_moments(tokens, count, self.config.latents_per_frame))
        x, places = self._join(x, tokens)
        rotary = rotary_table(places, self.config.width // self.config.heads, stretch)
        seen = tokens if self.config.conditioning == "cross" else None
        seen_rotary = None
        if seen is not None and self.config.rotate_video:
            where = torch.arange(tokens.shape[1], device=x.device) * self.config.latents_per_frame
            seen_rotary = rotary_table(where, self.config.width // self.config.heads, stretch)
        for layer in self.layers:
            x = layer(x, times, told, rotary, seen, seen_rotary, mask)
        x = x[:, -count:]
        shift, scale = _columns(self.modulate(functional.silu(told))).chunk(2, dim=2)
        x = functional.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift
        made: Tensor = self.exit(x).transpose(1, 2)
        return made

    def _join(self, x: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens of the self-attention and their positions in latent time."""
        count, how = x.shape[1], self.config.conditioning
        places = torch.arange(count, device=x.device)
        if how == "concat_time":
            where = torch.arange(tokens.shape[1], device=x.device) * self.config.latents_per_frame
            x = torch.cat([tokens + self.kind[0], x + self.kind[1]], dim=1)
            return x, torch.cat([where, places.to(where.dtype)])
        if how == "concat_channel":
            drawn = functional.interpolate(tokens.transpose(1, 2), size=count, mode="linear")
            parts = (x, drawn.transpose(1, 2))
            x = torch.cat([half(p) for half, p in zip(self.halves, parts, strict=True)], dim=2)
        return x, places


class Layer(nn.Module):
    """Attention and experts, modulated by time and video.

    Args:
        letter: T, F or B.
        config: of the network.
    """

    def __init__(self, letter: str, config: DenoiserConfig) -> None:
        super().__init__()
        width, cross = config.width, config.conditioning == "cross"
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.norm_video = nn.RMSNorm(width, eps=1e-5) if cross else None
        self.norm_experts = nn.RMSNorm(width, eps=1e-5)
        self.modulate = nn.Linear(width, 6 * width)
        self.attend = Attention(width, config.heads, cross)
        self.experts = _experts(letter, config)

    def forward(
        self,
        x: Tensor,
        times: Tensor,
        told: Tensor,
        rotary: Tensor,
        seen: Tensor | None,
        seen_rotary: Tensor | None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """[B, N, D] -> [B, N, D]; `told` [B, D] or [B, N, D] modulates, `seen` [B, Tv, D] is looked at."""
        parts = _columns(self.modulate(functional.silu(told))).chunk(6, dim=2)
        shift, scale, gate, shift_experts, scale_experts, gate_experts = parts
        video = None
        if seen is not None and self.norm_video is not None:
            video = self.norm_video(seen)
        y = self.attend(self.norm(x) * (1 + scale) + shift, rotary, video, seen_rotary, mask)
        x = x + gate * y
        y = self.norm_experts(x) * (1 + scale_experts) + shift_experts
        made: Tensor = x + gate_experts * self.experts(y, times)
        return made


class Attention(nn.Module):
    """Self-attention with rotary positions; the same queries also ask the video.

    Args:
        width: channels.
        heads: of attention.
        cross: whether there is a video to ask.
    """

    def __init__(self, width: int, heads: int, cross: bool) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )
        if cross:
            self.key_video = nn.Linear(width, width, bias=False)
            self.value_video = nn.Linear(width, width, bias=False)
            self.gate = nn.Parameter(torch.zeros(heads))

    def forward(
        self,
        x: Tensor,
        rotary: Tensor,
        video: Tensor | None,
        video_rotary: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """[B, N, D] -> [B, N, D]; video [B, Tv, D], normalised; mask [B, N, Tv]."""
        query = rotate(self._split(self.query(x)), rotary)  # [B, H, N, D / H]
        key = rotate(self._split(self.key(x)), rotary)
        mixed = functional.scaled_dot_product_attention(query, key, self._split(self.value(x)))
        if video is not None:
            key = self._split(self.key_video(video))
            if video_rotary is not None:
                key = rotate(key, video_rotary)
            value = self._split(self.value_video(video))
            allowed = None if mask is None else mask[:, None]
            seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
            mixed = mixed + self.gate.tanh()[:, None, None] * seen
        made: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return made

    def weights_on_video(
        self,
        x: Tensor,
        rotary: Tensor,
        video: Tensor,
        video_rotary: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Share of each head's look at each video token, [B, H, N, Tv] (for pictures); as in `forward`."""
        query = rotate(self._split(self.query(x)), rotary)
        key = self._split(self.key_video(video))
        if video_rotary is not None:
            key = rotate(key, video_rotary)
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -math.inf)
        return scores.softmax(dim=3)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # type: ignore[no-untyped-call]


def _experts(letter: str, config: DenoiserConfig) -> nn.Module:
    def times() -> TimeExperts:
        return TimeExperts(config.width, config.time_hidden, config.experts, config.end_is_empty)

    def bands() -> BandExperts:
        return BandExperts(config.width, config.band_hidden, config.experts)

    if letter == "B":
        return BothExperts(times(), bands())
    return times() if letter == "T" else bands()


def _columns(modulation: Tensor) -> Tensor:
    """One modulation for all columns [B, C] -> [B, 1, C]; one for each [B, N, C] as it is."""
    return modulation if modulation.ndim == 3 else modulation[:, None]


def time_features(times: Tensor) -> Tensor:
    """Sinusoids of times in 0..1 (counted in thousandths), [B] -> float32 [B, 256], cosines first."""
    half = SINUSOIDS // 2
    rates = LONGEST_PERIOD ** (-torch.arange(half, dtype=torch.float64, device=times.device) / half)
    angles = THOUSAND * times.double()[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=1).float()


def rotary_table(places: Tensor, head_width: int, stretch: float = 1.0) -> Tensor:
    """Cosines and sines of positions, float32 [2, N, head_width / 2].

    Args:
        places: positions [N], fractions allowed.
        head_width: channels per head, even.
        stretch: factor on the base of 10000.
    """
    steps = torch.arange(0, head_width, 2, dtype=torch.float64, device=places.device) / head_width
    rates = (LONGEST_PERIOD * stretch) ** -steps
    angles = places.double()[:, None] * rates
    return torch.stack([angles.cos(), angles.sin()]).float()


def rotate(x: Tensor, rotary: Tensor) -> Tensor:
    """Turn neighbouring pairs of channels by their positions, [B, H, N, C] -> same."""
    cos, sin = rotary.to(x)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)


def at_moments(tokens: Tensor, count: int, latents_per_frame: float) -> Tensor:
    """Video tokens at the moments of latent columns, between neighbours in a straight line.

    Args:
        tokens: [B, Tv, D]; the first and last are held at the ends.
        count: latent columns N.
        latents_per_frame: columns per token.

    Returns:
        [B, N, D].
    """
    last = tokens.shape[1] - 1
    middle = torch.arange(count, device=tokens.device, dtype=torch.float32) + 0.5
    place = (middle / latents_per_frame - 0.5).clamp(0.0, float(last))
    before = place.floor().long()
    share = (place - before)[None, :, None].to(tokens)
    after = (before + 1).clamp_max(last)
    return torch.lerp(tokens[:, before], tokens[:, after], share)


def tiny_denoiser() -> Denoiser:
    """Small seeded network for tests, with numbers where training begins at zero."""
    config = DenoiserConfig(
        video=32, condition=32, width=32, heads=2, pattern="TF", time_hidden=16, band_hidden=32
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Denoiser(config)
        for name, value in model.named_parameters():
            if "modulate" in name or name.startswith("exit") or name.endswith("gate"):
                nn.init.normal_(value, std=0.2)
        return model
