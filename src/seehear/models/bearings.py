"""Where the sound of every band and moment comes from, across the picture: our own network for CPUs.

The network that separates things (`models/bandmask.py`) says of every coarse cell of band and time
which class sounds there. A frozen encoder says of every place of a frame which class is seen there.
Both speak of the same classes, so their product over classes is a first answer: this cell comes from
there. A second, learned answer is added: every direction turns into a vector per moment, by what is
seen there and heard at that moment, and its inner product with the vector of a fine cell counts.
The result is a softmax over directions from the left to the right edge of the picture and one more
that stands for nowhere in particular.

A network that says where, and not what the ears hear, serves any head and any field of view: the
job renders directions with impulse responses or as ambisonics. Ours, not from a paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.bands import expansion
from seehear.models.bandmask import BandMask, mask_bands
from seehear.nn.bandunet import (
    Block,
    TimeLine,
    columns,
    grid_spectrum,
    level_planes,
    smoothly,
    wider,
)

NUM_PLANES = 7
LARGEST = 65504.0
"""Of half precision."""
NOWHERE = -3.0
"""First answer for no direction, before what is learned is added."""
LEAST_SEEN = 1e-3
"""A class is believed to be seen anywhere at least this much, which keeps logarithms finite."""


@dataclass(frozen=True)
class BearingsConfig:
    """Shape of the network and of what it hears and sees.

    Args:
        sample_rate: Hz of the waveform heard.
        window_s: longest window it is meant for, seconds.
        n_fft: STFT length, samples.
        hop_length: samples between columns.
        num_bands: bands, a multiple of 8.
        highest_hz: centre of the highest band.
        widths: channels of the four levels of the U-Net.
        timeline: channels of the time line at the bottleneck.
        dilations: of its convolutions, in columns of 4 hops.
        cell_dim: length of the vector of a cell.
        num_directions: directions across the picture.
        look: channels of what is seen in a direction.
        meet: channels where a direction meets the sound of a moment.
        num_classes: classes of the encoder's space.
        frame_encoder: id of the encoder of frames (`features/concepts.py`).
        frame_dim: numbers per place of a map.
        frame_rate: frames per second that it looks at.
        frame_height: of the frames, pixels.
        frame_width: of the frames, pixels.
    """

    sample_rate: int = 16000
    window_s: float = 6.0
    n_fft: int = 1024
    hop_length: int = 320
    num_bands: int = 144
    highest_hz: float = 7900.0
    widths: tuple[int, int, int, int] = (16, 32, 64, 96)
    timeline: int = 192
    dilations: tuple[int, ...] = (1, 2, 4)
    cell_dim: int = 24
    num_directions: int = 24
    look: int = 48
    meet: int = 96
    num_classes: int = 52
    frame_encoder: str = "concepts@1"
    frame_dim: int = 64
    frame_rate: float = 2.0
    frame_height: int = 128
    frame_width: int = 256


@dataclass(frozen=True)
class BearingsParts:
    """All that the network says; training looks at more than the shares.

    Args:
        shares: [B, A + 1, F, N].
        class_scores: [B, num_classes + 1, F / 4, N / 4 rounded up], log-probabilities of classes in
            coarse cells; the last stands for sounds of no class.
    """

    shares: Tensor
    class_scores: Tensor


class Bearings(nn.Module):
    """Sound and maps of frames -> shares of directions."""

    band_centres_hz: Tensor
    gather: Tensor
    directions: Tensor
    positions: Tensor

    def __init__(self, config: BearingsConfig) -> None:
        super().__init__()
        self.config = config
        bin_hz = config.sample_rate / config.n_fft
        centres = mask_bands(config.num_bands, config.highest_hz, bin_hz).float()
        self.register_buffer("band_centres_hz", centres)
        spread = expansion(centres, config.n_fft, config.sample_rate)
        self.register_buffer("gather", spread.T.contiguous(), persistent=False)
        self.register_buffer("directions", torch.zeros(config.num_classes, config.frame_dim))
        count = config.num_directions
        positions = 1 - (2 * torch.arange(count) + 1) / count
        self.register_buffer("positions", positions, persistent=False)
        w0, w1, w2, w3 = config.widths
        self.pitch = nn.Parameter(0.1 * torch.randn(4, config.num_bands))
        self.enc0 = Block(NUM_PLANES, w0, depth=1)
        self.enc1 = Block(w0, w1, stride=(2, 2))
        self.enc2 = Block(w1, w2, stride=(2, 2))
        self.enc3 = Block(w2, w3, stride=(2, 1))
        squeezed = w3 * (config.num_bands // 8)
        self.timeline = TimeLine(squeezed, config.timeline, config.dilations, attentions=1)
        self.dec3 = Block(2 * w3, w3, depth=1)
        self.dec2 = Block(w3 + w2, w2)
        self.to_classes = nn.Conv2d(w2, config.num_classes + 1, 1)
        # Two more planes: the first answer's mean direction, and its belief in none.
        self.dec1 = Block(w2 + w1 + 2, w1)
        self.dec0 = Block(w1 + w0, w0, depth=1)
        self.to_cells = nn.Conv2d(w0, config.cell_dim, 1)
        self.trust = nn.Parameter(torch.tensor(1.5))
        self.look = _Look(config)
        self.meet = _Meet(config)

    def forward(self, waveform: Tensor, maps: Tensor, times: Tensor, seen: Tensor) -> Tensor:
        """See `shares`."""
        return self.shares(waveform, maps, times, seen)

    def shares(self, waveform: Tensor, maps: Tensor, times: Tensor, seen: Tensor) -> Tensor:
        """Where the power of every band comes from.

        Args:
            waveform: float32 [B, T] at `config.sample_rate`, T > 0.
            maps: float [B, S, D, h, w], what the encoder says of places of S frames, S > 0, shrunk
                where nothing is to be seen (`features/places.py`).
            times: float [B, S], seconds from the window's start at which frames are seen.
            seen: bool [B, S]; False = padding. Without any frame all is heard from nowhere.

        Returns:
            float32 [B, A + 1, F, N], summing to 1 over dim 1: the share of the power of band F at
            column n, centred on sample n * hop_length, that comes from each of `positions` (+1 = left
            edge of the picture, -1 = right edge) and, last, from nowhere in particular.
        """
        return self.parts(self.band_power(waveform), maps, times, seen).shares

    def parts(self, power: Tensor, maps: Tensor, times: Tensor, seen: Tensor) -> BearingsParts:
        """As `shares`, from band power [B, F, N], with everything that training compares."""
        num_columns = power.shape[-1]
        cells = self._cells(power)
        # Columns are halved twice; the surplus is cut off at the end.
        cells = functional.pad(cells, (0, -num_columns % 4, 0, 0), mode="replicate")
        x0 = self.enc0(cells)
        x1 = self.enc1(x0)
        x2 = self.enc2(x1)
        x3 = self.enc3(x2)
        squeezed, line = self.timeline(x3.flatten(1, 2))
        y = self.dec3(torch.cat([x3, squeezed.reshape(x3.shape)], dim=1))
        y = self.dec2(torch.cat([wider(y, (2, 1)), x2], dim=1))
        classes = self.to_classes(y).float().log_softmax(dim=1)  # [B, K + 1, F / 4, M]
        picture = self._picture(maps, times, seen, classes.shape[-1])
        keys, bias = self.meet(line, picture.features)  # [B, M, A + 1, C], [B, M, A + 1]
        coarse = self._first_answer(classes, picture.classes) + bias.permute(0, 2, 1)[:, :, None]
        # Where nothing is seen, nothing has a place.
        blind = ~picture.seen[:, None, None, :]  # [B, 1, 1, M]
        coarse = torch.cat([coarse[:, :-1].masked_fill(blind, -30.0), coarse[:, -1:]], dim=1)
        y = torch.cat([y, self._summary(coarse).to(y.dtype)], dim=1)
        y = self.dec1(torch.cat([wider(y, (2, 2)), x1], dim=1))
        y = self.dec0(torch.cat([wider(y, (2, 2)), x0], dim=1))
        vectors = self.to_cells(y)[..., :num_columns].float()  # [B, C, F, N]
        fine = columns(keys.permute(0, 2, 3, 1), num_columns)  # [B, A + 1, C, N]
        # One matrix product per column: [B, N, F, C] x [B, N, C, A + 1].
        met = vectors.permute(0, 3, 2, 1) @ fine.permute(0, 3, 2, 1)
        logits = met.permute(0, 3, 2, 1) + smoothly(coarse, (4, 4))[..., :num_columns]
        return BearingsParts(logits.softmax(dim=1), classes)

    def band_power(self, waveform: Tensor) -> Tensor:
        """Power in bands, [B, T] -> [B, F, N]; a full-scale sine has about 1."""
        return self.gather @ torch.view_as_real(self.spectrum(waveform)).square().sum(-1)

    def spectrum(self, waveform: Tensor) -> Tensor:
        """STFT on the network's grid, scaled so that a full-scale sine has 1: [B, T] -> [B, K, N]."""
        return grid_spectrum(waveform, self.config.n_fft, self.config.hop_length)

    def start_from(self, ear: BandMask) -> None:
        """Take over what a separator of the same widths knows about sounds.

        Parts that differ in shape or do not exist here start afresh; new inputs of a layer start
        without a say.
        """
        known = ear.state_dict()
        with torch.no_grad():
            for name, value in self.state_dict().items():
                old = known.get(name)
                if old is None or name in ("gather", "positions"):
                    continue
                if old.shape == value.shape:
                    # Statistics that half precision could not hold are found again in training.
                    value.copy_(torch.nan_to_num(old, posinf=LARGEST))
                elif name == "dec1.entry.weight":
                    w1, w2 = self.config.widths[1:3]
                    # wider(decoder), its extra planes, encoder
                    value.zero_()
                    value[:, :w2] = old[:, :w2]
                    value[:, -w1:] = old[:, -w1:]

    def _cells(self, power: Tensor) -> Tensor:
        pitch = self.pitch[None, :, :, None].expand(len(power), -1, -1, power.shape[-1])
        return torch.cat([level_planes(power), pitch], dim=1)

    def _picture(self, maps: Tensor, times: Tensor, seen: Tensor, num_columns: int) -> _Picture:
        """What is seen in each direction at every coarse column."""
        features, classes = self.look(maps, self.directions)  # [B, S, A, C], [B, S, A, K]
        step = 4 * self.config.hop_length / self.config.sample_rate
        moments = torch.arange(num_columns, device=times.device) * step
        weights = between_frames(times, seen, moments)  # [B, M, S]
        return _Picture(
            torch.einsum("bms,bsac->bmac", weights.to(features.dtype), features),
            torch.einsum("bms,bsak->bmak", weights, classes),
            seen.any(dim=1, keepdim=True).expand(-1, num_columns),
        )

    def _first_answer(self, classes: Tensor, shown: Tensor) -> Tensor:
        """Log of how well each direction's classes [B, M, A, K] explain a cell: [B, A + 1, f, M]."""
        probable = classes.exp()
        met = torch.einsum("bmak,bkfm->bafm", shown, probable[:, :-1])
        # What is seen is unsure; how much a preference counts is learned.
        answer = self.trust * met.clamp_min(LEAST_SEEN).log()
        return functional.pad(answer, (0, 0, 0, 0, 0, 1), value=NOWHERE)

    def _summary(self, coarse: Tensor) -> Tensor:
        """Mean direction and belief in none of the first answer, [B, 2, f, M]."""
        share = coarse.softmax(dim=1)
        mean = (share[:, :-1] * self.positions[:, None, None]).sum(1)
        return torch.stack([mean, share[:, -1]], dim=1)


