"""Sounds of a test in memory: read, made stereo at one rate, matched in loudness, low-passed.

All sounds become stereo at 48 kHz, the rate of browsers, so that all versions of a clip go through
the same path. One channel becomes two equal ones; 5.1 is mixed down.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from seehear.dsp.filter import low_pass
from seehear.dsp.level import db_to_gain, gain_to_db, integrated_loudness, peak
from seehear.dsp.resample import resample
from seehear.errors import InputError
from seehear.media.opening import open_input
from seehear.media.read import SoundDecoder, picture_stream, sound_blocks, track_stream

RATE = 48_000
"""Hz of all proxies."""
CEILING_DB = -1.0
"""True peak that no matched sound exceeds, dBTP (EBU R 128)."""
OVERSAMPLING = 4
ANCHORS = {"anchor35": 3500.0, "anchor70": 7000.0}
"""Low-passed anchors of BS.1534: name -> cutoff in Hz."""
SIDE = math.sqrt(0.5)
MAX_DELAY_S = 10.0


@dataclass(frozen=True)
class Sound:
    """A decoded sound.

    Args:
        waveform: float32 [C, T].
        sample_rate: Hz.
        layout: FFmpeg's name of the channel layout.
        delay_s: begin relative to the picture beside it, None without a picture.
    """

    waveform: Tensor
    sample_rate: int
    layout: str
    delay_s: float | None

    @property
    def seconds(self) -> float:
        """Length."""
        return float(self.waveform.shape[1] / self.sample_rate)

    def begun(self, delay_s: float) -> Sound:
        """The same with silence in front (or cut off in front, if negative)."""
        count = round(delay_s * self.sample_rate)
        moved = torch.nn.functional.pad(self.waveform, (count, 0))
        return dataclasses.replace(self, waveform=moved, delay_s=None)


def read_sound(path: Path) -> Sound:
    """Decode the first sound track of a file.

    Raises:
        InputError: unreadable, without sound, with a channel layout that is no sound for two ears,
            or with sound that begins further from the picture than `MAX_DELAY_S`.
    """
    with open_input(path) as container:
        decoder = SoundDecoder(track_stream(container, 0))
        picture = picture_stream(container)
        begin = None if picture is None else float((picture.start_time or 0) * picture.time_base)
        layout = decoder.stream.codec_context.layout.name
        parts = list(sound_blocks(container, decoder))
    joined = np.concatenate(parts, axis=1) if parts else np.zeros((1, 0), np.float32)
    if joined.shape[1] == 0:
        raise InputError("not one sample can be decoded")
    if joined.shape[0] not in (1, 2, 6):
        raise InputError(f"{joined.shape[0]} channels ({layout}); make it mono, stereo or 5.1")
    delay = None if begin is None else (decoder.report.first_s or 0.0) - begin
    if delay is not None and abs(delay) > MAX_DELAY_S:
        raise InputError(f"its sound begins {delay:.1f} s after its picture")
    return Sound(torch.from_numpy(joined), decoder.sample_rate, layout, delay)


def ready(sound: Sound, seconds: float) -> Tensor:
    """Stereo at `RATE`, cut or filled to a length, float32 [2, round(seconds * RATE)]."""
    stereo = resample(two_channels(sound.waveform), sound.sample_rate, RATE)
    wanted = round(seconds * RATE)
    return torch.nn.functional.pad(stereo, (0, wanted - stereo.shape[1]))


def two_channels(waveform: Tensor) -> Tensor:
    """Mono to two equal channels, 5.1 (L R C LFE Ls Rs) to stereo, stereo as it is.

    Source: ITU-R BS.775, downmix to 2/0 with 0.7071 for centre and surrounds; LFE is left out.
    """
    if waveform.shape[0] == 1:
        return waveform.expand(2, -1).contiguous()
    if waveform.shape[0] == 2:
        return waveform
    left, right, centre, _, left_back, right_back = waveform
    return torch.stack(
        [left + SIDE * centre + SIDE * left_back, right + SIDE * centre + SIDE * right_back]
    )


def with_anchors(
    sounds: Mapping[str, Tensor], reference: str, anchors: list[str]
) -> dict[str, Tensor]:
    """Add low-passed copies of the reference."""
    made = {name: low_pass(sounds[reference], RATE, ANCHORS[name]) for name in anchors}
    return {**sounds, **made}


def matched_gains(sounds: Mapping[str, Tensor], loudness_lufs: float | None) -> dict[str, float]:
    """Gains in dB that bring all versions of a clip to one loudness under one ceiling.

    Every version gets the gain to the wanted loudness; then all get one and the same reduction, if
    any of them would exceed the ceiling, so that they stay equally loud. Silence is left alone.

    Args:
        sounds: float32 [2, T] at `RATE`.
        loudness_lufs: wanted loudness; None changes nothing, except that sounds beyond full scale
            are all brought down together, because a file cannot hold them.
    """
    gains = dict.fromkeys(sounds, 0.0)
    if loudness_lufs is not None:
        for name, sound in sounds.items():
            current = integrated_loudness(sound, RATE)
            gains[name] = loudness_lufs - current if math.isfinite(current) else 0.0
        ceiling_db = CEILING_DB
        peaks = {name: gain_to_db(true_peak(sound)) for name, sound in sounds.items()}
    else:
        ceiling_db = 0.0
        peaks = {name: gain_to_db(peak(sound)) for name, sound in sounds.items()}
    over = max(max(gains[name] + peaks[name] for name in sounds) - ceiling_db, 0.0)
    return {name: gain - over for name, gain in gains.items()}


def true_peak(waveform: Tensor) -> float:
    """Peak between samples, after four-fold oversampling (ITU-R BS.1770, annex 2)."""
    return max(peak(waveform), peak(resample(waveform, RATE, RATE * OVERSAMPLING)))


def amplified(waveform: Tensor, gain_db: float) -> Tensor:
    """The sound with a gain in dB; bit for bit the same at 0 dB."""
    return waveform if gain_db == 0.0 else waveform * db_to_gain(gain_db)
