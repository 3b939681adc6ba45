"""Cuts are found, flashes and motion are none, whatever the blocks in which frames come."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.tasks.generate.shots import CutFinder, describe_frames, distance
from tests.unit.tasks.generate.made_up import Frames, shot


def cuts_in(frames: Frames, rate: float = 20.0, block: int = 37) -> list[int]:
    finder = CutFinder(rate)
    found = []
    for start in range(0, len(frames), block):
        part = frames[start : start + block]
        found += finder.push(part, start + block >= len(frames))
    return found


@pytest.mark.parametrize("rate", [20.0, 4.0])
def test_cuts_every_half_second_are_found(rate: float) -> None:
    length = round(rate / 2)
    frames = np.concatenate([shot(seed, length) for seed in range(24)])
    assert cuts_in(frames, rate) == list(range(length, 24 * length, length))


def test_cutting_back_and_forth_counts_every_time() -> None:
    frames = np.concatenate([shot(seed % 2, 10) for seed in range(8)])
    assert cuts_in(frames) == list(range(10, 80, 10))


@pytest.mark.parametrize("length", [1, 3, 5])
@pytest.mark.parametrize("value", [0, 255])
def test_flashes_are_no_cuts(length: int, value: int) -> None:
    frames = shot(1, 200)
    frames[60 : 60 + length] = value
    frames[120 : 120 + length] = value
    assert cuts_in(frames) == []


def test_a_flash_at_a_cut_leaves_one_cut() -> None:
    frames = np.concatenate([shot(1, 60), shot(2, 60)])
    frames[60:62] = 255
    found = cuts_in(frames)
    assert len(found) == 1
    assert abs(found[0] - 60) <= 2


def test_motion_noise_and_fades_are_no_cuts() -> None:
    assert cuts_in(shot(3, 200, speed=5, noise=25.0)) == []
    rise = np.linspace(0, 1, 40)[:, None, None, None]
    fade = (shot(4, 40) * (1 - rise) + shot(5, 40) * rise).astype(np.uint8)
    assert cuts_in(np.concatenate([shot(4, 60), fade, shot(5, 60)])) == []


def test_light_that_comes_on_and_goes_off_is_no_cut() -> None:
    bright = shot(6, 120).astype(np.float64)
    light = np.ones(120)
    light[30:50] = 0.35  # longer than a flash
    light[70:] = 0.5
    assert cuts_in((bright * light[:, None, None, None]).astype(np.uint8)) == []


def test_black_video_has_no_cuts_and_black_beside_picture_has() -> None:
    black = np.zeros((50, 3, 32, 32), np.uint8)
    assert cuts_in(black) == []
    assert cuts_in(np.concatenate([black, shot(1, 50), black])) == [50, 100]


@pytest.mark.parametrize("block", [1, 7, 500])
def test_blocks_do_not_matter(block: int) -> None:
    frames = np.concatenate([shot(1, 33), shot(2, 71), shot(3, 12), shot(4, 50)])
    frames[50] = 255
    assert cuts_in(frames, block=block) == [33, 104, 116]


def test_a_search_goes_on_where_it_was_left() -> None:
    frames = np.concatenate([shot(seed, 40) for seed in range(5)])
    finder = CutFinder(20.0)
    first = finder.push(frames[:100], False)
    begin = finder.decided - finder.behind
    again = CutFinder(20.0, begin, finder.decided, first[-1])
    assert first + again.push(frames[begin:], True) == [40, 80, 120, 160]


def test_distances_lie_between_zero_and_one() -> None:
    ends = np.stack([np.zeros((3, 32, 32), np.uint8), np.full((3, 32, 32), 255, np.uint8)])
    looks = describe_frames(ends)
    assert distance(looks[0], looks[0]) == 0.0
    assert distance(looks[0], looks[1]) == pytest.approx(1.0)
    odd = describe_frames(shot(1, 1)[:, :, :31, :29])
    assert odd.shape == looks[:1].shape
