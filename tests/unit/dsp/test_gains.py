"""Gains and downmix as streams: exact where nothing changes, right where something does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.gains import (
    BandGains,
    downmix_stream,
    full_range_channels,
    gain_stream,
    ratio_rule,
)
from seehear.dsp.overlap import SpectrumStream, transform_length

Block = NDArray[np.float32]
RATE = 16000


def noise(channels: int, samples: int, seed: int = 0) -> Block:
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, samples))).astype(
        np.float32
    )


def run(stream: SpectrumStream, sound: Block, step: int = 1000) -> Block:
    parts = [stream.push(sound[:, i : i + step]) for i in range(0, sound.shape[1], step)]
    return np.concatenate([*parts, stream.finish()], axis=1)


def constant(gain: float):  # type: ignore[no-untyped-def]
    return lambda _first, spectra: torch.full((spectra.shape[1], spectra.shape[2] - 2), gain)


@pytest.mark.parametrize("samples", [1, 100, 1024, 40001])
def test_gain_of_one_passes_bit_for_bit(samples: int) -> None:
    sound = noise(3, samples)
    np.testing.assert_array_equal(run(gain_stream(RATE, 3, 0, constant(1.0)), sound), sound)


@pytest.mark.parametrize("samples", [1, 100, 1024, 40001])
def test_constant_gain_scales_up_to_the_edges(samples: int) -> None:
    sound = noise(2, samples)
    made = run(gain_stream(RATE, 2, 0, constant(0.25)), sound)
    np.testing.assert_allclose(made, 0.25 * sound, atol=1e-6)


def test_block_sizes_do_not_matter() -> None:
    sound = noise(2, 60000)

    def rule(first: int, spectra: Tensor) -> Tensor:
        columns = torch.arange(first, first + spectra.shape[2] - 2)
        return (1 + 0.5 * torch.sin(columns / 7.0)).expand(spectra.shape[1], -1)

    whole = run(gain_stream(RATE, 2, 0, rule), sound, step=60000)
    pieces = run(gain_stream(RATE, 2, 0, rule), sound, step=333)
    np.testing.assert_allclose(pieces, whole, atol=1e-7)


def test_equal_channels_mix_down_to_themselves() -> None:
    one = noise(1, 20000)
    stream = downmix_stream(RATE, ["FL", "FR"])
    assert stream is not None
    np.testing.assert_array_equal(run(stream, np.concatenate([one, one])), one)


def test_opposite_channels_do_not_vanish() -> None:
    one = noise(1, 40000)
    stream = downmix_stream(RATE, ["FL", "FR"])
    assert stream is not None
    made = run(stream, np.concatenate([one, -one]))
    # The root of the power sum over C: one channel's level by 1/sqrt(2).
    assert made[:, 2000:-2000].std() == pytest.approx(one.std() / np.sqrt(2), rel=0.02)


def test_lfe_is_not_heard_and_one_channel_needs_no_mix() -> None:
    names = ["FL", "FR", "FC", "LFE", "BL", "BR"]
    assert full_range_channels(names) == [0, 1, 2, 4, 5]
    assert full_range_channels(["LFE"]) == [0]
    assert downmix_stream(RATE, ["FC"]) is None


def test_ratio_rule_gives_the_models_change_to_every_channel() -> None:
    left, right = noise(1, 50000, 1), noise(1, 50000, 2)
    heard = (left + right) / 2
    made = run(
        gain_stream(RATE, 2, 2, ratio_rule(1.0)),
        np.concatenate([left, right, heard, 0.5 * heard]),
    )
    np.testing.assert_allclose(made, 0.5 * np.concatenate([left, right]), atol=1e-4)


@pytest.mark.parametrize(
    ("factor", "expected"), [(0.0, 10 ** (-30 / 20)), (100.0, 10 ** (12 / 20))]
)
def test_ratio_rule_is_limited(factor: float, expected: float) -> None:
    sound = noise(1, 30000)
    made = run(
        gain_stream(RATE, 1, 2, ratio_rule(1.0)), np.concatenate([sound, sound, factor * sound])
    )
    np.testing.assert_allclose(made[:, 2000:-2000], expected * sound[:, 2000:-2000], atol=1e-3)


def test_strength_scales_decibels() -> None:
    sound = noise(1, 30000)
    guides = np.concatenate([sound, sound, 0.25 * sound])
    half = run(gain_stream(RATE, 1, 2, ratio_rule(0.5)), guides)
    np.testing.assert_allclose(half[:, 2000:-2000], 0.5 * sound[:, 2000:-2000], atol=1e-3)
    none = run(gain_stream(RATE, 1, 2, ratio_rule(0.0)), guides)
    np.testing.assert_array_equal(none, sound)


def test_silence_stays_silence() -> None:
    silent = np.zeros((3, 20000), np.float32)
    assert not run(gain_stream(RATE, 1, 2, ratio_rule(1.0)), silent).any()


def test_band_gains_reach_their_bins_and_times() -> None:
    n_fft = transform_length(RATE)
    centres = np.array([100.0, 1000.0, 4000.0])
    bands = BandGains(centres, 100.0, RATE, n_fft, strength=1.0)
    decibel = np.zeros((3, 500), np.float32)
    decibel[1, 250:] = -20.0
    bands.feed(decibel)
    t = np.arange(4 * RATE) / RATE
    sound = np.sin(2 * np.pi * 1000 * t).astype(np.float32)[None]
    made = run(gain_stream(RATE, 1, 0, bands.rule), sound)[0]
    early, late = slice(RATE // 2, RATE), slice(3 * RATE, 3 * RATE + RATE // 2)
    assert np.abs(made[early]).max() == pytest.approx(1.0, abs=0.02)
    assert np.abs(made[late]).max() == pytest.approx(0.1, abs=0.01)


def test_band_gains_hold_beyond_the_outermost_bands() -> None:
    n_fft = transform_length(RATE)
    bands = BandGains(np.array([500.0, 1000.0]), 100.0, RATE, n_fft, strength=1.0)
    bands.feed(np.array([[-6.0], [6.0]], np.float32).repeat(50, axis=1))
    gains = bands.rule(0, torch.zeros(1, n_fft // 2 + 1, 3))
    assert gains[0, 0].item() == pytest.approx(10 ** (-6 / 20), rel=1e-4)
    assert gains[-1, 0].item() == pytest.approx(10 ** (6 / 20), rel=1e-4)
