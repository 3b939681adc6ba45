"""How loud the new sound is: one constant gain, found in a pass over the finished waveform.

    alone or beside other sound   loudness as asked for (`--loudness`, -23 LUFS), but
                                  no more than `MOST_GAIN_DB` louder than the network made it, and
                                  a true peak of at most `CEILING_DB`; a sound of few loud strokes stays softer
    beneath old sound (`--mix`)   likewise, and at least `BENEATH_LU` softer than the old sound; if the sum's
                                  true peak is above both the ceiling and the old sound's own, the sum
                                  is turned down as a whole

What is softer than `SILENCE_LUFS` is silence and is not made louder. Loudness is integrated (ITU-R BS.1770).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.level import db_to_gain, gain_to_db
from seehear.dsp.loudness import LoudnessMeter, TruePeakMeter
from seehear.tasks.generate.keeping import Table

Block = NDArray[np.float32]

CEILING_DB = -1.0
MOST_GAIN_DB = 30.0
SILENCE_LUFS = -60.0
BENEATH_LU = 10.0
ROWS = 50
"""Table rows that are read at once."""


@dataclass(frozen=True)
class Level:
    """What was measured of a sound.

    Args:
        loudness_lufs: integrated; -inf for silence.
        true_peak: amplitude, 1 = full scale.
    """

    loudness_lufs: float
    true_peak: float

    def facts(self) -> dict[str, float | None]:
        """For the receipt; silence has no level."""
        peak_db = gain_to_db(self.true_peak)
        return {
            "loudness_lufs": _rounded(self.loudness_lufs),
            "true_peak_dbtp": _rounded(peak_db),
        }


def measure(blocks: Iterable[Block], sample_rate: int, weights: list[float]) -> Level:
    """Loudness and true peak of blocks [C, n].

    Args:
        blocks: the sound.
        sample_rate: Hz.
        weights: of its channels, see `dsp.loudness.channel_weights`.
    """
    meter = LoudnessMeter(sample_rate, weights)
    peaks = TruePeakMeter(sample_rate, len(weights))
    for block in blocks:
        meter.push(block)
        peaks.push(block)
    return Level(meter.loudness(), peaks.finish())


def wave_blocks(wave: Table, num_samples: int) -> Iterator[Block]:
    """The first samples of a waveform kept in rows, as blocks [1, n]."""
    left = num_samples
    for start in range(0, len(wave), ROWS):
        block = wave.read(start, start + ROWS).reshape(1, -1)[:, :left]
        if block.shape[1]:
            yield block
        left -= block.shape[1]
        if left <= 0:
            return


def gain_for(level: Level, loudness_lufs: float) -> float:
    """Factor that brings a sound to a loudness, as the rules above say.

    >>> round(gain_for(Level(-29.0, 0.1), -23.0), 3)
    1.995
    >>> round(gain_for(Level(-29.0, 0.6), -23.0), 3)
    1.485
    >>> gain_for(Level(-math.inf, 0.0), -23.0)
    1.0
    """
    highest = db_to_gain(CEILING_DB) / level.true_peak if level.true_peak > 0 else math.inf
    if level.loudness_lufs < SILENCE_LUFS:
        return min(1.0, highest)
    wanted = db_to_gain(min(loudness_lufs - level.loudness_lufs, MOST_GAIN_DB))
    return min(wanted, highest)


def beneath(old: Level, loudness_lufs: float) -> float:
    """Loudness of a new sound beneath an old one, LUFS."""
    if old.loudness_lufs < SILENCE_LUFS:
        return loudness_lufs
    return min(loudness_lufs, old.loudness_lufs - BENEATH_LU)


def sum_gain(sum_peak: float, old_peak: float) -> float:
    """Factor for the sum of old and new sound, at most 1."""
    limit = max(db_to_gain(CEILING_DB), old_peak)
    return min(1.0, limit / sum_peak) if sum_peak > 0 else 1.0


@dataclass(frozen=True)
class Gains:
    """What was done to levels.

    Args:
        new_db: gain of the new sound.
        sum_db: gain of everything, with --mix.
        made: level as the network made it.
        old: level of the old sound, with --mix.
    """

    new_db: float
    made: dict[str, Any]
    sum_db: float | None = None
    old: dict[str, Any] | None = None

    def facts(self) -> dict[str, Any]:
        """For the receipt."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def _rounded(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
