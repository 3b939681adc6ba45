"""Mixtures of things of different classes, by a stated rule.

Two or three sounds of different classes play together for a few seconds, each repeated from random
places until the time is full. All go through one low-pass drawn between 5 and 8 kHz, because
corpora differ in bandwidth and would give classes away. Levels are active RMS: equal in tests,
drawn in training, where sounds are also moved in pitch and speed and coloured a little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

from seehear.data.scenes import Wave, active_rms, chain, low_pass
from seehear.data.sounds import ThingLibrary
from seehear.data.sources import SAMPLE_RATE, Sound
from seehear.dsp.level import ceiling_gain

FULL_CLASS = 12
"""Recordings from which on a class is drawn as often as any other."""


@dataclass(frozen=True)
class MixRule:
    """Numbers of the rule.

    Args:
        duration_s: length of a mixture.
        low_pass_hz: smallest and largest common cut-off.
        level_db: smallest and largest active RMS of the mixture's loudest sound, dBFS.
        apart_db: standard deviation of single sounds' levels around each other.
        one_recording: share of sounds made of one recording only; the others chain several.
        moved: share of sounds that are moved in pitch and speed.
        ratio: largest such change, as a factor.
        coloured: share of sounds whose spectrum is tilted.
        tilt_db: standard deviation of the tilt, dB per octave.
        disturbed: share of mixtures of three or more whose last sound is of no askable class.
    """

    duration_s: float = 4.0
    low_pass_hz: tuple[float, float] = (5000.0, 8000.0)
    level_db: tuple[float, float] = (-35.0, -14.0)
    apart_db: float = 4.0
    one_recording: float = 0.6
    moved: float = 0.5
    ratio: float = 1.15
    coloured: float = 0.4
    tilt_db: float = 1.5
    disturbed: float = 0.3


TEST_RULE = MixRule(
    duration_s=5.0,
    level_db=(-23.0, -23.0),
    apart_db=0.0,
    one_recording=1.0,
    moved=0.0,
    coloured=0.0,
    disturbed=0.0,
)
"""Equal levels, one recording per sound, nothing changed."""


@dataclass(frozen=True)
class Mix:
    """One mixture in parts.

    Args:
        stems: float32 [S, T]; their sum is the mixture.
        labels: class of each.
        source_ids: recordings in each.
        low_pass_hz: common cut-off.
    """

    stems: Wave
    labels: tuple[str, ...]
    source_ids: tuple[tuple[str, ...], ...]
    low_pass_hz: float


def draw_labels(library: ThingLibrary, count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Different classes, those with few recordings less often."""
    names = sorted(library.things)
    weights = np.array([min(library.recordings(n) / FULL_CLASS, 1.0) for n in names])
    chosen = rng.choice(
        len(names), size=min(count, len(names)), replace=False, p=weights / weights.sum()
    )
    return tuple(names[i] for i in chosen)


def draw_mix(
    library: ThingLibrary, count: int, rng: np.random.Generator, rule: MixRule | None = None
) -> Mix:
    """Make one mixture of `count` sounds of different classes.

    Args:
        library: sounds of one split.
        count: number of sounds, at least 1.
        rng: source of all choices.
        rule: numbers of the mixing rule.
    """
    rule = rule or MixRule()
    labels = draw_labels(library, count, rng)
    groups = [library.things[label] for label in labels]
    if count > 2 and library.others and rng.random() < rule.disturbed:
        other = sorted(library.others)[int(rng.integers(len(library.others)))]
        labels, groups = (*labels[:-1], other), [*groups[:-1], library.others[other]]
    parts = [draw_part(group, rng, rule) for group in groups]
    return make_mix([p[0] for p in parts], labels, [p[1] for p in parts], rng, rule)


def draw_part(
    group: Sequence[Sound], rng: np.random.Generator, rule: MixRule
) -> tuple[Wave, tuple[str, ...]]:
    """Fill the time with sounds of one class; also the ids of the recordings used."""
    length = round(rule.duration_s * SAMPLE_RATE)
    chosen = list(group)
    if rng.random() < rule.one_recording:
        chosen = [group[int(rng.integers(len(group)))]]
    ratio = 1.0
    if rng.random() < rule.moved:
        ratio = math.exp(rng.uniform(-1.0, 1.0) * math.log(rule.ratio))
    wave, used = chain(chosen, math.ceil(length * ratio) + 2, rng)
    if ratio != 1.0:
        # Linear interpolation: the low-pass that follows takes most of its images away.
        wave = np.interp(np.arange(length) * ratio, np.arange(len(wave)), wave).astype(np.float32)
    wave = wave[:length]
    if rng.random() < rule.coloured:
        wave = tilt(wave, rng.normal(0.0, rule.tilt_db))
    return wave, tuple(sorted({sound.source_id for sound in used}))


def make_mix(
    waves: Sequence[Wave],
    labels: Sequence[str],
    source_ids: Sequence[tuple[str, ...]],
    rng: np.random.Generator,
    rule: MixRule,
) -> Mix:
    """Match bandwidths, set levels, keep the sum under full scale."""
    cutoff = float(rng.uniform(*rule.low_pass_hz))
    matched = low_pass(np.stack(waves), cutoff)
    levels = rng.normal(0.0, rule.apart_db, len(waves))
    levels += rng.uniform(*rule.level_db) - levels.max()
    stems = matched / active_rms(matched)[:, None] * 10 ** (levels[:, None] / 20)
    stems *= ceiling_gain(float(np.abs(stems.sum(0)).max()))
    return Mix(stems.astype(np.float32), tuple(labels), tuple(source_ids), cutoff)


def tilt(wave: Wave, db_per_octave: float) -> Wave:
    """Turn a spectrum around 1 kHz, between 60 Hz and 8 kHz."""
    spectrum = scipy.fft.rfft(wave)
    hz = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    octaves = np.log2(np.clip(hz, 60.0, 8000.0) / 1000.0)
    shaped = spectrum * (10 ** (db_per_octave * octaves / 20)).astype(np.float32)
    return np.asarray(scipy.fft.irfft(shaped, len(wave)), dtype=np.float32)