@dataclass(frozen=True)
class _Picture:
    """Features [B, M, A, C], class shares [B, M, A, K], whether anything is seen [B, M]."""

    features: Tensor
    classes: Tensor
    seen: Tensor


class _Look(nn.Module):
    """Maps of frames -> what is seen in each direction.

    Args (forward): maps [B, S, D, h, w], class directions [K, D].
    Returns: features [B, S, A, C]; class shares in 0..1 [B, S, A, K], the most of any row.
    """

    def __init__(self, config: BearingsConfig) -> None:
        super().__init__()
        width = config.look
        self.count = config.num_directions
        self.enter = nn.Conv2d(config.frame_dim + 1, width, 3, padding=1)
        self.near = nn.Conv2d(width, width, 3, padding=1)
        self.notice = nn.Conv2d(width, 1, 1)
        self.around = nn.ModuleList(nn.Conv1d(width, width, 5, padding=2) for _ in range(3))
        self.norm = nn.LayerNorm(width)

    def forward(self, maps: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        batch, frames, _, height, width = maps.shape
        flat = maps.flatten(0, 1).to(self.enter.weight.dtype)  # [B S, D, h, w]
        up = torch.linspace(1, -1, height, device=maps.device)[None, None, :, None]
        x = torch.cat([2 * flat, up.expand(len(flat), 1, height, width).to(flat.dtype)], dim=1)
        x = functional.silu(self.enter(x))
        x = x + functional.silu(self.near(x))
        x = (x * self.notice(x).float().softmax(dim=2).to(x.dtype)).sum(2)  # [B S, C, w]
        x = self._across(x)
        for step in self.around:
            x = x + functional.silu(step(x))
        x = self.norm(x.transpose(1, 2))  # [B S, A, C]
        # Directions of classes are orthonormal, so squared products are shares.
        shown = torch.einsum("ndhw,kd->nkhw", maps.flatten(0, 1).float(), directions).square()
        shown = self._across(shown.amax(dim=2)).transpose(1, 2)
        shape = (batch, frames, self.count, -1)
        return x.reshape(shape), shown.reshape(shape)

    def _across(self, x: Tensor) -> Tensor:
        """Columns of the map to directions, linear in between."""
        return functional.interpolate(x, size=self.count, mode="linear", align_corners=False)


class _Meet(nn.Module):
    """What a direction looks for at each moment, by what is seen there and heard then.

    Args (forward): line [B, W, M] at 4 hops per column, features [B, M, A, C].
    Returns: keys [B, M, A + 1, cell_dim], float; bias [B, M, A + 1], float.
    """

    def __init__(self, config: BearingsConfig) -> None:
        super().__init__()
        self.hear = nn.Linear(config.timeline, config.meet)
        self.see = nn.Linear(config.look, config.meet)
        self.nowhere = nn.Parameter(0.1 * torch.randn(config.meet))
        self.look_for = nn.Linear(config.meet, config.cell_dim + 1)
        self.scale = config.cell_dim**-0.5

    def forward(self, line: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        each = self.see(features)  # [B, M, A, W]
        none = self.nowhere.to(each.dtype).expand(*each.shape[:2], 1, -1)
        heard = self.hear(line.transpose(1, 2))[:, :, None]  # [B, M, 1, W]
        found = self.look_for(functional.silu(torch.cat([each, none], dim=2) + heard)).float()
        return found[..., :-1] * self.scale, found[..., -1]


def between_frames(times: Tensor, seen: Tensor, moments: Tensor) -> Tensor:
    """Weights of frames at given moments: linear between neighbours, held before and after.

    Args:
        times: [B, S] seconds, in any order.
        seen: bool [B, S]; frames without count not at all.
        moments: [M] seconds.

    Returns:
        float32 [B, M, S], rows summing to 1, or 0 where no frame is seen.
    """
    away = moments[None, :, None] - times[:, None, :].float()  # [B, M, S]
    hidden = ~seen[:, None, :]
    before, from_before = away.masked_fill(hidden | (away < 0), torch.inf).min(dim=2)
    after, to_after = (-away).masked_fill(hidden | (away > 0), torch.inf).min(dim=2)
    gap = before + after
    # One neighbour alone holds; a frame at the very moment is both neighbours.
    share = torch.where(gap > 0, before / gap, torch.zeros_like(gap))
    share = torch.where(torch.isinf(before), torch.ones_like(share), share)
    share = torch.where(torch.isinf(after), torch.zeros_like(share), share)
    there = torch.isfinite(before) | torch.isfinite(after)
    count = times.shape[1]
    weights = functional.one_hot(from_before, count) * (1 - share)[..., None]
    weights = weights + functional.one_hot(to_after, count) * share[..., None]
    return weights * there[..., None]


def tiny_bearings() -> Bearings:
    """Small seeded network for tests: takes the weightless maps, knows nothing."""
    config = BearingsConfig(
        window_s=2.0,
        num_bands=16,
        widths=(4, 8, 8, 8),
        timeline=16,
        dilations=(1, 2),
        cell_dim=8,
        num_directions=8,
        look=8,
        meet=8,
        num_classes=8,
        frame_encoder="grid-words",
        frame_dim=32,
        frame_height=32,
        frame_width=64,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Bearings(config)
        model.directions.copy_(torch.eye(8, 32))
        return model
