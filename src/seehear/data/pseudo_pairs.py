"""Pseudo visual-stereo pairs: things that are seen and heard in the same places, without a stereo recording.

One to three sounds of different classes get a picture each; the pictures lie side by side on a canvas, and
every sound is heard from where its picture is. Pairs are made when they are needed and depend on the seed
only. What makes a network robust is in the rule too: things that move, things that are silent, sounds of
nothing that is seen, sounds whose class has no picture.

Source: Xu et al. 2021, section 3. Deviation: sizes are drawn (the public scripts paste crops as they are),
crops may move, and bandwidths are matched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray

from seehear.data.canvas import (
    CANVAS,
    FOV_DEG,
    Box,
    Pixels,
    angles,
    compose,
    covering,
    place,
    position,
)
from seehear.data.crops import Crop, varied
from seehear.data.mixes import MixRule, draw_part, make_mix
from seehear.data.scenes import Wave
from seehear.data.sounds import ThingLibrary
from seehear.dsp.ambisonics import spherical_harmonics
from seehear.dsp.hrir import HrirSet
from seehear.dsp.rooms import draw_room, image_sources, room_responses
from seehear.dsp.virtual_ring import ring_filters
from seehear.errors import InputError

TRIES = 200
SMALLER = 0.98
"""Factor on sizes from try to try, where all crops must find room."""
KNOT_S = 0.25
"""Seconds between places of a moving thing; in between filters are cross-faded."""
ROOM_DISTANCES_M = (0.8, 3.0)
"""How far sources are in rooms, if walls leave as much."""


@dataclass(frozen=True)
class PairRule:
    """Numbers of the rule.

    Args:
        counts: shares of pairs of one, two and three sources; 4:5:1 as published.
        canvas: height and width, pixels.
        fov_deg: field of view of the canvas.
        height: least and largest height of a crop as a share of the canvas.
        widest: largest width of a crop as a share of the canvas.
        backdrops: shares of black canvases, photos, and photos into which crops are blended.
        moving: share of pairs with a thing that moves.
        speed: largest speed, canvas widths per second.
        silent: share of pairs with one more thing that makes no sound.
        hidden: share of pairs in which one sound belongs to nothing that is seen.
        foreign: share of pairs in which one sound's class has no picture, and something without a
            known sound is shown for it.
        varied: share of crops that are changed (mirrored, cut, stretched).
        stretch: largest change of a crop's aspect ratio, as a factor.
        ambisonic: share of pairs that go through first-order ambisonics and eight loudspeakers.
        mixing: levels, bandwidth and length of the sounds.
        rooms: share of pairs at rest that sound in a room, each in its own.
    """

    counts: tuple[float, float, float] = (0.4, 0.5, 0.1)
    canvas: tuple[int, int] = CANVAS
    fov_deg: float = FOV_DEG
    height: tuple[float, float] = (0.45, 1.0)
    widest: float = 0.45
    backdrops: tuple[float, float, float] = (0.4, 0.3, 0.3)
    moving: float = 0.2
    speed: float = 0.25
    silent: float = 0.15
    hidden: float = 0.06
    foreign: float = 0.12
    varied: float = 0.8
    stretch: float = 1.15
    ambisonic: float = 0.1
    mixing: MixRule = field(default_factory=MixRule)
    rooms: float = 0.0


@dataclass(frozen=True)
class PairLibrary:
    """What pairs of one split are made of.

    Args:
        sounds: by class.
        pictures: crops by the class whose sound the thing makes; only classes in `sounds`.
        silent: crops of things without a known sound.
        backdrops: photos of surroundings, uint8 [h, w, 3].
    """

    sounds: ThingLibrary
    pictures: Mapping[str, Sequence[Crop]]
    silent: Sequence[Crop]
    backdrops: Sequence[Pixels]

    def seen(self) -> list[str]:
        """Classes that have sounds and pictures."""
        return sorted(set(self.pictures) & set(self.sounds.things))

    def unseen(self) -> list[str]:
        """Classes that have sounds only."""
        return sorted(set(self.sounds.things) - set(self.pictures))


@dataclass(frozen=True)
class Pair:
    """One pair, not yet rendered.

    Args:
        stems: float32 [K, T], sounds at their levels.
        labels: class of each.
        recordings: ids behind each.
        boxes: places of pictures: those of sounds first, then silent ones; None = not seen.
        crops: the pictures, as long as `boxes`.
        steps: columns by which each moves per second; 0 = rests.
        backdrop: uint8 [H, W, 3].
        blend: whether crops are blended into it.
        ambisonic: whether sounds go through ambisonics.
        rule: the rule it was drawn by.
        low_pass_hz: common bandwidth of the sounds.
        room_seed: of the room in which all of it sounds; None = free field.
    """

    stems: Wave
    labels: tuple[str, ...]
    recordings: tuple[tuple[str, ...], ...]
    boxes: tuple[Box | None, ...]
    crops: tuple[Crop | None, ...]
    steps: tuple[float, ...]
    backdrop: Pixels
    blend: bool
    ambisonic: bool
    rule: PairRule
    low_pass_hz: float
    room_seed: int | None = None

    @property
    def moves(self) -> bool:
        """Whether anything moves."""
        return any(self.steps)

    def box_at(self, index: int, time_s: float) -> Box | None:
        """Where a picture is; it turns round at the canvas's edges and at its neighbours."""
        box, step = self.boxes[index], self.steps[index]
        if box is None or step == 0:
            return box
        low, high = self._range(index)
        span = high - low
        if span <= 0:
            return box
        way = (box.left - low + step * time_s) % (2 * span)
        return Box(round(low + min(way, 2 * span - way)), box.top, box.width, box.height)

    def _range(self, index: int) -> tuple[int, int]:
        """Columns between which a picture's left edge may move."""
        own = self.boxes[index]
        assert own is not None, "only what is seen moves"
        others = [b for i, b in enumerate(self.boxes) if b is not None and i != index]
        low = max([b.left + b.width for b in others if b.left < own.left], default=0)
        high = min([b.left for b in others if b.left > own.left], default=self.rule.canvas[1])
        return low, high - own.width

    def frame(self, time_s: float) -> Pixels:
        """What is seen at a moment, uint8 [H, W, 3]."""
        there = [(c, self.box_at(i, time_s)) for i, c in enumerate(self.crops)]
        shown = [(c.pixels, b) for c, b in there if c is not None and b is not None]
        return compose(self.backdrop, [c for c, _ in shown], [b for _, b in shown], self.blend)

    def places(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where sounds are across the picture (+1 = left edge), [K, N]; nan = not seen."""
        found = np.full((len(self.stems), len(times_s)), np.nan)
        for index in range(len(self.stems)):
            for column, time_s in enumerate(times_s):
                box = self.box_at(index, float(time_s))
                if box is not None:
                    found[index, column] = position(box.centre[0], self.rule.canvas[1])
        return found


def draw_pair(library: PairLibrary, rng: np.random.Generator, rule: PairRule) -> Pair:
    """Draw one pair.

    Args:
        library: sounds and pictures of one split; needs classes that have both.
        rng: source of all choices.
        rule: numbers of the rule.
    """
    count = 1 + int(rng.choice(3, p=rule.counts))
    labels, crops = _cast(library, count, rng, rule)
    crops = [c if c is None or rng.random() >= rule.varied else varied(c, rng) for c in crops]
    boxes = _layout(crops, rng, rule)
    crops, boxes, labels = _that_fit(crops, boxes, labels)
    parts = [draw_part(library.sounds.things[label], rng, rule.mixing) for label in labels]
    return build_pair(labels, parts, crops, boxes, library.backdrops, rng, rule)


def lay_out(crops: Sequence[Crop], rng: np.random.Generator, rule: PairRule) -> list[Box]:
    """Sizes and places with room for all crops: drawn again, smaller each time, until they fit.

    Raises:
        InputError: they do not fit in 200 draws.
    """
    for number in range(TRIES):
        low, high = (share * SMALLER**number for share in rule.height)
        boxes = _layout(crops, rng, replace(rule, height=(low, high)))
        if None not in boxes:
            return [box for box in boxes if box is not None]
    raise InputError(
        f"{len(crops)} crops do not fit beside each other on {rule.canvas[1]} columns; "
        f"make them smaller or take fewer"
    )


def build_pair(
    labels: Sequence[str],
    parts: Sequence[tuple[Wave, tuple[str, ...]]],
    crops: Sequence[Crop | None],
    boxes: Sequence[Box | None],
    backdrops: Sequence[Pixels],
    rng: np.random.Generator,
    rule: PairRule,
) -> Pair:
    """Put chosen sounds and pictures together; levels, movement and backdrop are drawn.

    Args:
        labels: class of each sound.
        parts: waveform [T] of each sound with the ids of its recordings.
        crops: a picture for each sound (None = not seen), then silent ones.
        boxes: their places.
        backdrops: photos of surroundings.
        rng: source of all choices.
        rule: numbers of the rule.
    """
    mix = make_mix([p[0] for p in parts], labels, [p[1] for p in parts], rng, rule.mixing)
    steps = [0.0] * len(boxes)
    shown = [i for i, box in enumerate(boxes) if box is not None]
    if shown and rng.random() < rule.moving:
        mover = shown[int(rng.integers(len(shown)))]
        steps[mover] = float(rng.uniform(-1, 1) * rule.speed * rule.canvas[1])
    kind = int(rng.choice(3, p=rule.backdrops)) if backdrops else 0
    backdrop = np.zeros((*rule.canvas, 3), np.uint8)
    if kind:
        backdrop = covering(backdrops[int(rng.integers(len(backdrops)))], rng, rule.canvas)
    ambisonic = bool(rng.random() < rule.ambisonic)
    # Drawn last and only if asked for, so that pairs without rooms stay what they are.
    in_room = rule.rooms > 0 and not any(steps) and rng.random() < rule.rooms
    return Pair(
        mix.stems,
        tuple(labels),
        mix.source_ids,
        tuple(boxes),
        tuple(crops),
        tuple(steps),
        backdrop,
        kind == 2,
        ambisonic,
        rule,
        mix.low_pass_hz,
        int(rng.integers(2**31)) if in_room else None,
    )


def _cast(
    library: PairLibrary, count: int, rng: np.random.Generator, rule: PairRule
) -> tuple[list[str], list[Crop | None]]:
    """Classes of the sounds, and a crop for each (None = not seen) and for silent things."""
    seen, unseen = library.seen(), library.unseen()
    chosen = rng.choice(len(seen), size=min(count, len(seen)), replace=False)
    labels = [seen[i] for i in chosen]
    crops: list[Crop | None] = [_pick(library.pictures[label], rng) for label in labels]
    last = len(labels) - 1
    odd = rng.random()
    if odd < rule.foreign and unseen and library.silent:
        labels[last] = unseen[int(rng.integers(len(unseen)))]
        crops[last] = _pick(library.silent, rng)
    elif odd > 1 - rule.hidden:
        if unseen and rng.random() < 0.5:
            labels[last] = unseen[int(rng.integers(len(unseen)))]
        crops[last] = None
    if rng.random() < rule.silent:
        others = [label for label in seen if label not in labels]
        # Half of the silent things could sound, but do not.
        known = bool(others) and rng.random() < 0.5
        group = library.pictures[others[int(rng.integers(len(others)))]] if known else ()
        group = group or library.silent
        if group:
            crops.append(_pick(group, rng))
    return labels, crops


def _pick(crops: Sequence[Crop], rng: np.random.Generator) -> Crop:
    return crops[int(rng.integers(len(crops)))]


def _layout(
    crops: Sequence[Crop | None], rng: np.random.Generator, rule: PairRule
) -> list[Box | None]:
    """Sizes drawn, places without overlap; None for what is not seen or found no room."""
    shown = [i for i, crop in enumerate(crops) if crop is not None]
    sizes = [_size(crop, rng, rule) for crop in crops if crop is not None]
    boxes: list[Box | None] = [None] * len(crops)
    for index, box in zip(shown, place(sizes, rng, rule.canvas), strict=False):
        boxes[index] = box
    return boxes


def _size(crop: Crop, rng: np.random.Generator, rule: PairRule) -> tuple[int, int]:
    """Height and width in pixels: a drawn height, less where the width would be too much."""
    tall, wide = crop.pixels.shape[:2]
    stretch = 1.0
    if rng.random() < rule.varied:
        stretch = math.exp(rng.uniform(-1.0, 1.0) * math.log(rule.stretch))
    height = rng.uniform(*rule.height) * rule.canvas[0]
    ratio = min(height / tall, rule.widest * rule.canvas[1] / (wide * stretch))
    return max(round(tall * ratio), 3), max(round(wide * stretch * ratio), 3)


def _that_fit(
    crops: list[Crop | None], boxes: list[Box | None], labels: list[str]
) -> tuple[list[Crop | None], list[Box | None], list[str]]:
    """Without the things for which no room was left; their sounds go with them."""
    fits = [crop is None or box is not None for crop, box in zip(crops, boxes, strict=True)]
    kept = [label for label, fit in zip(labels, fits, strict=False) if fit]
    return (
        [c for c, fit in zip(crops, fits, strict=True) if fit],
        [b for b, fit in zip(boxes, fits, strict=True) if fit],
        kept,
    )


def heard(pair: Pair, head: HrirSet) -> Wave:
    """What two ears hear of every sound: float32 [K, 2, T], left first.

    Sounds of nothing that is seen reach both ears alike.
    """
    length = pair.stems.shape[1]
    knots = (
        np.arange(0.0, length / head.sample_rate + KNOT_S, KNOT_S) if pair.moves else np.zeros(1)
    )
    out = np.empty((len(pair.stems), 2, length), np.float32)
    for index, stem in enumerate(pair.stems):
        if pair.boxes[index] is None:
            out[index] = stem
            continue
        boxes = [pair.box_at(index, float(t)) for t in knots]
        if len(set(boxes)) == 1:
            boxes = boxes[:1]
        aims = [angles(b, pair.rule.canvas, pair.rule.fov_deg) for b in boxes if b is not None]
        if pair.room_seed is not None:
            responses = _in_room(head, aims[0][0], pair.room_seed, index)
        else:
            responses = _responses(head, np.array(aims), pair.ambisonic)
        out[index] = filtered(stem, responses, round(KNOT_S * head.sample_rate))
    return out


def ears(
    stems: Wave, aims: Sequence[tuple[float, float]], head: HrirSet, ambisonic: bool = False
) -> Wave:
    """What two ears hear of sounds at rest: [K, T] from (azimuth, elevation) each -> [K, 2, T]."""
    responses = _responses(head, np.array(aims), ambisonic)
    made = [filtered(stem, r[None], 1) for stem, r in zip(stems, responses, strict=True)]
    return np.stack(made)


def _responses(head: HrirSet, aims: NDArray[np.float64], ambisonic: bool) -> Wave:
    """Responses [J, 2, taps] to directions [J, 2]."""
    azimuth, elevation = torch.from_numpy(aims).unbind(1)
    if not ambisonic:
        return np.asarray(head.at(azimuth, elevation).numpy(), dtype=np.float32)
    # A field of first order through the published ring of loudspeakers is one response per source.
    gains = spherical_harmonics(azimuth, elevation, 1).float()
    made = torch.einsum("jc,cet->jet", gains, ring_filters(head))
    return np.asarray(made.numpy(), dtype=np.float32)


def _in_room(head: HrirSet, azimuth_deg: float, seed: int, index: int) -> Wave:
    """Responses [1, 2, taps] to a source at ear height in the room of a seed, at its free-field level."""
    room, listener = draw_room(np.random.default_rng(seed))
    rng = np.random.default_rng([seed, index])
    source = room.place(listener, azimuth_deg, float(rng.uniform(*ROOM_DISTANCES_M)))
    images = image_sources(room, listener, source)
    made = room_responses(head, room, images, rng) * float(images.distance_m[0])
    return np.asarray(made.numpy()[None], dtype=np.float32)


def filtered(wave: Wave, responses: Wave, spacing: int) -> Wave:
    """Filter a sound with responses that change over time.

    Args:
        wave: float32 [T].
        responses: [J, 2, taps]; number j holds at sample j * spacing, in between its result fades
            into the next one's. One alone holds throughout.
        spacing: samples.

    Returns:
        float32 [2, T].
    """
    count, _, taps = responses.shape
    length = scipy.fft.next_fast_len(len(wave) + taps - 1, real=True)
    spectra = scipy.fft.rfft(responses, length) * scipy.fft.rfft(wave, length)
    made = scipy.fft.irfft(spectra, length)[..., : len(wave)]  # [J, 2, T]
    if count == 1:
        return np.asarray(made[0], dtype=np.float32)
    place_of = np.arange(len(wave)) / spacing
    fades = np.clip(1 - np.abs(place_of - np.arange(count)[:, None]), 0, 1)  # [J, T]
    return np.asarray((made * fades[:, None]).sum(0), dtype=np.float32)
