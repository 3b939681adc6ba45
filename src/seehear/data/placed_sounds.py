"""Sounds with silence between: one recording's excerpts, placed so that it is heard when they begin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.data.sources import SAMPLE_RATE, Sound
from seehear.dsp.filter import low_pass

Wave = NDArray[np.float32]

SHORT_S, LONG_S = (0.25, 1.1), (1.2, 3.2)
"""Lengths of excerpts: single events, or stretches of something that goes on."""
SHORT_SHARE = 0.65
GAP_S = (0.15, 1.1)
LEVEL_DB = (-26.0, -18.0)
"""RMS of what sounds."""
CEILING = 0.9
ROOM_DB = -66.0
"""A faint hiss, so that silence is that of a room."""


def place_sound(
    sound: Sound, seconds: float, low_pass_hz: float, rng: np.random.Generator
) -> Tensor:
    """Excerpts of a recording with gaps between.

    Args:
        sound: where the excerpts come from.
        seconds: length of the result.
        low_pass_hz: bandwidth of the result.
        rng: source of all choices.

    Returns:
        float32 [seconds * 16000].
    """
    count = round(seconds * SAMPLE_RATE)
    out = np.zeros(count, dtype=np.float32)
    lengths = SHORT_S if rng.random() < SHORT_SHARE else LONG_S
    length = rng.uniform(*lengths)
    starts = _beginnings(sound, length)
    same = int(rng.integers(len(starts))) if rng.random() < 0.5 else -1
    time = rng.uniform(0.05, 0.9)
    while time < seconds - 0.1:
        if same < 0:
            length = rng.uniform(*lengths)
        begin = starts[same if same >= 0 else int(rng.integers(len(starts)))]
        piece = _faded(sound.samples[begin : begin + round(length * SAMPLE_RATE)])
        at = round(time * SAMPLE_RATE)
        piece = piece[: count - at] * np.float32(rng.uniform(0.6, 1.0))
        out[at : at + len(piece)] += piece
        time += len(piece) / SAMPLE_RATE + rng.uniform(*GAP_S)
    return _finish(out, low_pass_hz, rng)


def _beginnings(sound: Sound, length_s: float) -> Sequence[int]:
    """Samples at which the loudness rises most, up to three, so that an excerpt begins with something."""
    block = SAMPLE_RATE // 50
    samples = sound.samples.astype(np.float32)
    blocks = max(len(samples) // block, 1)
    power = np.square(np.resize(samples, blocks * block).reshape(blocks, block)).mean(axis=1)
    level = np.log10(power + power.max() * 1e-4 + 1.0)
    rise = level - np.concatenate([level[:1] - 1.0, level[:-1]])
    last = max(blocks - round(length_s * 50), 1)
    found: list[int] = []
    for place in np.argsort(-rise[:last], kind="stable"):
        if all(abs(int(place) - have) > 15 for have in found):
            found.append(int(place))
        if len(found) == 3:
            break
    return [max(place * block - block // 2, 0) for place in found]


def _faded(samples: NDArray[np.int16]) -> Wave:
    """Float, with a beginning of 3 ms and an end of 80 ms (or a quarter) faded."""
    wave = samples.astype(np.float32) / 32768.0
    rise, fall = min(48, len(wave)), min(1280, len(wave) // 4)
    wave[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    if fall:
        wave[-fall:] *= np.linspace(1, 0, fall, dtype=np.float32)
    return wave


def _finish(wave: Wave, low_pass_hz: float, rng: np.random.Generator) -> Tensor:
    """Level, hiss, bandwidth, ceiling."""
    loud = np.abs(wave) > 0.02 * np.abs(wave).max(initial=0.0)
    rms = float(np.sqrt(np.square(wave[loud]).mean())) if loud.any() else 0.0
    if rms > 0:
        wave = wave * np.float32(10 ** (rng.uniform(*LEVEL_DB) / 20) / rms)
    hiss = rng.standard_normal(len(wave), dtype=np.float32) * np.float32(10 ** (ROOM_DB / 20))
    made = low_pass(torch.from_numpy(wave + hiss), SAMPLE_RATE, low_pass_hz)
    return made * min(1.0, CEILING / max(float(made.abs().max()), 1e-9))
