"""The new sound as blocks for the encoder: by itself, or laid beneath the old one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.gains import full_range_channels
from seehear.dsp.level import gain_to_db
from seehear.dsp.loudness import TruePeakMeter, channel_weights
from seehear.media.read import SoundReport
from seehear.tasks.generate.keeping import Table
from seehear.tasks.generate.level import (
    Gains,
    Level,
    beneath,
    gain_for,
    measure,
    sum_gain,
    wave_blocks,
)
from seehear.tasks.picture_source import PictureSource
from seehear.tasks.rendering import WaveformReader
from seehear.tasks.source import SoundSource

Block = NDArray[np.float32]

STEP_S = 1.0


@dataclass(frozen=True)
class Track:
    """A finished sound that has not been encoded.

    Args:
        blocks: float32 [C, n], in order.
        sample_rate: Hz.
        begin_s: when the first sample is heard, seconds on the input's clock.
        num_samples: length.
        gains: what was done to levels.
        report: of the old sound, if it was read.
    """

    blocks: Iterator[Block]
    sample_rate: int
    begin_s: float
    num_samples: int
    gains: Gains
    report: SoundReport | None = None


@dataclass(frozen=True)
class Wave:
    """What the vocoder made.

    Args:
        table: rows of samples.
        sample_rate: Hz.
        num_samples: of the video's length.
    """

    table: Table
    sample_rate: int
    num_samples: int

    def reader(self, to_rate: int) -> WaveformReader:
        """Read it at another rate."""
        blocks = (block[0] for block in wave_blocks(self.table, self.num_samples))
        return WaveformReader(blocks, self.sample_rate, to_rate)

    def level(self) -> Level:
        """Loudness and true peak."""
        return measure(wave_blocks(self.table, self.num_samples), self.sample_rate, [1.0])


def alone(source: PictureSource, wave: Wave, sample_rate: int, loudness_lufs: float) -> Track:
    """The new sound by itself, from the picture's first moment to its last.

    Args:
        source: the video.
        wave: its sound.
        sample_rate: wanted, Hz.
        loudness_lufs: wanted.
    """
    made = wave.level()
    gain = gain_for(made, loudness_lufs)
    length = max(round(source.length_s * sample_rate), 1)

    def blocks() -> Iterator[Block]:
        reader = wave.reader(sample_rate)
        for count in _steps(length, sample_rate):
            yield np.float32(gain) * reader.read(count)

    gains = Gains(round(gain_to_db(gain), 3), made.facts())
    return Track(blocks(), sample_rate, source.begin_s, length, gains)


def beneath_old(source: PictureSource, wave: Wave, loudness_lufs: float) -> Track:
    """The old sound with the new one beneath it, as long as both together.

    Args:
        source: a video with sound.
        wave: the new sound.
        loudness_lufs: most that the new sound may have.
    """
    assert source.sound is not None, "there is something to mix with"
    sound = source.sound
    report = SoundReport()
    counted = _Counted(sound.blocks(report))
    old = measure(counted, sound.sample_rate, channel_weights(sound.channel_names))
    heard = counted.num_samples
    if not heard:
        return alone(source, wave, sound.sample_rate, loudness_lufs)
    place = _Place.of(source, sound, report, heard)
    shape = spread(sound.channel_names)
    made = wave.level()
    louder = 10 * math.log10(float(shape.sum()))
    spread_out = Level(made.loudness_lufs + louder, made.true_peak)
    gain = gain_for(spread_out, beneath(old, loudness_lufs))
    peaks = TruePeakMeter(sound.sample_rate, len(shape))
    for block in _mixed(sound, wave, place, shape * np.float32(gain)):
        peaks.push(block)
    common = sum_gain(peaks.finish(), old.true_peak)

    def blocks() -> Iterator[Block]:
        for block in _mixed(sound, wave, place, shape * np.float32(gain)):
            yield block if common == 1.0 else np.float32(common) * block

    gains = Gains(
        round(gain_to_db(gain), 3), made.facts(), round(gain_to_db(common), 3), old.facts()
    )
    return Track(blocks(), sound.sample_rate, place.begin_s, place.total, gains, report)


def spread(channel_names: Sequence[str]) -> Block:
    """Factor of a mono sound in each channel, float32 [C, 1]: front left and right, else all but LFE."""
    names = [name.upper() for name in channel_names]
    shape = np.zeros((len(names), 1), np.float32)
    front = [index for index, name in enumerate(names) if name in ("FL", "FR")]
    shape[front if len(front) == 2 else full_range_channels(channel_names)] = 1.0
    return shape


class _Counted:
    """Blocks as they pass, counted."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self.num_samples = 0

    def __iter__(self) -> Iterator[Block]:
        for block in self._blocks:
            self.num_samples += block.shape[1]
            yield block


@dataclass(frozen=True)
class _Place:
    """Where old and new sound lie, in samples from the earlier one's beginning."""

    begin_s: float
    old_at: int
    new_at: int
    old_length: int
    new_length: int

    @classmethod
    def of(
        cls, source: PictureSource, sound: SoundSource, report: SoundReport, heard: int
    ) -> _Place:
        rate = sound.sample_rate
        old_s = sound.heard_from(report)
        lead = round((old_s - source.begin_s) * rate)  # samples by which the picture is earlier
        length = max(round(source.length_s * rate), 1)
        return cls(old_s - max(lead, 0) / rate, max(lead, 0), max(-lead, 0), heard, length)

    @property
    def total(self) -> int:
        return max(self.old_at + self.old_length, self.new_at + self.new_length)


def _mixed(sound: SoundSource, wave: Wave, place: _Place, shape: Block) -> Iterator[Block]:
    """Sum of both, [C, n]; the old sound's samples stay as they are where the new one is silent."""
    rate = sound.sample_rate
    reader = wave.reader(rate)
    left = place.new_length
    for count in _steps(place.old_at, rate):
        taken = min(count, left)
        yield np.pad(shape * reader.read(taken), ((0, 0), (0, count - taken)))
        left -= taken
    wait = place.new_at
    for block in sound.blocks(SoundReport()):
        quiet = min(wait, block.shape[1])
        taken = min(block.shape[1] - quiet, left)
        made = block.copy()
        made[:, quiet : quiet + taken] += shape * reader.read(taken)
        wait, left = wait - quiet, left - taken
        yield made
    for count in _steps(wait, rate):
        yield np.zeros((len(shape), count), np.float32)
    for count in _steps(left, rate):
        yield shape * reader.read(count)


def _steps(total: int, sample_rate: int) -> Iterator[int]:
    """Blocks of at most `STEP_S` that make a total."""
    step = max(int(STEP_S * sample_rate), 1)
    for start in range(0, total, step):
        yield min(step, total - start)
