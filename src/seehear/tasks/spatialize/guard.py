"""Is this pair of channels binaural already? A rule on interaural delays and coherence.

Between two ears a sound from the side arrives with a delay of up to 0.8 ms, the same at all low
frequencies; what comes from one place is coherent. Sound that was panned by levels is coherent too, but
without delay; channels that were recorded or made apart are not coherent. So in short stretches of three
bands below 1.5 kHz the lag of the best correlation is measured, and the power of those stretches counts
as binaural that are coherent and delayed. How far the rule tells scenes apart is in docs/spatialize.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.overlap import transform_length

Block = NDArray[np.float32]

BANDS_HZ = ((150.0, 500.0), (500.0, 900.0), (900.0, 1500.0))
COHERENT = 0.9
"""Correlation at the best lag from which a stretch counts as coming from one place."""
LEAST_LAG_S, MOST_LAG_S = 60e-6, 1.0e-3
LAG_STEP_S = 20e-6
SEARCH_S = 1.2e-3
SMOOTH_COLUMNS = 4
QUIET_RATIO = 1e-4
"""Stretches this far (-40 dB) below the loudest one are left out."""
BINAURAL_SHARE = 0.35
"""Share of the power in coherent, delayed stretches above which the sound counts as binaural."""
STEREO_SIDE = 1e-2
"""Power of the difference of two channels over that of their sum, above which they are not flat."""
LISTEN_S = 120.0
"""The rule listens to this much sound that is not silent, from the beginning."""
SILENT_POWER = 1e-10


@dataclass(frozen=True)
class PairReport:
    """What two channels are to each other.

    Args:
        binaural_share: share of power in stretches that are coherent and delayed.
        coherent_share: share of power in stretches that are coherent.
        spread_us: power-weighted root mean square lag of coherent stretches, microseconds.
        side_ratio: power of left minus right over that of left plus right.
        seconds: of sound that was listened to.
    """

    binaural_share: float
    coherent_share: float
    spread_us: float
    side_ratio: float
    seconds: float

    @property
    def is_binaural(self) -> bool:
        """Whether the rule says so."""
        return self.binaural_share > BINAURAL_SHARE

    @property
    def is_flat(self) -> bool:
        """Whether the two channels are one sound."""
        return self.side_ratio <= STEREO_SIDE

    def facts(self) -> dict[str, float]:
        """For the receipt."""
        return {
            "binaural_share": round(self.binaural_share, 4),
            "coherent_share": round(self.coherent_share, 4),
            "spread_us": round(self.spread_us, 1),
            "side_ratio": round(self.side_ratio, 6),
            "seconds": round(self.seconds, 2),
        }


def measure_pair(blocks: Iterable[Block], sample_rate: int) -> PairReport:
    """Listen to two channels.

    Args:
        blocks: float32 [2, n]; reading stops after `LISTEN_S` seconds that are not silent.
        sample_rate: Hz.
    """
    meter = _Meter(sample_rate)
    step = max(sample_rate, 1)
    held = np.zeros((2, 0), np.float32)
    for block in blocks:
        held = np.concatenate([held, block], axis=1)
        while held.shape[1] >= step:
            meter.take(held[:, :step])
            held = held[:, step:]
        if meter.seconds >= LISTEN_S:
            break
    meter.take(held)
    return meter.report()


class _Meter:
    """Cells of (band, stretch): lag of the best correlation, its height, and power."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._n_fft = transform_length(sample_rate)
        self._hop = self._n_fft // 4
        self._window = np.hanning(self._n_fft + 1)[:-1].astype(np.float32)
        hz = np.fft.rfftfreq(self._n_fft, 1 / sample_rate)
        self._bins = [np.flatnonzero((hz >= low) & (hz < high)) for low, high in BANDS_HZ]
        self._lags = np.arange(-SEARCH_S, SEARCH_S + LAG_STEP_S / 2, LAG_STEP_S)
        turns = [np.exp(2j * np.pi * hz[bins][None] * self._lags[:, None]) for bins in self._bins]
        self._turns = [turn.astype(np.complex64) for turn in turns]
        self._cells: list[NDArray[np.float64]] = []
        self._powers = np.zeros(2)
        self.seconds = 0.0

    def take(self, block: Block) -> None:
        """A stretch of about a second; what is shorter than a transform says nothing."""
        if block.shape[1] == 0 or float(np.mean(block.astype(np.float64) ** 2)) < SILENT_POWER:
            return
        self.seconds += block.shape[1] / self._rate
        left, right = block.astype(np.float64)
        self._powers += [np.sum((left + right) ** 2), np.sum((left - right) ** 2)]
        if block.shape[1] < self._n_fft + (SMOOTH_COLUMNS - 1) * self._hop:
            return
        framed = np.lib.stride_tricks.sliding_window_view(block, self._n_fft, axis=1)
        spectra = np.fft.rfft(framed[:, :: self._hop] * self._window).astype(np.complex64)
        for bins, turn in zip(self._bins, self._turns, strict=True):
            if len(bins):
                self._cells.append(self._band(spectra[:, :, bins], turn))

    def _band(
        self, pair: NDArray[np.complex64], turn: NDArray[np.complex64]
    ) -> NDArray[np.float64]:
        """Lag in seconds, correlation and power of every stretch of one band, [3, N]."""
        cross = _smooth(pair[0] * pair[1].conj())  # [N, F]
        power = _smooth(np.abs(pair) ** 2).sum(axis=-1)  # [2, N]
        # A positive lag: the left channel leads.
        curve = np.real(cross @ turn.T.conj())  # [N, lags]
        level = np.sqrt(power[0] * power[1])
        best = curve.argmax(axis=1)
        height = curve[np.arange(len(best)), best] / np.maximum(level, 1e-20)
        return np.stack([self._lags[best], height, power.sum(axis=0)]).astype(np.float64)

    def report(self) -> PairReport:
        """Sum up."""
        side = float(self._powers[1] / max(self._powers[0], 1e-20))
        cells = np.concatenate(self._cells, axis=1) if self._cells else np.zeros((3, 0))
        lag, height, power = cells[:, cells[2] > QUIET_RATIO * cells[2].max(initial=0.0)]
        total = float(power.sum())
        if total <= 0:
            return PairReport(0.0, 0.0, 0.0, side, self.seconds)
        coherent = height >= COHERENT
        late = np.abs(lag)
        delayed = coherent & (late >= LEAST_LAG_S) & (late <= MOST_LAG_S)
        held = float(power[coherent].sum())
        spread = float(np.sqrt((power * lag**2)[coherent].sum() / held)) if held else 0.0
        return PairReport(
            float(power[delayed].sum()) / total, held / total, 1e6 * spread, side, self.seconds
        )


def _smooth(values: NDArray[Any]) -> NDArray[Any]:
    """Sums of `SMOOTH_COLUMNS` neighbours along axis -2."""
    windows = np.lib.stride_tricks.sliding_window_view(values, SMOOTH_COLUMNS, axis=-2)
    summed: NDArray[Any] = windows.sum(axis=-1)
    return summed
