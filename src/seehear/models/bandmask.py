"""Masks per band and time for any number of queries: our own separator for CPUs.

The mixture becomes log power in bands: single STFT bins at the bottom, where partials lie close
together, and bands of equal width on the ERB-rate scale above. A U-Net over (band, time), whose time
line hears the whole window, first says of every coarse cell which class of sound is there, whatever
is asked. A query is a point of the space in which classes are directions, so it selects its share of
these classes; the rest goes to the residual. The finer half of the decoder knows what is asked for
(FiLM, Perez et al. 2018, by the mean of the queries) and corrects the coarse answer: each query turns
into a vector per moment, and its inner product with the vector of a cell is added. Masks are a
softmax over queries and residual.

The costly part runs once for all queries of a window. Ours, not from a paper; the read-out by inner
product follows mask classification in image segmentation (Cheng et al. 2021, MaskFormer).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.bands import erb_to_hz, expansion, hz_to_erb
from seehear.dsp.stft import istft, stft
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


@dataclass(frozen=True)
class BandMaskConfig:
    """Shape of the network and of what it is asked.

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
        query_dim: numbers per query.
        num_classes: directions of the query space that stand for classes.
        query_encoder: id of the encoder that makes queries.
    """

    sample_rate: int = 16000
    window_s: float = 10.0
    n_fft: int = 1024
    hop_length: int = 320
    num_bands: int = 144
    highest_hz: float = 7900.0
    widths: tuple[int, int, int, int] = (24, 48, 72, 96)
    timeline: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    cell_dim: int = 32
    query_dim: int = 64
    num_classes: int = 52
    query_encoder: str = "concepts@1"


@dataclass(frozen=True)
class BandMaskParts:
    """All that the network says; training looks at more than the masks.

    Args:
        masks: [B, Q + 1, F, N].
        class_scores: [B, num_classes + 1, F / 4, N / 4 rounded up], log-probabilities of classes in
            coarse cells; the last stands for sounds of no class.
    """

    masks: Tensor
    class_scores: Tensor


class BandMask(nn.Module):
    """Mixture and queries -> masks."""

    band_centres_hz: Tensor
    gather: Tensor
    directions: Tensor

    def __init__(self, config: BandMaskConfig) -> None:
        super().__init__()
        self.config = config
        centres = mask_bands(
            config.num_bands, config.highest_hz, config.sample_rate / config.n_fft
        ).float()
        self.register_buffer("band_centres_hz", centres)
        spread = expansion(centres, config.n_fft, config.sample_rate)
        self.register_buffer("gather", spread.T.contiguous(), persistent=False)
        w0, w1, w2, w3 = config.widths
        self.pitch = nn.Parameter(0.1 * torch.randn(4, config.num_bands))
        self.enc0 = Block(NUM_PLANES, w0, depth=1)
        self.enc1 = Block(w0, w1, stride=(2, 2))
        self.enc2 = Block(w1, w2, stride=(2, 2))
        self.enc3 = Block(w2, w3, stride=(2, 1))
        squeezed = w3 * (config.num_bands // 8)
        directions = torch.zeros(config.num_classes, config.query_dim)
        self.register_buffer("directions", directions)
        self.ask = _embed(config.query_dim, config.timeline)
        self.timeline = TimeLine(squeezed, config.timeline, config.dilations)
        self.dec3 = Block(2 * w3, w3)
        self.dec2 = Block(w3 + w2, w2)
        self.to_classes = nn.Conv2d(w2, config.num_classes + 1, 1)
        self.dec1 = Block(w2 + w1 + 1, w1, told=config.timeline)
        self.dec0 = Block(w1 + w0, w0, depth=1, told=config.timeline)
        self.to_cells = nn.Conv2d(w0, config.cell_dim, 1)
        self.read = _Read(config)

    def forward(self, waveform: Tensor, queries: Tensor, query_mask: Tensor) -> Tensor:
        """Masks for a batch of windows.

        Args:
            waveform: float32 [B, T] at `config.sample_rate`, T > 0.
            queries: float [B, Q, query_dim], Q >= 1.
            query_mask: bool [B, Q]; False = padding, whose mask is 0.

        Returns:
            float32 [B, Q + 1, F, N] in 0..1, summing to 1 over dim 1, whose last entry is the
            residual; column n is centred on sample n * hop_length. Changing the order of the
            queries changes the order of the masks and nothing else.
        """
        return self.masks(self.band_power(waveform), queries, query_mask)

    def masks(self, power: Tensor, queries: Tensor, query_mask: Tensor) -> Tensor:
        """As `forward`, from band power [B, F, N]."""
        return self.parts(power, queries, query_mask).masks

    def parts(self, power: Tensor, queries: Tensor, query_mask: Tensor) -> BandMaskParts:
        """As `masks`, with everything that training compares."""
        cells = self._cells(power)
        num_columns = cells.shape[-1]
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
        coarse = self._selected(classes, queries.float(), query_mask)  # [B, Q + 1, F / 4, M]
        asked = self.ask(queries)  # [B, Q, W]
        present = query_mask[..., None].to(asked.dtype)
        told = (asked * present).sum(1) / present.sum(1).clamp_min(1.0)  # [B, W]
        shown = functional.pad(query_mask, (0, 1), value=True)[:, :, None, None]
        coarse = coarse.masked_fill(~shown, -1e4)
        wanted = coarse[:, :-1].logsumexp(dim=1, keepdim=True) - coarse[:, -1:]
        y = torch.cat([y, wanted.clamp(-6.0, 6.0).to(y.dtype)], dim=1)
        y = self.dec1(torch.cat([wider(y, (2, 2)), x1], dim=1), told)
        y = self.dec0(torch.cat([wider(y, (2, 2)), x0], dim=1), told)
        vectors = self.to_cells(y)[..., :num_columns]  # [B, C, F, N]
        logits = self.read(line, asked, vectors) + smoothly(coarse, (4, 4))[..., :num_columns]
        return BandMaskParts(logits.masked_fill(~shown, -torch.inf).softmax(dim=1), classes)

    def _selected(self, classes: Tensor, queries: Tensor, query_mask: Tensor) -> Tensor:
        """Log-probability of each query and of the residual in coarse cells [B, Q + 1, f, m].

        Directions are orthonormal, so the squares of a query's products with them sum to at most 1:
        its share of each class. What queries leave of a class belongs to the residual.
        """
        share = (queries @ self.directions.T).square() * query_mask[..., None]  # [B, Q, K]
        share = share / share.sum(1, keepdim=True).clamp_min(1.0)
        rest = 1 - share.sum(1, keepdim=True)
        share = torch.cat([share, rest], dim=1)  # [B, Q + 1, K]
        # Sounds of no class are the residual's; a little of everything keeps logarithms finite.
        none = functional.pad(share.new_zeros(len(share), share.shape[1] - 1), (0, 1), value=1.0)
        share = torch.cat([share, none[..., None]], dim=2).clamp_min(1e-3)
        return torch.einsum("bqk,bkfm->bqfm", share, classes.exp()).clamp_min(1e-6).log()

    def band_power(self, waveform: Tensor) -> Tensor:
        """Power in bands, [B, T] -> [B, F, N]; a full-scale sine has about 1."""
        spectrum = torch.view_as_real(self.spectrum(waveform)).square().sum(-1)
        return self.gather @ spectrum

    def spectrum(self, waveform: Tensor) -> Tensor:
        """STFT on the network's grid, scaled so that a full-scale sine has 1: [B, T] -> [B, K, N]."""
        return grid_spectrum(waveform, self.config.n_fft, self.config.hop_length)

    def estimates(self, waveform: Tensor, queries: Tensor, query_mask: Tensor) -> Tensor:
        """Waveforms of queries and residual by masking on the network's own grid.

        Args: as in `forward`.

        Returns:
            float32 [B, Q + 1, T] at `config.sample_rate`; the sum over dim 1 is the waveform.
        """
        n_fft, hop, length = self.config.n_fft, self.config.hop_length, waveform.shape[-1]
        if length <= n_fft // 2:
            waveform = functional.pad(waveform, (0, n_fft // 2 + 1 - length))
        spread = self.gather.T @ self(waveform, queries, query_mask)  # [B, Q + 1, K, N]
        # Below the first band its mask continues; bin weights over bands sum to 1 everywhere.
        masked = spread * stft(waveform.float(), n_fft, hop)[:, None]
        return istft(masked, n_fft, hop, length=waveform.shape[-1])[..., :length]

    def _cells(self, power: Tensor) -> Tensor:
        """Input planes [B, 7, F, N].

        Planes: level relative to the window's mean, relative to the loudest cell of the band,
        change since the last column, and four learned ones that tell bands apart.
        """
        planes = level_planes(power)  # [B, 3, F, N]
        pitch = self.pitch[None, :, :, None].expand(len(power), -1, -1, power.shape[-1])
        return torch.cat([planes, pitch], dim=1)


def mask_bands(num_bands: int, highest_hz: float, bin_hz: float) -> Tensor:
    """Band centres: one per STFT bin from bin 1 on, then evenly spaced on the ERB-rate scale.

    The scale takes over where its spacing exceeds a bin, so no band is narrower than a bin.

    Args:
        num_bands: how many.
        highest_hz: the last one.
        bin_hz: spacing of STFT bins.

    Returns:
        Increasing, float64 [num_bands], Hz.

    >>> mask_bands(16, 7900.0, 15.625)[[0, 15]].tolist()
    [15.625, 7900.0]
    """
    top = hz_to_erb(torch.tensor(highest_hz, dtype=torch.float64))
    for linear in range(1, num_bands):
        start = torch.tensor(linear * bin_hz, dtype=torch.float64)
        ends = torch.linspace(float(hz_to_erb(start)), float(top), num_bands - linear + 1).double()
        upper = erb_to_hz(ends)
        if float(upper[1] - upper[0]) >= bin_hz:
            lower = torch.arange(1, linear, dtype=torch.float64) * bin_hz
            upper[0], upper[-1] = linear * bin_hz, highest_hz
            return torch.cat([lower, upper])
    return torch.linspace(bin_hz, highest_hz, num_bands).double()


class _Read(nn.Module):
    """What every query, and the residual, looks for at each moment; inner product with the cells.

    Args (forward): line [B, W, M] at 4 hops per column, asked [B, Q, W], vectors [B, C, F, N].
    Returns: logits [B, Q + 1, F, N].
    """

    def __init__(self, config: BandMaskConfig) -> None:
        super().__init__()
        width = config.timeline
        self.rest = nn.Parameter(0.1 * torch.randn(width))
        self.hear = nn.Conv1d(width, width, 1)
        self.look_for = nn.Conv1d(width, config.cell_dim + 1, 1)
        self.scale = config.cell_dim**-0.5

    def forward(self, line: Tensor, asked: Tensor, vectors: Tensor) -> Tensor:
        batch, count, _ = asked.shape
        rest = self.rest.expand(batch, 1, -1).to(asked.dtype)
        each = torch.cat([asked, rest], dim=1)  # [B, Q + 1, W]
        heard = self.hear(line)[:, None] + each[..., None]  # [B, Q + 1, W, M]
        keys = self.look_for(functional.silu(heard).flatten(0, 1))
        keys = columns(keys.float(), vectors.shape[-1])  # [B (Q + 1), C + 1, N]
        keys = keys.reshape(batch, count + 1, -1, keys.shape[-1])
        # One matrix product per column: [B, N, F, C] x [B, N, C, Q + 1].
        cells = vectors.float().permute(0, 3, 2, 1)
        logits = cells @ keys[:, :, :-1].permute(0, 3, 2, 1) * self.scale
        logits = logits.permute(0, 3, 2, 1)  # [B, N, F, Q + 1] -> [B, Q + 1, F, N]
        return logits + keys[:, :, -1:, :]


def _embed(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(before, width), nn.SiLU(), nn.Linear(width, width))


def tiny_bandmask() -> BandMask:
    """Small seeded network for tests: takes the weightless queries, knows nothing."""
    config = BandMaskConfig(
        num_bands=16,
        widths=(4, 8, 8, 8),
        timeline=16,
        dilations=(1, 2),
        cell_dim=8,
        query_dim=32,
        num_classes=8,
        query_encoder="grid-words",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BandMask(config)
        model.directions.copy_(torch.eye(8, 32))
        return model
