"""Masks: stems and residual are the mixture, whatever the masks say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seehear.dsp.grid import ColumnGrid
from seehear.dsp.masks import (
    MaskStems,
    ratio_masks,
    upper_centres,
    wiener_masks,
    with_upper_band,
)

Block = NDArray[np.float32]
CENTRES = np.array([100.0, 500.0, 2000.0, 8000.0])
PER_S = 50.0
LIMIT = 1e-6  # -120 dBFS


def noise(channels: int, samples: int, seed: int = 0) -> Block:
    return (0.2 * np.random.default_rng(seed).standard_normal((channels, samples))).astype("f4")


def split(sound: Block, masks: Block, rate: int, step: int = 7000) -> Block:
    stems = MaskStems(CENTRES, PER_S, rate, len(sound), len(masks))
    stems.feed(masks)
    done = [stems.push(sound[:, i : i + step]) for i in range(0, sound.shape[1], step)]
    return np.concatenate([*done, stems.finish()], axis=2)


def random_masks(count: int, columns: int, seed: int = 1) -> Block:
    logits = np.random.default_rng(seed).standard_normal((count + 1, len(CENTRES), columns)) * 3
    share = np.exp(logits) / np.exp(logits).sum(axis=0)
    return share[:count].astype("f4")


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("samples", [1, 4095, 30011])
def test_stems_and_residual_are_the_mixture(channels: int, samples: int) -> None:
    sound = noise(channels, samples)
    made = split(sound, random_masks(3, 40), 44100)
    assert made.shape == (4, channels, samples)
    assert np.abs(made.astype("f8").sum(axis=0) - sound).max() < LIMIT


def test_a_mask_of_one_is_the_sound_and_of_zero_is_silence_to_the_bit() -> None:
    sound = noise(2, 20000)
    masks = np.stack([np.ones((4, 30)), np.zeros((4, 30))]).astype("f4")
    made = split(sound, masks, 16000)
    assert np.abs(made[0] - sound).max() < LIMIT
    assert not made[1].any()
    alone = split(sound, masks[1:], 16000)
    np.testing.assert_array_equal(alone[1], sound)


def test_silence_stays_silence() -> None:
    made = split(np.zeros((2, 9000), np.float32), random_masks(2, 20), 48000)
    assert not made.any()


def test_block_sizes_do_not_matter() -> None:
    sound, masks = noise(2, 25000), random_masks(2, 40)
    whole = split(sound, masks, 32000, step=25000)
    for step in (97, 5000):
        np.testing.assert_array_equal(split(sound, masks, 32000, step), whole)


def test_a_longer_transform_parts_what_a_shorter_one_blurs() -> None:
    t = np.arange(32000) / 16000
    low, high = (0.3 * np.sin(2 * np.pi * hz * t).astype("f4") for hz in (440.0, 470.0))
    centres = np.array([440.0, 452.0, 458.0, 470.0])
    masks = np.zeros((1, 4, 110), np.float32)
    masks[:, :2] = 1.0
    left = []
    for window_s in (0.064, 0.256):
        stems = MaskStems(centres, PER_S, 16000, 1, 1, window_s)
        stems.feed(masks)
        made = np.concatenate([stems.push((low + high)[None]), stems.finish()], axis=2)
        assert np.abs(made.astype("f8").sum(axis=0) - low - high).max() < LIMIT
        left.append(np.square(made[0, 0] - low)[5000:-5000].mean())
    assert left[1] < 0.1 * left[0]


def test_masks_part_two_tones() -> None:
    t = np.arange(32000) / 16000
    low, high = (0.3 * np.sin(2 * np.pi * hz * t).astype("f4") for hz in (150.0, 4000.0))
    masks = np.zeros((1, 4, 110), np.float32)
    masks[:, :2] = 1.0
    made = split((low + high)[None], masks, 16000)
    inner = slice(2000, -2000)
    # Between 2000 and 8000 Hz, and near 150 Hz, the mask is constant.
    assert np.abs(made[0, 0] - low)[inner].max() < 1e-3
    assert np.abs(made[1, 0] - high)[inner].max() < 1e-3


def test_the_columns_of_the_grid_lie_at_their_seconds() -> None:
    rate = 16000
    masks = np.zeros((1, 4, 100), np.float32)
    masks[..., 50:] = 1.0  # from second 1 on
    made = split(noise(1, 2 * rate), masks, rate)[0, 0]
    assert np.abs(made[: round(0.9 * rate)]).max() < 1e-6
    assert np.abs(made[round(1.1 * rate) :]).std() > 0.1


def test_needs_columns_ends_when_enough_are_fed() -> None:
    stems = MaskStems(CENTRES, PER_S, 16000, 1, 1)
    assert stems.needs_columns(16000)
    stems.feed(random_masks(1, 80))
    assert not stems.needs_columns(16000)
    assert stems.needs_columns(48000)


def test_ratio_masks_leave_the_rest_and_never_exceed_the_mixture() -> None:
    mixture = torch.tensor([[1.0, 1.0, 0.0]])
    masks = ratio_masks(torch.tensor([[[0.25, 2.0, 0.0]], [[0.25, 2.0, 0.0]]]), mixture)
    torch.testing.assert_close(masks[:, 0, 0], torch.tensor([0.25, 0.25]))
    torch.testing.assert_close(masks[:, 0, 1], torch.tensor([0.5, 0.5]))
    assert torch.isfinite(masks).all()


def test_ratio_masks_of_a_batch_are_those_of_its_members() -> None:
    generator = torch.Generator().manual_seed(0)
    magnitudes = torch.rand(2, 3, 4, 5, generator=generator)
    mixture = 2 * torch.rand(2, 4, 5, generator=generator)
    together = ratio_masks(magnitudes, mixture)
    for index in range(2):
        torch.testing.assert_close(together[index], ratio_masks(magnitudes[index], mixture[index]))


def test_wiener_masks_are_shares_of_power_whatever_all_magnitudes_have_in_common() -> None:
    magnitudes = torch.tensor([3.0, 1.0, 0.0])[:, None, None].expand(3, 2, 4)
    masks = wiener_masks(magnitudes)
    torch.testing.assert_close(masks[:, 0, 0], torch.tensor([0.9, 0.1, 0.0]))
    common = torch.rand(2, 4, generator=torch.Generator().manual_seed(0)) + 0.1
    torch.testing.assert_close(wiener_masks(magnitudes * common), masks)
    assert not wiener_masks(torch.zeros(2, 3, 4)).any()


def test_above_the_band_the_mask_is_the_share_of_the_highest_octave() -> None:
    centres = torch.tensor([1000.0, 4000.0, 6000.0, 8000.0])
    masks = torch.tensor([0.0, 1.0, 0.5, 0.0])[None, :, None]
    power = torch.tensor([9.0, 3.0, 1.0, 0.0])[:, None]
    extended = with_upper_band(masks, power, centres)
    assert extended.shape == (1, 5, 1)
    assert float(extended[0, -1, 0]) == pytest.approx((3.0 + 0.5) / 4.0, abs=1e-5)
    reached = upper_centres(centres.double().numpy())
    assert reached[-1] == pytest.approx(8000 * 2**0.5)
    quiet = with_upper_band(masks, torch.zeros(4, 1), centres)
    assert float(quiet[0, -1, 0]) == pytest.approx(0.5, abs=1e-5)


def test_a_grid_interpolates_between_bands_and_holds_outside() -> None:
    grid = ColumnGrid(np.array([1000.0, 3000.0]), 10.0, 8000, 32)
    grid.feed(np.array([[0.0, 2.0], [4.0, 6.0]], np.float32))
    first = grid.read(0, 1)[:, 0]  # bins every 250 Hz
    assert first[0] == first[4] == 0.0
    assert first[8] == pytest.approx(2.0)
    assert first[16] == pytest.approx(4.0)
    assert grid.read(1000, 1)[0, 0] == pytest.approx(2.0)  # after the last column it holds
