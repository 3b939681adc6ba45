"""Loudness in blocks is loudness of the whole; true peaks lie between samples too."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seehear.dsp.level import integrated_loudness
from seehear.dsp.loudness import LoudnessMeter, TruePeakMeter, channel_weights

Block = NDArray[np.float32]


def bursts(channels: int, samples: int) -> Block:
    rng = np.random.default_rng(0)
    level = rng.random((1, samples // 5000 + 1)).repeat(5000, 1)[:, :samples] ** 4
    return (0.2 * level * rng.standard_normal((channels, samples))).astype(np.float32)


def measured(sound: Block, rate: int, weights: list[float], block: int = 7777) -> float:
    meter = LoudnessMeter(rate, weights)
    for start in range(0, sound.shape[1], block):
        meter.push(sound[:, start : start + block])
    return meter.loudness()


@pytest.mark.parametrize(
    ("rate", "channels", "samples"),
    [(16000, 1, 144000), (44100, 2, 441000), (48000, 2, 9000), (48000, 1, 100), (48000, 5, 96000)],
)
def test_it_agrees_with_the_library(rate: int, channels: int, samples: int) -> None:
    sound = bursts(channels, samples)
    weights = channel_weights(["FL", "FR", "FC", "BL", "BR"][:channels])
    whole = integrated_loudness(torch.from_numpy(sound), rate)
    assert measured(sound, rate, weights) == pytest.approx(whole, abs=1e-3)


def test_silence_has_no_loudness_and_blocks_do_not_matter() -> None:
    assert measured(np.zeros((1, 48000), np.float32), 48000, [1.0]) == -math.inf
    assert LoudnessMeter(48000).loudness() == -math.inf
    sound = bursts(1, 100000)
    one = measured(sound, 48000, [1.0], 100000)
    assert measured(sound, 48000, [1.0], 333) == pytest.approx(one, abs=1e-9)


def test_peaks_between_samples_are_found() -> None:
    # A tone at a quarter of the rate, sampled 45 degrees off its peaks: samples reach 0.7071.
    phase = np.pi / 4 + np.pi / 2 * np.arange(4800)
    tone = np.sin(phase).astype(np.float32)[None]
    fade = np.hanning(4800).astype(np.float32)
    meter = TruePeakMeter(48000)
    for start in range(0, 4800, 1000):
        meter.push((tone * fade)[:, start : start + 1000])
    assert meter.finish() == pytest.approx(1.0, abs=0.01)
    assert TruePeakMeter(48000, 2).finish() == 0.0
