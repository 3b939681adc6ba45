"""Rooms with four walls, floor and ceiling: early reflections by image sources, then a diffuse tail.

For variety in training, not for acoustics: walls absorb all frequencies alike, the tail is shaped noise. It
comes from all around through the head's own responses, so both ears hear it as they would in a room.
Metres; x to the front of the room, y to its left, z up; a listener with yaw 0 looks along x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.convolve import convolve
from seehear.dsp.hrir import HrirSet
from seehear.dsp.sphere import SPEED_OF_SOUND
from seehear.errors import MissingDependency

Array = NDArray[np.float64]
Point = tuple[float, float, float]

EARLY_S = 0.02
LATE_S = 0.04
"""Between these times after the direct sound, image sources fade out and the diffuse tail fades in."""
TAIL_DIRECTIONS = 24
DECAY_60 = math.log(1e6)
"""Nepers of energy in 60 dB."""
DULL_HZ = 8000.0
"""Air and soft surfaces: at this frequency the tail decays in half the time."""
MARGIN_M = 0.3


@dataclass(frozen=True)
class Shoebox:
    """A room.

    Args:
        size_m: length, width, height.
        rt60_s: seconds in which the sound falls by 60 dB.
    """

    size_m: Point
    rt60_s: float

    @property
    def volume_m3(self) -> float:
        """Cubic metres."""
        return math.prod(self.size_m)

    @property
    def absorption(self) -> float:
        """Share of the energy that every wall takes, 0 to 1, by Eyring's formula."""
        length, width, height = self.size_m
        surface = 2 * (length * width + width * height + height * length)
        return 1 - math.exp(
            -24 * math.log(10) / SPEED_OF_SOUND * self.volume_m3 / (surface * self.rt60_s)
        )

    def place(self, listener_m: Point, azimuth_deg: float, distance_m: float) -> Point:
        """Where a source at ear height is, moved nearer if a wall is in the way.

        Args:
            listener_m: position of the head, at least `MARGIN_M` from every wall.
            azimuth_deg: in room coordinates, positive to the left.
            distance_m: wanted distance.
        """
        around = math.radians(azimuth_deg)
        way = (math.cos(around), math.sin(around))
        free = distance_m
        for here, step, size in zip(listener_m, way, self.size_m, strict=False):
            if abs(step) > 1e-9:
                wall = size - MARGIN_M if step > 0 else MARGIN_M
                free = min(free, max((wall - here) / step, 0.0))
        x, y = (here + free * step for here, step in zip(listener_m, way, strict=False))
        return x, y, listener_m[2]


@dataclass(frozen=True, eq=False)
class Reflections:
    """A source and its images as one pair of ears hears them.

    Args:
        directions: float64 [N, 3], unit vectors in head coordinates.
        distance_m: float64 [N].
        gain: float64 [N], amplitude left by the walls; the way's 1 / distance is not in it.
    """

    directions: Array
    distance_m: Array
    gain: Array


def draw_room(rng: np.random.Generator) -> tuple[Shoebox, Point]:
    """A living room to a small hall, and where the listener is in it."""
    size = (float(rng.uniform(3, 10)), float(rng.uniform(3, 8)), float(rng.uniform(2.4, 4)))
    room = Shoebox(size, float(np.exp(rng.uniform(math.log(0.15), math.log(0.9)))))
    x, y = (float(rng.uniform(0.25, 0.75)) * side for side in size[:2])
    return room, (x, y, min(1.6, float(rng.uniform(1.1, 1.7))))


def image_sources(
    room: Shoebox,
    listener_m: Point,
    source_m: Point,
    within_s: float = LATE_S,
    yaw_deg: float = 0.0,
) -> Reflections:
    """The source and its mirror images that are heard within a time after the direct sound.

    Args:
        room: with its absorption.
        listener_m: position of the head.
        source_m: position of the source, inside the room.
        within_s: seconds after the direct sound.
        yaw_deg: to which side the head is turned, positive to the left.

    Source: J. Allen and D. Berkley, "Image method for efficiently simulating small-room acoustics" (1979).
    """
    direct = math.dist(listener_m, source_m)
    radius = direct + SPEED_OF_SOUND * within_s
    axes = [
        _axis(*numbers, radius) for numbers in zip(room.size_m, listener_m, source_m, strict=True)
    ]
    offsets = np.stack(np.meshgrid(*[a[0] for a in axes], indexing="ij"), axis=-1).reshape(-1, 3)
    bounces = np.stack(np.meshgrid(*[a[1] for a in axes], indexing="ij"), axis=-1).reshape(-1, 3)
    distance = np.linalg.norm(offsets, axis=1)
    heard = distance <= radius
    amplitude = math.sqrt(1 - room.absorption)
    return _seen_from(offsets[heard], amplitude ** bounces[heard].sum(axis=1), yaw_deg)


def _axis(size: float, listener: float, source: float, radius: float) -> tuple[Array, Array]:
    """Positions of images along one axis relative to the listener, and how often walls were met."""
    reach = math.ceil(radius / (2 * size)) + 1
    period = np.arange(-reach, reach + 1, dtype=np.float64)
    same, mirrored = 2 * period * size + source, 2 * period * size - source
    positions = np.concatenate([same, mirrored]) - listener
    return positions, np.concatenate([np.abs(2 * period), np.abs(2 * period - 1)])


