"""Finished scenes made by a stated rule, so that what the picture shows decides how they are mixed.

The rule (`MixingRule`): a scene lasts 10 s and has three stems, each one speaker, one instrument or
piece of music, one kind of effect, playing throughout. One stem after the other is *in focus* for 2
to 5 whole seconds. The stem in focus sits at a fixed level, the others 6 to 14 dB below, drawn anew
for each stem and segment, with ramps of 0.2 s. Levels are active RMS after all sounds of the scene
went through one low-pass drawn between 5 and 8 kHz; a scene that would peak above
-0.5 dBFS is turned down as a whole. The photo of each second shows what is in focus:
a face for speech; the very instrument for music where photos of it exist, any instrument where not;
the animal or thing for an effect, else surroundings without person or instrument. One second in ten
shows surroundings whatever is in focus.

The target is the sum of the stems; how it becomes muddy is the matter of `muddy.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from seehear.data.sources import INSTRUMENTS, SAMPLE_RATE, STEMS, Samples, Sound, SoundLibrary
from seehear.dsp.level import ceiling_gain

Wave = NDArray[np.float32]

SURROUNDINGS = "background"
SAMPLED = frozenset(("kalimba", "marimba", "steel_drums", "string_section", "vibraphone"))
"""Instruments known from melodies on single notes only."""
PLAYED = INSTRUMENTS | SAMPLED
PICTURES: Mapping[str, tuple[str, ...]] = {
    "dog": ("dog",),
    "rooster": ("rooster",),
    "helicopter": ("helicopter",),
    "clock_tick": ("watch", "metronome"),
    "sea_waves": ("sailing_boat", "ferry"),
    "chainsaw": ("motorcycle",),
    "piano": ("piano",),
    "electric_guitar": ("electric_guitar",),
    "saxophone": ("saxophone",),
    "accordion": ("accordion",),
    "mandolin": ("mandolin",),
}
INSTRUMENT_PHOTOS = (
    "accordion",
    "electric_guitar",
    "euphonium",
    "gramophone",
    "mandolin",
    "piano",
    "saxophone",
)


@dataclass(frozen=True)
class MixingRule:
    """Numbers of the rule; see the module.

    Args:
        duration_s: length of a scene, whole seconds.
        segment_s: shortest and longest stretch of one focus, whole seconds.
        level_db: active RMS of the stem in focus, dBFS.
        below_db: how far the other stems sit below it, smallest and largest.
        ramp_s: length of a change.
        low_pass_hz: smallest and largest common cut-off.
        stray: share of seconds whose photo shows surroundings whatever is in focus.
        long_music: share of scenes whose music is a piece and not a solo instrument.
    """

    duration_s: int = 10
    segment_s: tuple[int, int] = (2, 5)
    level_db: float = -23.0
    below_db: tuple[float, float] = (6.0, 14.0)
    ramp_s: float = 0.2
    low_pass_hz: tuple[float, float] = (5000.0, 8000.0)
    stray: float = 0.1
    long_music: float = 0.2


@dataclass(frozen=True)
class Scene:
    """A finished scene.

    Args:
        stems: float32 [3, T], speech, music, effects at their levels in the target.
        focus: stem in focus in each second.
        photos: class of the photo shown in each second.
        labels: what each stem is (class of its recordings).
        sources: stem -> ids of the recordings in it.
    """

    stems: Wave
    focus: tuple[str, ...]
    photos: tuple[str, ...]
    labels: tuple[str, ...]
    sources: dict[str, list[str]]


def draw_scene(
    library: SoundLibrary,
    photo_classes: Sequence[str],
    rng: np.random.Generator,
    rule: MixingRule | None = None,
) -> Scene:
    """Make one scene.

    Args:
        library: sounds of one split; every stem must have some.
        photo_classes: classes that have photos in this split.
        rng: source of all choices.
        rule: numbers of the mixing rule.
    """
    rule = rule or MixingRule()
    length = rule.duration_s * SAMPLE_RATE
    focus = draw_focus(rule, rng)
    waves, labels, sources = [], [], {}
    for stem in STEMS:
        sounds = _choose_group(library, stem, rule, rng)
        wave, used = chain(sounds, length, rng)
        waves.append(wave)
        labels.append(used[0].label)
        sources[stem] = sorted({sound.source_id for sound in used})
    matched = low_pass(np.stack(waves), rng.uniform(*rule.low_pass_hz))
    levelled = matched / active_rms(matched)[:, None]
    stems = levelled * 10 ** (level_curves(focus, rule, rng, length) / 20)
    # A finished mix does not clip: sharp sounds may force the whole scene down.
    stems *= ceiling_gain(float(max(np.abs(stems).max(), np.abs(stems.sum(0)).max())))
    photos = tuple(_choose_photo(f, labels, photo_classes, rule, rng) for f in focus)
    named = tuple(STEMS[f] for f in focus)
    return Scene(stems.astype(np.float32), named, photos, tuple(labels), sources)


def draw_focus(rule: MixingRule, rng: np.random.Generator) -> NDArray[np.int64]:
    """Index of the stem in focus for every second; neighbouring segments differ."""
    focus: list[int] = []
    last = -1
    shortest, longest = rule.segment_s
    while len(focus) < rule.duration_s:
        choice = int(rng.choice([i for i in range(len(STEMS)) if i != last]))
        left = rule.duration_s - len(focus)
        span = int(rng.integers(shortest, longest + 1))
        # A rest too short for a segment of its own joins this one.
        focus += [choice] * (left if left - span < shortest else span)
        last = choice
    return np.array(focus)


def level_curves(
    focus: NDArray[np.int64], rule: MixingRule, rng: np.random.Generator, length: int
) -> NDArray[np.float64]:
    """Level of every stem at every sample, dBFS [3, T]: constant per segment, ramped between."""
    starts = np.flatnonzero(np.diff(focus, prepend=-1))
    times: list[float] = []
    levels: list[NDArray[np.float64]] = []
    for begin, end in zip(starts, [*starts[1:], len(focus)], strict=True):
        level = rule.level_db - rng.uniform(*rule.below_db, size=len(STEMS))
        level[focus[begin]] = rule.level_db
        times += [begin + rule.ramp_s / 2, end - rule.ramp_s / 2]
        levels += [level, level]
    at = np.arange(length) / SAMPLE_RATE
    return np.stack([np.interp(at, times, np.array(levels)[:, k]) for k in range(len(STEMS))])


def chain(
    sounds: Sequence[Sound], length: int, rng: np.random.Generator
) -> tuple[Wave, list[Sound]]:
    """Fill a stretch with pieces of random recordings of a group, faded over 20 ms at their ends.

    Returns:
        Samples [length] and the recordings used, first one first.
    """
    out = np.zeros(length, dtype=np.float32)
    used: list[Sound] = []
    order = rng.permutation(len(sounds))
    position = 0
    while position < length:
        sound = sounds[order[len(used) % len(order)]]
        piece = _piece(sound.samples, length - position, rng)
        out[position : position + len(piece)] = piece
        position += len(piece) + int(rng.uniform(0.0, 0.15) * SAMPLE_RATE)
        used.append(sound)
    return out, used


def _piece(samples: Samples, longest: int, rng: np.random.Generator) -> Wave:
    """A stretch of a recording, from a random place if it is longer than needed."""
    begin = int(rng.integers(0, max(len(samples) - longest, 0) + 1))
    piece = samples[begin : begin + longest].astype(np.float32) / 32768.0
    # Equal level of all pieces: recordings of a group come from different hands.
    piece /= active_rms(piece[None])[0]
    fade = min(SAMPLE_RATE // 50, len(piece) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    piece[:fade] *= ramp
    piece[len(piece) - fade :] *= ramp[::-1]
    return piece


def active_rms(waves: Wave) -> Wave:
    """RMS over the 50 ms blocks within 30 dB of the loudest [K, T] -> [K]; never 0."""
    block = SAMPLE_RATE // 20
    count = max(waves.shape[1] // block, 1)
    usable = waves[:, : count * block]
    power = np.square(usable).reshape(len(waves), count, -1).mean(axis=2)
    active = power >= power.max(axis=1, keepdims=True) * 1e-3
    mean = (power * active).sum(axis=1) / active.sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(mean, 1e-12)), dtype=np.float32)


def low_pass(waves: Wave, cutoff_hz: float, width_hz: float = 500.0) -> Wave:
    """Low-pass in the frequency domain: 1 below the cut-off, raised-cosine fall of `width_hz`."""
    length = waves.shape[1]
    size = scipy.fft.next_fast_len(length + SAMPLE_RATE // 10, real=True)
    hz = np.arange(size // 2 + 1) * (SAMPLE_RATE / size)
    fall = np.clip((hz - cutoff_hz) / width_hz, 0, 1)
    shape = (0.5 + 0.5 * np.cos(np.pi * fall)).astype(np.float32)
    spectrum = scipy.fft.rfft(waves, size, axis=1) * shape
    return np.asarray(scipy.fft.irfft(spectrum, size, axis=1)[:, :length], dtype=np.float32)


def _choose_group(
    library: SoundLibrary, stem: str, rule: MixingRule, rng: np.random.Generator
) -> list[Sound]:
    groups = library.groups[stem]
    names = sorted(groups)
    if stem == "music":
        pieces = [n for n in names if groups[n][0].label not in PLAYED]
        solos = [n for n in names if groups[n][0].label in PLAYED]
        chosen = pieces if rng.random() < rule.long_music else solos
        names = chosen or names
    return groups[names[int(rng.integers(0, len(names)))]]


def _choose_photo(
    focus: int,
    labels: Sequence[str],
    photo_classes: Sequence[str],
    rule: MixingRule,
    rng: np.random.Generator,
) -> str:
    if rng.random() < rule.stray:
        return SURROUNDINGS
    stem = STEMS[focus]
    general = {
        "speech": ("face",),
        "music": INSTRUMENT_PHOTOS,
        "effects": (SURROUNDINGS,),
    }[stem]
    own = [c for c in PICTURES.get(labels[focus], ()) if c in photo_classes]
    fitting = own or [c for c in general if c in photo_classes]
    return fitting[int(rng.integers(0, len(fitting)))]
