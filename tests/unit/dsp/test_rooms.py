"""Rooms: images where mirrors put them, a decay as long as asked for, both ears in it."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pytest
import torch

from seehear.dsp.binaural import ild_db
from seehear.dsp.hrir import HrirSet, spherical_head
from seehear.dsp.rooms import (
    MARGIN_M,
    Shoebox,
    draw_room,
    image_sources,
    pyroomacoustics_sources,
    room_responses,
)
from seehear.dsp.sphere import SPEED_OF_SOUND
from seehear.errors import MissingDependency

LISTENER = (2.5, 2.4, 1.5)


@pytest.fixture(scope="module")
def head() -> HrirSet:
    return spherical_head(16000).aligned().levelled()


def test_first_images_are_mirror_images() -> None:
    room = Shoebox((6.0, 5.0, 3.0), 0.4)
    heard = image_sources(room, LISTENER, (4.0, 3.0, 1.2))
    assert heard.gain[0] == 1
    assert heard.distance_m[0] == pytest.approx(math.dist(LISTENER, (4.0, 3.0, 1.2)))
    amplitude = math.sqrt(1 - room.absorption)
    for wall in [
        (-4.0, 3.0, 1.2),
        (8.0, 3.0, 1.2),
        (4.0, 7.0, 1.2),
        (4.0, 3.0, -1.2),
        (4.0, 3.0, 4.8),
    ]:
        away = np.array(wall) - LISTENER
        offsets = heard.directions * heard.distance_m[:, None]
        found = np.abs(offsets - away).sum(axis=1).argmin()
        assert offsets[found] == pytest.approx(away)
        assert heard.gain[found] == pytest.approx(amplitude)
    assert (np.diff(heard.distance_m) >= 0).all()


def test_a_turned_head_hears_the_source_elsewhere() -> None:
    room = Shoebox((6.0, 5.0, 3.0), 0.4)
    source = room.place(LISTENER, 50.0, 1.5)
    for yaw in (0.0, 20.0, 90.0):
        x, y, z = image_sources(room, LISTENER, source, yaw_deg=yaw).directions[0]
        assert math.degrees(math.atan2(y, x)) == pytest.approx(50.0 - yaw)
        assert z == pytest.approx(0)


def test_sources_stay_inside() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        room, listener = draw_room(rng)
        source = room.place(listener, float(rng.uniform(-180, 180)), 20.0)
        for value, size in zip(source[:2], room.size_m, strict=False):
            assert MARGIN_M - 1e-9 <= value <= size - MARGIN_M + 1e-9
        assert 0 < room.absorption < 1


@pytest.mark.parametrize("rt60", [0.25, 0.6])
def test_decay(head: HrirSet, rt60: float) -> None:
    room = Shoebox((6.0, 5.0, 3.0), rt60)
    source = room.place(LISTENER, 40.0, 1.5)
    made = room_responses(
        head, room, image_sources(room, LISTENER, source), np.random.default_rng(1)
    )
    left = made.double().square().sum(dim=0).flip(0).cumsum(0).flip(0)
    level = 10 * torch.log10(left / left[0])
    early, late = (int((level < x).to(torch.int8).argmax()) for x in (-8, -28))
    assert 3 * (late - early) / 16000 == pytest.approx(rt60, rel=0.25)
    # No step where the tail takes over: 10 ms bins fall by less than 6 dB there.
    bins = made[:, : 160 * 10].double().square().sum(dim=0).reshape(-1, 160).sum(dim=1)
    assert (10 * torch.log10(bins[1:] / bins[:-1])).min() > -8
    # The direct sound keeps its time, its level and its side.
    dry = head.at(40.0)[0] / 1.5
    assert (made[:, :40] - dry[:, :40]).abs().max() < 1e-3
    assert (
        ild_db(made[0, :40], made[1, :40]) > 3 and abs(ild_db(made[0, 2000:], made[1, 2000:])) < 1.5
    )


def test_longer_decay_is_more_reverberant(head: HrirSet) -> None:
    ratios = []
    for rt60 in (0.2, 0.4, 0.8):
        room = Shoebox((6.0, 5.0, 3.0), rt60)
        heard = image_sources(room, LISTENER, room.place(LISTENER, 0.0, 2.0))
        made = room_responses(head, room, heard, np.random.default_rng(1)).square().sum(dim=0)
        ratios.append(float(made[40:].sum() / made[:40].sum()))
    assert ratios[0] < ratios[1] < ratios[2]
    # Classic room acoustics for the last: 16 pi r^2 (1 - a) / (a S), head responses aside.
    share = 16 * math.pi * 4 * (1 - room.absorption) / (room.absorption * 126)
    assert ratios[2] == pytest.approx(share, rel=0.5)


def test_same_seed_same_room(head: HrirSet) -> None:
    room, listener = draw_room(np.random.default_rng(9))
    heard = image_sources(room, listener, room.place(listener, -30.0, 1.0))
    made = [room_responses(head, room, heard, np.random.default_rng(n)) for n in (4, 4, 5)]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


def test_images_agree_with_pyroomacoustics() -> None:
    room = Shoebox((6.0, 5.0, 3.0), 0.5)
    source = room.place(LISTENER, 30.0, 2.0)
    if importlib.util.find_spec("pyroomacoustics") is None:
        with pytest.raises(MissingDependency, match="rooms"):
            pyroomacoustics_sources(room, LISTENER, source, 2)
        pytest.skip("pyroomacoustics is not installed")
    theirs = pyroomacoustics_sources(room, LISTENER, source, 3, yaw_deg=15.0)
    longest = theirs.distance_m[-1] / SPEED_OF_SOUND
    ours = image_sources(room, LISTENER, source, longest, yaw_deg=15.0)
    offsets = ours.directions * ours.distance_m[:, None]
    for direction, distance, gain in zip(
        theirs.directions, theirs.distance_m, theirs.gain, strict=True
    ):
        found = np.abs(offsets - direction * distance).sum(axis=1).argmin()
        assert offsets[found] == pytest.approx(direction * distance, abs=1e-4)
        assert ours.gain[found] == pytest.approx(gain, abs=1e-5)
