"""Gains per band and time from a mixture and what is seen: our own network for CPUs.

The mixture becomes log power in bands (ERB-rate scale). A U-Net over (band, time) estimates which
share of every cell belongs to speech, music and effects; a time line at its bottleneck hears the
whole window, looks at the frames (and captions) near each moment, and decides by how much each of
the three is to be raised or lowered. The gain of a cell is the share-weighted sum of the three
linear gains: a remix in which the picture speaks about sources, not about bands.

Nothing is separated and no phase is touched; gains are applied to the source at its own rate and on
all its channels (see `tasks/highlight/render.py`). Task, options and weights format are VisAH's, the
layers are not. FiLM: Perez et al. 2018.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.bands import band_centres, filterbank
from seehear.nn.bandunet import (
    DB,
    POWER_FLOOR,
    Attend,
    Block,
    TimeBlock,
    columns,
    grid_spectrum,
    wider,
)
from seehear.nn.context import Context, Tokens

NUM_STEMS = 3


@dataclass(frozen=True)
class BandGainConfig:
    """Shape of the network and of what it is told.

    Args:
        sample_rate: Hz of the waveform heard.
        window_s: longest window it was trained on, seconds.
        n_fft: STFT length, samples.
        hop_length: samples between columns.
        num_bands: bands, a multiple of 8.
        lowest_hz: centre of the lowest band.
        highest_hz: centre of the highest band.
        widths: channels of the four levels of the U-Net.
        timeline: channels of the time line at the bottleneck.
        dilations: of its convolutions, in columns of 4 hops.
        gain_db: smallest and largest gain.
        frame_encoder: id of the encoder of frames, "" = the model cannot see.
        frame_dim: numbers per frame.
        frame_rate: frames per second.
        caption_encoder: id of the encoder of captions, "" = the model cannot read.
        caption_dim: numbers per caption.
    """

    sample_rate: int = 16000
    window_s: float = 10.0
    n_fft: int = 1024
    hop_length: int = 320
    num_bands: int = 128
    lowest_hz: float = 40.0
    highest_hz: float = 7900.0
    widths: tuple[int, int, int, int] = (12, 32, 48, 64)
    timeline: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4)
    gain_db: tuple[float, float] = (-30.0, 18.0)
    frame_encoder: str = "glance"
    frame_dim: int = 48
    frame_rate: float = 1.0
    caption_encoder: str = ""
    caption_dim: int = 0


@dataclass(frozen=True)
class BandGainParts:
    """All that the network says; training looks at more than the gains.

    Args:
        gains_db: [B, F, N].
        shares: [B, 3, F, N], which part of a cell's amplitude each stem has; sums to 1.
        stem_gains_db: [B, 3, N].
        power: [B, F, N], band power of the mixture.
    """

    gains_db: Tensor
    shares: Tensor
    stem_gains_db: Tensor
    power: Tensor


class BandGain(nn.Module):
    """Mixture and context -> gains."""

    band_centres_hz: Tensor
    gather: Tensor

    def __init__(self, config: BandGainConfig) -> None:
        super().__init__()
        self.config = config
        centres = band_centres(config.num_bands, config.lowest_hz, config.highest_hz)
        self.register_buffer("band_centres_hz", centres.float())
        gather = filterbank(centres, config.n_fft, config.sample_rate)
        self.register_buffer("gather", gather, persistent=False)
        w0, w1, w2, w3 = config.widths
        self.pitch = nn.Parameter(0.1 * torch.randn(4, config.num_bands))
        self.enc0 = Block(7, w0, depth=1)
        self.enc1 = Block(w0, w1, stride=(2, 2))
        self.enc2 = Block(w1, w2, stride=(2, 2))
        self.enc3 = Block(w2, w3, stride=(2, 1))
        squeezed = w3 * (config.num_bands // 8)
        self.timeline = _Timeline(squeezed, config)
        self.dec3 = Block(2 * w3, w3)
        self.dec2 = Block(w3 + w2, w2)
        self.dec1 = Block(w2 + w1, w1)
        self.dec0 = Block(w1 + w0, w0, depth=1)
        self.to_shares = nn.Conv2d(w0, NUM_STEMS, 1)

    def forward(self, waveform: Tensor, context: Context) -> Tensor:
        """Gains for a batch of windows.

        Args:
            waveform: float32 [B, T] at `config.sample_rate`, at least 0.1 s.
            context: frames and captions with times from the start of the window; all may be absent.

        Returns:
            float32 [B, F, N], dB within `config.gain_db`; column n is centred on sample
            n * hop_length.
        """
        return self.parts(waveform, context).gains_db

    def parts(self, waveform: Tensor, context: Context) -> BandGainParts:
        """As `forward`, with everything that training compares."""
        power = self.band_power(waveform)
        cells, level = self._cells(power)
        num_columns = cells.shape[-1]
        # Columns are halved twice; the surplus is cut off at the end.
        cells = functional.pad(cells, (0, -num_columns % 4, 0, 0), mode="replicate")
        x0 = self.enc0(cells)
        x1 = self.enc1(x0)
        x2 = self.enc2(x1)
        x3 = self.enc3(x2)
        squeezed, stem_gains = self.timeline(x3.flatten(1, 2), level, context, self.config)
        y = self.dec3(torch.cat([x3, squeezed.reshape(x3.shape)], dim=1))
        y = self.dec2(torch.cat([wider(y, (2, 1)), x2], dim=1))
        y = self.dec1(torch.cat([wider(y, (2, 2)), x1], dim=1))
        y = self.dec0(torch.cat([wider(y, (2, 2)), x0], dim=1))
        shares = self.to_shares(y).float()[..., :num_columns].softmax(dim=1)
        stem_gains_db = self._bounded(columns(stem_gains.float(), num_columns))
        linear = (10.0 ** (stem_gains_db / 20.0))[:, :, None]  # [B, 3, N] -> [B, 3, 1, N]
        gains_db = 20.0 * (shares * linear).sum(dim=1).clamp_min(1e-6).log10()
        return BandGainParts(gains_db, shares, stem_gains_db, power)

    def band_power(self, waveform: Tensor) -> Tensor:
        """Power in bands, [B, T] -> [B, F, N]."""
        spectrum = grid_spectrum(waveform, self.config.n_fft, self.config.hop_length)
        with torch.autocast(waveform.device.type, enabled=False):
            return self.gather @ torch.view_as_real(spectrum).square().sum(-1)

    def _cells(self, power: Tensor) -> tuple[Tensor, Tensor]:
        """Input planes [B, 7, F, N] and the window's mean level [B, 1].

        Planes: level relative to the window's mean, absolute level, change since the last column,
        and four learned ones that tell bands apart.
        """
        db = DB * power.clamp_min(POWER_FLOOR).log()
        level = DB * power.mean(dim=(1, 2)).clamp_min(POWER_FLOOR).log()[:, None]
        relative = (db - level[..., None]).clamp_min(-60.0) / 20.0 + 1.0
        change = functional.pad(db.diff(dim=-1), (1, 0)) / 10.0
        planes = torch.stack([relative, db / 30.0 + 2.0, change], dim=1)  # [B, 3, F, N]
        pitch = self.pitch[None, :, :, None].expand(len(db), -1, -1, db.shape[-1])
        return torch.cat([planes, pitch], dim=1), level

    def _bounded(self, raw: Tensor) -> Tensor:
        low, high = self.config.gain_db
        # 0 in gives 0 dB out; both bounds are approached smoothly.
        return torch.where(
            raw >= 0, high * torch.tanh(raw * 10 / high), -low * torch.tanh(raw * 10 / -low)
        )


class _Timeline(nn.Module):
    """Dilated convolutions over time that hear the window and see the context.

    Args (forward): squeezed cells [B, C, M] at 4 hops per column, level [B, 1], context.
    """

    def __init__(self, squeezed: int, config: BandGainConfig) -> None:
        super().__init__()
        width = config.timeline
        self.enter = nn.Conv1d(squeezed, width, 1)
        self.look = _Look(config, width)
        self.blocks = nn.ModuleList(TimeBlock(width, d) for d in config.dilations)
        self.films = nn.ModuleList(nn.Linear(width, 2 * width) for _ in config.dilations)
        self.attend = nn.ModuleList(Attend(width) for _ in range(2))
        self.leave = nn.Conv1d(width, squeezed, 1)
        self.decide = nn.Sequential(
            nn.Conv1d(2 * width, width, 1), nn.SiLU(), nn.Conv1d(width, NUM_STEMS, 1)
        )

    def forward(
        self, squeezed: Tensor, level: Tensor, context: Context, config: BandGainConfig
    ) -> tuple[Tensor, Tensor]:
        x = self.enter(squeezed)
        times = torch.arange(x.shape[-1], device=x.device) * (
            4 * config.hop_length / config.sample_rate
        )
        seen = self.look(context, times, len(x))  # [B, M, W]
        for index, (block, film) in enumerate(zip(self.blocks, self.films, strict=True)):
            scale, shift = film(seen).transpose(1, 2).chunk(2, dim=1)
            x = block(x, scale, shift)
            if index in (len(self.blocks) // 2 - 1, len(self.blocks) - 1):
                x = self.attend[int(index == len(self.blocks) - 1)](x)
        told = torch.cat([x, seen.transpose(1, 2)], dim=1)
        return self.leave(x), self.decide(told)


class _Look(nn.Module):
    """What is seen and read around each moment: attention that prefers what is near in time.

    A learned row stands for "nothing there", so a window without frames is nothing special.
    """

    def __init__(self, config: BandGainConfig, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.kinds = nn.ModuleDict()
        if config.frame_dim:
            self.kinds["frames"] = _embed(config.frame_dim, width)
        if config.caption_dim:
            self.kinds["captions"] = _embed(config.caption_dim, width)
        self.nothing = nn.Parameter(torch.zeros(width))
        self.score = nn.Linear(width, heads)
        # Per head: how fast interest fades with distance in time, 1/s.
        self.fade = nn.Parameter(torch.tensor([4.0, 2.0, 1.0, 0.2])[:heads].log())
        self.out = nn.Linear(width, width)

    def forward(self, context: Context, times: Tensor, batch: int) -> Tensor:
        """[B, M, W] for column times [M] in seconds."""
        rows = [self.nothing.expand(batch, 1, -1)]
        # "Nothing" is as near as something two seconds away.
        distances = [times.new_full((batch, 1, len(times)), 2.0)]
        masks = [torch.ones(batch, 1, dtype=torch.bool, device=times.device)]
        for name, embed in self.kinds.items():
            tokens: Tokens | None = getattr(context, name)
            if tokens is not None and tokens.values.shape[1] > 0:
                rows.append(embed(tokens.values.float()).to(rows[0].dtype))
                distances.append((tokens.times[:, :, None].float() - times).abs())
                masks.append(tokens.mask)
        values, mask = torch.cat(rows, dim=1), torch.cat(masks, dim=1)  # [B, K, W], [B, K]
        distance = torch.cat(distances, dim=1)  # [B, K, M]
        score = self.score(values).float().transpose(1, 2)[..., None]  # [B, H, K, 1]
        score = score - self.fade.exp()[:, None, None] * distance[:, None]
        weights = score.masked_fill(~mask[:, None, :, None], -torch.inf).softmax(dim=2)
        split = values.reshape(*values.shape[:2], self.heads, -1)  # [B, K, H, W/H]
        seen = torch.einsum("bhkm,bkhw->bmhw", weights.to(split.dtype), split).flatten(2)
        told: Tensor = self.out(seen)
        return told


def _embed(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, width), nn.SiLU(), nn.Linear(width, width))


def tiny_bandgain() -> BandGain:
    """Small seeded network for tests: sees the 4x4 colour grid, knows nothing."""
    config = BandGainConfig(
        num_bands=16,
        widths=(4, 8, 8, 8),
        timeline=16,
        dilations=(1, 2),
        frame_encoder="grid",
        frame_dim=48,
        caption_encoder="hash",
        caption_dim=64,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BandGain(config)
