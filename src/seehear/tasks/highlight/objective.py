"""What the band-gain network is asked for: the target's spectrum, envelope, and what lies behind.

The main terms are what the published metrics measure: linear magnitudes (MAG) and the envelope
(ENV), both relative to the target so that quiet scenes count as much as loud ones. Helpers while
learning: the share of each stem in every cell, and the gain that each stem really needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from seehear.dsp.bands import expansion
from seehear.dsp.stft import stft
from seehear.models.bandgain import BandGain, BandGainParts
from seehear.nn.bandunet import DB
from seehear.tasks.highlight.data import SceneBatch


@dataclass(frozen=True)
class BandLossWeights:
    """Weight of each term.

    Args:
        magnitude: mean |difference| of linear magnitudes over mean target magnitude.
        envelope: RMS difference of column levels over RMS target level.
        log: mean |difference| of band levels in dB, over 20 dB, weighted towards audible cells.
        shares: cross entropy of stem shares, weighted by amplitude.
        stem_gains: |difference| of stem gains in dB, over 10 dB, weighted by stem level.
    """

    magnitude: float = 1.0
    envelope: float = 0.5
    log: float = 0.1
    shares: float = 0.3
    stem_gains: float = 0.3


class BandGainObjective(nn.Module):
    """Losses of a batch of scenes."""

    spread: Tensor

    def __init__(self, model: BandGain, weights: BandLossWeights | None = None) -> None:
        super().__init__()
        self.model = model
        self.weights = weights or BandLossWeights()
        config = model.config
        spread = expansion(model.band_centres_hz, config.n_fft, config.sample_rate)
        self.register_buffer("spread", spread, persistent=False)

    def forward(self, batch: SceneBatch) -> dict[str, Tensor]:
        parts = self.model.parts(batch.mixture, batch.context)
        with torch.autocast(batch.mixture.device.type, enabled=False):
            terms = self._spectral(parts, batch) | self._helpers(parts, batch)
        weights = self.weights
        loss = sum(getattr(weights, name) * value for name, value in terms.items())
        return {"loss": torch.as_tensor(loss), **terms}

    def apply_gains(self, parts: BandGainParts, mixture: Tensor) -> Tensor:
        """Magnitudes of the result, [B, bins, N]."""
        gains = self.spread @ parts.gains_db.float()  # [B, F, N] -> [B, bins, N]
        return self.magnitude(mixture) * 10.0 ** (gains / 20.0)

    def magnitude(self, waveform: Tensor) -> Tensor:
        """Magnitudes of a waveform on the network's grid, [B, T] -> [B, bins, N]."""
        config = self.model.config
        spectrum = torch.view_as_real(stft(waveform, config.n_fft, config.hop_length))
        return spectrum.square().sum(-1).clamp_min(1e-10).sqrt()

    def _spectral(self, parts: BandGainParts, batch: SceneBatch) -> dict[str, Tensor]:
        estimate = self.apply_gains(parts, batch.mixture)
        target = self.magnitude(batch.target)
        magnitude = (estimate - target).abs().mean((1, 2)) / target.mean((1, 2))
        got, wanted = (x.square().sum(1).sqrt() for x in (estimate, target))  # [B, N]
        envelope = (got - wanted).square().mean(1).sqrt() / wanted.square().mean(1).sqrt()
        power = self.model.band_power(batch.target)
        wanted_db = DB * power.clamp_min(1e-8).log()
        got_db = DB * parts.power.clamp_min(1e-8).log() + parts.gains_db
        audible = (wanted_db + 80.0).clamp(0.0, 60.0) / 60.0
        log = ((got_db - wanted_db).abs() * audible).mean() / 20.0
        return {"magnitude": magnitude.mean(), "envelope": envelope.mean(), "log": log}

    def _helpers(self, parts: BandGainParts, batch: SceneBatch) -> dict[str, Tensor]:
        config = self.model.config
        size, stems, length = batch.muddy_stems.shape
        power = self.model.band_power(batch.muddy_stems.reshape(size * stems, length))
        amplitude = (
            power.clamp_min(1e-12).sqrt().reshape(size, stems, *power.shape[1:])
        )  # [B, 3, F, N]
        share = amplitude / amplitude.sum(1, keepdim=True)
        weight = amplitude.sum(1)
        entropy = -(share * parts.shares.clamp_min(1e-6).log()).sum(1)
        shares = (entropy * weight).sum() / weight.sum()
        columns = parts.stem_gains_db.shape[-1]
        wanted = self._level_db(batch.stems, config.hop_length, columns)
        given = self._level_db(batch.muddy_stems, config.hop_length, columns)
        low, high = config.gain_db
        true_gain = (wanted - given).clamp(low, high)
        matters = ((wanted + 60.0) / 40.0).clamp(0.0, 1.0)
        error = (parts.stem_gains_db - true_gain).abs() / 10.0
        return {"shares": shares, "stem_gains": (error * matters).sum() / matters.sum()}

    @staticmethod
    def _level_db(stems: Tensor, hop_length: int, columns: int) -> Tensor:
        """Level of stems around each column, dB [B, 3, N]."""
        smoothed = functional.avg_pool1d(
            stems.square(), 4 * hop_length, hop_length, 2 * hop_length, count_include_pad=False
        )
        return DB * smoothed[..., :columns].clamp_min(1e-9).log()
