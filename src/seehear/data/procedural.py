"""Procedural video: a thing that flashes, jumps, strikes, shakes, grows, slides or sparks as a sound does.

The picture is a photo, a part of one cut out, or a drawing, before a photo or a plain ground; some
scenes have a small second thing that moves at times of its own. The motion says when something sounds, never
what: all kinds of motion are shared by all classes. Everything follows from a `Scene` and the sound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seehear.config import from_dict
from seehear.data.drawn import draw_thing
from seehear.data.drive import Drive, Floats, frame_period

Motion = Literal["flash", "jump", "strike", "shake", "grow", "slide", "burst"]
MOTIONS: tuple[Motion, ...] = get_args(Motion)
Pictures = Callable[[str], Tensor]
"""Name of a photo -> uint8 [3, H, W], square."""

DISTRACTED = 0.35
"""Share of scenes with a second thing."""
LIFE_S = 0.45
"""Of a spark."""
SPARKS = 12
NOISE_HZ, NOISE_LENGTH = 25.0, 2048
"""Trembling and shaking change so often, whatever the frame rate; after 80 s they repeat."""
TURNS = 64
"""Places that a second thing goes to before it comes to the first again."""


@dataclass(frozen=True)
class Scene:
    """How a clip is drawn.

    Args:
        label: its class.
        kind: `photo` fills the frame, `cutout` shows an oval part of it, `drawn` is drawn.
        photo: name of the photo, "" for drawings.
        backdrop: name of the photo behind, "" for a plain ground.
        motion: what it does.
        seed: of all numbers.
        low: beginning of the part of its numbers' spans that a drawing uses.
        high: end of it.
    """

    label: str
    kind: Literal["photo", "cutout", "drawn"]
    photo: str
    backdrop: str
    motion: Motion
    seed: int
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Pose:
    """Where a thing is in every frame: all [S].

    Args:
        x: of its centre, -1 = left edge, 1 = right edge.
        y: likewise, downwards.
        scale: 1 = it fills the frame.
        angle: radians.
        gain: factor on its brightness.
    """

    x: Floats
    y: Floats
    scale: Floats
    angle: Floats
    gain: Floats


def scene_of(values: dict[str, Any]) -> Scene:
    """A scene from what a manifest says.

    Raises:
        ConfigError: an unknown key or a wrong type.
    """
    return from_dict(Scene, values, where="scene")


def render(scene: Scene, drive: Drive, times: Floats, pictures: Pictures, size: int) -> Tensor:
    """Draw all frames of a scene.

    Args:
        scene: what is drawn.
        drive: envelope and onsets of the sound.
        times: of the frames, seconds.
        pictures: gives the photos.
        size: side of the frames, pixels.

    Returns:
        uint8 [S, 3, size, size]; a frame does not depend on which others are asked for, but for its
        grain and for how early an onset shows.
    """
    rng = np.random.default_rng([scene.seed, 5])
    thing = _thing(scene, pictures, rng)
    ground = _ground(scene, pictures, rng, size)
    pose = _pose(scene, drive, times, rng)
    frames = ground.expand(len(times), -1, -1, -1)
    if rng.random() < DISTRACTED:
        own = np.random.default_rng([scene.seed, 6])
        frames = _paste(frames, _speck(own), _wander(times, own))
    frames = _paste(frames, thing, pose)
    if scene.motion == "burst":
        frames = _sparks(frames.clone(), drive, times, pose, scene.seed)
    light = 1 + 0.04 * np.sin(2 * np.pi * (rng.uniform(0.05, 0.4) * times + rng.random()))
    frames = frames * torch.from_numpy(light).float()[:, None, None, None]
    generator = torch.Generator().manual_seed(scene.seed)
    grain = torch.randn(1, 1, size, size, generator=generator)
    shift = torch.randint(0, size, (len(times), 2), generator=generator)
    # One field of grain, rolled to another place in every frame, costs less than a new one.
    rolled = torch.stack([grain[0].roll((int(a), int(b)), (1, 2)) for a, b in shift])
    frames = frames + float(rng.uniform(0.002, 0.012)) * rolled
    return (frames.clamp(0, 1) * 255).round().to(torch.uint8)


def _thing(scene: Scene, pictures: Pictures, rng: np.random.Generator) -> Tensor:
    """Colour and opacity, float [4, h, w] in 0..1."""
    if scene.kind == "drawn":
        drawn = draw_thing(scene.label, scene.seed, scene.low, scene.high)
        return torch.from_numpy(drawn.copy()).permute(2, 0, 1).float() / 255
    photo = pictures(scene.photo).float() / 255
    if rng.random() < 0.5:
        photo = photo.flip(2)
    photo = (photo ** float(rng.uniform(0.8, 1.25)) * float(rng.uniform(0.85, 1.1))).clamp(0, 1)
    side = photo.shape[-1]
    opacity = torch.ones(1, side, side)
    if scene.kind == "cutout":
        line = torch.linspace(-1, 1, side)
        power = float(rng.uniform(2.0, 5.0))
        radius = (line.abs()[:, None] ** power + line.abs() ** power) ** (1 / power)
        opacity = ((1.0 - radius) / 0.08).clamp(0, 1)[None]
    return torch.cat([photo, opacity])


def _ground(scene: Scene, pictures: Pictures, rng: np.random.Generator, size: int) -> Tensor:
    """What is behind, float [3, size, size] in 0..1."""
    ends = torch.from_numpy(rng.uniform(0.1, 0.9, (3, 2))).float()
    share = torch.linspace(0, 1, size)[:, None].expand(size, size)
    plain = ends[:, :1, None] * share + ends[:, 1:, None] * (1 - share)
    if not scene.backdrop:
        return plain if rng.random() < 0.5 else plain.transpose(1, 2)
    photo = pictures(scene.backdrop).float()[None] / 255
    photo = functional.interpolate(photo, size=(size, size), mode="bilinear", antialias=True)[0]
    return photo.flip(2) * float(rng.uniform(0.6, 1.0))


def _pose(scene: Scene, drive: Drive, times: Floats, rng: np.random.Generator) -> Pose:
    """The motion of the thing."""
    count = len(times)
    amount = float(rng.uniform(0.6, 1.3))
    pulse = drive.pulse(times, float(rng.uniform(0.1, 0.25)))
    level = drive.envelope(times)
    both = np.maximum(pulse, 0.6 * level)
    size, room = (float(rng.uniform(1.05, 1.2)), 0.12) if scene.kind == "photo" else (0.0, 0.35)
    size = size or float(rng.uniform(0.5, 0.85))
    if scene.label in ("rain", "sea_waves"):
        size, room = float(rng.uniform(1.05, 1.25)), 0.12
    x = np.full(count, rng.uniform(-room, room))
    y = np.full(count, rng.uniform(-room, room))
    scale, angle, gain = np.full(count, size), np.zeros(count), np.ones(count)
    # Whatever sounds trembles a little, in every kind of motion.
    tremble = _noise(times, rng)
    x, y = x + 0.012 * tremble[0] * level, y + 0.012 * tremble[1] * level
    way = 1.0 if rng.random() < 0.5 else -1.0
    if scene.motion == "flash":
        dark = rng.uniform(0.35, 0.6)
        gain = dark + (1.25 - dark) * both
    elif scene.motion == "jump":
        y = y - 0.4 * amount * pulse
    elif scene.motion == "strike":
        angle = way * 0.6 * amount * pulse
    elif scene.motion == "shake":
        x = x + 0.07 * tremble[0] * amount * both
        y = y + 0.07 * tremble[1] * amount * both
    elif scene.motion == "grow":
        scale = scale * (1 + 0.35 * amount * both)
    elif scene.motion == "burst":
        # Sparks need a frame or two to be seen; the thing itself lights up with them at once.
        gain = 0.75 + 0.5 * pulse
    elif scene.motion == "slide":
        x = x + _stops(drive, times, rng, room)
    return Pose(x, y, scale, angle + rng.uniform(-0.12, 0.12), gain)


def _noise(times: Floats, rng: np.random.Generator) -> Floats:
    """Two rows of noise of variance 1 at the times of frames; a look between two values sees the earlier."""
    table = rng.normal(0, 1, (2, NOISE_LENGTH))
    place = np.floor(times * NOISE_HZ + 1e-6).astype(int) % NOISE_LENGTH
    return np.asarray(table[:, place])


def _stops(drive: Drive, times: Floats, rng: np.random.Generator, room: float) -> Floats:
    """A way from place to place: at every onset off to the next, most of it within one frame."""
    places = np.cumsum(np.where(np.arange(len(drive.onsets) + 1) % 2, 1.0, -1.0))
    places = places * rng.uniform(0.25, 0.45) + rng.uniform(-room, room) / 2
    wanted = places[drive.passed(times)]
    keep = math.exp(-frame_period(times) / 0.04)
    path, at = np.empty(len(times)), float(wanted[0])
    for index, goal in enumerate(wanted):
        at = keep * at + (1 - keep) * float(goal)
        path[index] = at
    return path


def _speck(rng: np.random.Generator) -> Tensor:
    """A small disc or square of one colour, [4, 16, 16]."""
    colour = torch.from_numpy(rng.uniform(0, 1, 3)).float()[:, None, None].expand(3, 16, 16)
    line = torch.linspace(-1, 1, 16)
    disc = ((line[:, None] ** 2 + line**2) < 0.95).float()
    opacity = disc if rng.random() < 0.5 else torch.ones(16, 16)
    return torch.cat([colour, opacity[None]])


def _wander(times: Floats, rng: np.random.Generator) -> Pose:
    """Small and unrelated to the sound: it jumps or drifts at times of its own."""
    count, period = len(times), float(rng.uniform(0.4, 1.5))
    turn = np.floor(times / period + rng.random()).astype(int)
    places = rng.uniform(-0.9, 0.9, (TURNS, 2))
    drift = rng.uniform(-0.06, 0.06, 2)
    if rng.random() < 0.5:
        places[:] = places[0]
        drift = rng.uniform(-0.3, 0.3, 2)
    path = places[turn % TURNS] + times[:, None] * drift
    size = np.full(count, rng.uniform(0.05, 0.11))
    return Pose(path[:, 0], path[:, 1], size, np.zeros(count), np.ones(count))


def _paste(frames: Tensor, thing: Tensor, pose: Pose) -> Tensor:
    """Draw a thing over frames [S, 3, size, size]."""
    cos, sin = np.cos(pose.angle) / pose.scale, np.sin(pose.angle) / pose.scale
    rows = np.stack(
        [
            np.stack([cos, sin, -(cos * pose.x + sin * pose.y)], axis=1),
            np.stack([-sin, cos, sin * pose.x - cos * pose.y], axis=1),
        ],
        axis=1,
    )
    count, size = len(frames), frames.shape[-1]
    grid = functional.affine_grid(
        torch.from_numpy(rows).float(), [count, 4, size, size], align_corners=False
    )
    shown = functional.grid_sample(
        thing.expand(count, -1, -1, -1), grid, align_corners=False, padding_mode="zeros"
    )
    gain = torch.from_numpy(pose.gain).float()[:, None, None, None]
    opacity = shown[:, 3:]
    return torch.lerp(frames, (shown[:, :3] * gain).clamp(0, 1), opacity)


def _sparks(frames: Tensor, drive: Drive, times: Floats, pose: Pose, seed: int) -> Tensor:
    """Points that fly from the thing at every onset."""
    size, rng = frames.shape[-1], np.random.default_rng([seed, 8])
    colour = torch.from_numpy(rng.uniform(0.5, 1.0, 3)).float()
    half = frame_period(times) / 2
    dot = max(size // 24, 2)
    for onset, strength in zip(drive.onsets, drive.strengths, strict=True):
        way = rng.uniform(0, 2 * np.pi, SPARKS)
        speed = rng.uniform(0.6, 2.0, SPARKS) * (0.5 + 0.5 * strength)
        for index in np.flatnonzero((times >= onset - half) & (times < onset + LIFE_S)):
            age = max(float(times[index] - onset), 0.0) + 0.03
            x = ((pose.x[index] + np.cos(way) * speed * age + 1) / 2 * size).astype(int)
            y = ((pose.y[index] + np.sin(way) * speed * age + 1) / 2 * size).astype(int)
            shine = math.exp(-age / 0.2)
            for column, row in zip(x, y, strict=True):
                if 0 <= column < size and 0 <= row < size:
                    spot = frames[index, :, row : row + dot, column : column + dot]
                    spot += shine * (colour[:, None, None] - spot)
    return frames