def _seen_from(offsets: Array, gain: Array, yaw_deg: float) -> Reflections:
    """Order by distance, and turn into the head's coordinates."""
    order = np.argsort(np.linalg.norm(offsets, axis=1), kind="stable")
    turn = math.radians(yaw_deg)
    cos, sin = math.cos(turn), math.sin(turn)
    turned = offsets[order] @ np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    distance = np.linalg.norm(turned, axis=1)
    return Reflections(turned / np.maximum(distance, 1e-9)[:, None], distance, gain[order])


def pyroomacoustics_sources(
    room: Shoebox, listener_m: Point, source_m: Point, max_order: int, yaw_deg: float = 0.0
) -> Reflections:
    """The same from pyroomacoustics, up to a number of bounces.

    Raises:
        MissingDependency: pyroomacoustics is not installed.
    """
    try:
        import pyroomacoustics
    except ImportError as error:
        raise MissingDependency("pyroomacoustics", "rooms", "a room of that kind") from error
    walls = pyroomacoustics.Material(room.absorption)
    box = pyroomacoustics.ShoeBox(list(room.size_m), materials=walls, max_order=max_order)
    box.add_source(list(source_m))
    box.add_microphone(list(listener_m))
    box.image_source_model()
    images = np.asarray(box.sources[0].images, np.float64).T  # [N, 3]
    damping = np.asarray(box.sources[0].damping, np.float64)[0]
    return _seen_from(images - np.array(listener_m), damping, yaw_deg)


def room_responses(
    hrirs: HrirSet, room: Shoebox, heard: Reflections, rng: np.random.Generator
) -> Tensor:
    """Responses of both ears to a source in a room; the direct sound comes at time 0, as 1 m / distance.

    Args:
        hrirs: of the head, at the rate of the sound.
        room: for the tail.
        heard: from `image_sources`, at least `LATE_S` of it, nearest first.
        rng: of the tail's noise.

    Returns:
        float32 [2, taps], long enough for the whole decay.
    """
    rate = hrirs.sample_rate
    taps = round(room.rt60_s * rate) + hrirs.taps
    later = (heard.distance_m - heard.distance_m[0]) / SPEED_OF_SOUND
    fade = np.cos(np.clip((later - EARLY_S) / (LATE_S - EARLY_S), 0, 1) * np.pi / 2)
    start = np.round(later * rate).astype(np.int64)
    used = (start < taps - hrirs.taps) & (fade > 0)
    gain = (heard.gain * fade / np.maximum(heard.distance_m, MARGIN_M))[used]
    responses = hrirs.toward(heard.directions[used]) * torch.from_numpy(gain).float()[:, None, None]
    made = torch.zeros(2, taps)
    where = torch.from_numpy(start[used])[:, None] + torch.arange(hrirs.taps)
    made.index_add_(1, where.flatten(), responses.transpose(0, 1).reshape(2, -1))
    return made + _tail(hrirs, room, heard.distance_m[0], taps, rng)


def _tail(
    hrirs: HrirSet, room: Shoebox, direct_m: float, taps: int, rng: np.random.Generator
) -> Tensor:
    """Diffuse sound, [2, taps]: decaying noise from all around.

    Images arrive at a rate of 4 pi c^3 t^2 / V per second, each with energy 1 / (c t)^2: 4 pi c / V per
    second before the walls' share.
    """
    rate = hrirs.sample_rate
    length = taps - hrirs.taps + 1
    seconds = np.arange(length) / rate
    rise = np.sin(np.clip((seconds - EARLY_S) / (LATE_S - EARLY_S), 0, 1) * np.pi / 2)
    energy = 4 * np.pi * SPEED_OF_SOUND / room.volume_m3 / rate
    age = seconds + direct_m / SPEED_OF_SOUND
    envelope = rise * np.sqrt(energy * np.exp(-DECAY_60 * age / room.rt60_s))
    noise = rng.standard_normal((TAIL_DIRECTIONS, length)) * envelope / math.sqrt(TAIL_DIRECTIONS)
    directions = rng.standard_normal((TAIL_DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    dulled = _dull(torch.from_numpy(noise).float(), rate, room.rt60_s)
    return convolve(dulled[:, None], hrirs.toward(directions)).sum(dim=0)


def _dull(noise: Tensor, rate: int, rt60_s: float) -> Tensor:
    """Let high frequencies decay faster: bright noise fades into dull noise over the decay."""
    hz = torch.fft.rfftfreq(noise.shape[-1], 1 / rate)
    dull = 1 / (1 + (2 * hz / DULL_HZ).square()).sqrt()
    soft = torch.fft.irfft(torch.fft.rfft(noise) * dull, noise.shape[-1])
    share = torch.exp(-DECAY_60 / 2 * torch.arange(noise.shape[-1]) / rate / rt60_s)
    return share * noise + (1 - share) * soft
