"""Shares of directions spread a sound: what is kept, what goes left."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seehear.dsp.ambisonics import spherical_harmonics
from seehear.dsp.binaural import difference_masks, ild_db, low_frequency_itd_us
from seehear.dsp.hrir import spherical_head
from seehear.dsp.overlap import transform_length
from seehear.dsp.panning import SharePanner, ambisonic_panner, ear_panner

RATE = 16000
CENTRES = np.array([100.0, 500.0, 2000.0, 7000.0])
AZIMUTHS = np.array([60.0, 0.0, -60.0])
Block = NDArray[np.float32]


def ears() -> SharePanner:
    masks = difference_masks(spherical_head(RATE), AZIMUTHS, transform_length(RATE))
    return ear_panner(CENTRES, 50.0, RATE, masks)


def noise(count: int = 2 * RATE) -> Block:
    made: Block = 0.1 * np.random.default_rng(0).standard_normal((1, count)).astype(np.float32)
    return made


def shares(*columns: tuple[float, ...], count: int = 101) -> Block:
    """The same shares of three directions and nowhere in all bands; or one row per half."""
    parts = [np.tile(np.array(c, np.float32)[:, None, None], (1, 4, count)) for c in columns]
    return np.concatenate(parts, axis=2)


def spread(panner: SharePanner, sound: Block, columns: Block, sizes: int = 3001) -> Block:
    panner.feed(columns)
    cuts = list(range(sizes, sound.shape[1], sizes))
    made = [panner.push(part) for part in np.split(sound, cuts, axis=1)]
    return np.concatenate([*made, panner.finish()], axis=1)


def test_the_mean_of_two_ears_is_the_sound() -> None:
    rng = np.random.default_rng(1)
    wild = rng.dirichlet(np.ones(4), (4, 101)).transpose(2, 0, 1).astype(np.float32)
    made = spread(ears(), noise(), wild)
    assert made.shape == (2, 2 * RATE)
    np.testing.assert_allclose(made.mean(axis=0), noise()[0], atol=1e-7)
    assert np.abs(made[0] - made[1]).max() > 0.01


def test_nowhere_changes_nothing_to_the_bit() -> None:
    made = spread(ears(), noise(), shares((0, 0, 0, 1)))
    np.testing.assert_array_equal(made, np.repeat(noise(), 2, axis=0))


@pytest.mark.parametrize("block", [50, 999, 32000])
def test_blocks_do_not_matter(block: int) -> None:
    columns = shares((1, 0, 0, 0), (0, 0, 1, 0), count=51)
    whole, parts = (spread(ears(), noise(), columns, size) for size in (10**6, block))
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_left_sounds_left_as_the_head_has_it() -> None:
    made = torch.from_numpy(spread(ears(), noise(), shares((1, 0, 0, 0))))[:, 2000:-2000]
    response = spherical_head(RATE).at(60.0)[0]
    wanted = float(low_frequency_itd_us(*response, RATE))
    assert float(low_frequency_itd_us(*made, RATE)) == pytest.approx(wanted, abs=40)
    assert float(ild_db(*made)) == pytest.approx(float(ild_db(*response)), abs=1.5)


def test_mirrored_shares_swap_the_ears() -> None:
    left = spread(ears(), noise(), shares((0.7, 0.1, 0.0, 0.2)))
    right = spread(ears(), noise(), shares((0.0, 0.1, 0.7, 0.2)))
    np.testing.assert_allclose(left, right[::-1], atol=1e-5)


def test_ambisonics_are_gains_of_directions() -> None:
    harmonics = spherical_harmonics(AZIMUTHS, 0.0, 1)
    panner = ambisonic_panner(CENTRES, 50.0, RATE, harmonics)
    made = spread(panner, noise(), shares((0.5, 0.0, 0.0, 0.5)))
    np.testing.assert_array_equal(made[0], noise()[0])
    for channel in (1, 2, 3):
        gain = 0.5 * float(harmonics[0, channel])
        np.testing.assert_allclose(made[channel], gain * noise()[0], atol=1e-5)
