"""The mixing rule: focus, levels, photos, band-matching."""

import numpy as np
import pytest

from seehear.data.scenes import (
    MixingRule,
    active_rms,
    draw_focus,
    draw_scene,
    level_curves,
    low_pass,
)
from seehear.data.sources import (
    SAMPLE_RATE,
    STEMS,
    Sound,
    SoundLibrary,
    allows_any_use,
    load_sounds,
    read_sources,
)
from tests.unit.data.corpus import PHOTOS, make_corpus

CLASSES = sorted(PHOTOS)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> SoundLibrary:
    rows = read_sources(make_corpus(tmp_path_factory.mktemp("corpus")))
    return load_sounds([r for r in rows if r.split == "train" and allows_any_use(r.licence)])


def noise_library() -> SoundLibrary:
    """Steady noise everywhere, so that levels can be measured anywhere."""
    library = SoundLibrary()
    rng = np.random.default_rng(0)
    for stem, label in zip(STEMS, ("speech", "piano", "rain"), strict=True):
        sound = (8000 * rng.standard_normal(12 * SAMPLE_RATE)).clip(-32768, 32767).astype(np.int16)
        library.add(stem, label, Sound(sound, label, f"id:{label}"))
    return library


@pytest.mark.parametrize("seed", range(20))
def test_focus_has_segments_of_the_stated_length(seed: int) -> None:
    rule = MixingRule()
    focus = draw_focus(rule, np.random.default_rng(seed))
    starts = np.flatnonzero(np.diff(focus, prepend=-1))
    spans = np.diff([*starts, len(focus)])
    assert len(focus) == 10 and spans.min() >= 2 and spans.max() <= 6
    assert set(focus) <= {0, 1, 2}


def test_levels_follow_the_focus() -> None:
    rule = MixingRule()
    focus = np.array([0] * 4 + [2] * 6)
    curves = level_curves(focus, rule, np.random.default_rng(0), 10 * SAMPLE_RATE)
    first, second = curves[:, 2 * SAMPLE_RATE], curves[:, 7 * SAMPLE_RATE]
    assert first[0] == rule.level_db and second[2] == rule.level_db
    for value in (first[1], first[2], second[0], second[1]):
        assert -37.0 <= value <= -29.0
    inside = slice(int(3.9 * SAMPLE_RATE), int(4.1 * SAMPLE_RATE))
    assert np.abs(np.diff(curves[:, inside])).max() < 0.01, "a ramp, not a step"


def test_the_stem_in_focus_is_at_its_level() -> None:
    rule = MixingRule(segment_s=(10, 10))
    scene = draw_scene(noise_library(), CLASSES, np.random.default_rng(3), rule)
    main = STEMS.index(scene.focus[0])
    levels = 20 * np.log10(active_rms(scene.stems))
    assert levels[main] == pytest.approx(rule.level_db, abs=0.1)
    others = np.delete(levels, main)
    assert others.max() <= rule.level_db - 5.9 and others.min() >= rule.level_db - 14.1


def test_sounds_are_band_matched() -> None:
    rule = MixingRule(low_pass_hz=(5000.0, 5000.0))
    scene = draw_scene(noise_library(), CLASSES, np.random.default_rng(0), rule)
    spectrum = np.abs(np.fft.rfft(scene.stems, axis=1))
    hz = np.fft.rfftfreq(scene.stems.shape[1], 1 / SAMPLE_RATE)
    kept, gone = spectrum[:, (hz > 3000) & (hz < 4900)], spectrum[:, hz > 5700]
    assert (20 * np.log10(gone.mean(1) / kept.mean(1)) < -60).all()


def test_low_pass_leaves_what_is_below() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)[None].astype(np.float32)
    same = low_pass(tone, 5000.0)
    assert np.abs(same - tone)[0, 800:-800].max() < 1e-3


def test_photos_fit_the_focus(library: SoundLibrary) -> None:
    rule = MixingRule(stray=0.0)
    fitting = {
        "speech": {"face"},
        "piano": {"piano"},
        "theme": {"piano", "accordion"},
        "dog": {"dog"},
        "rain": {"background"},
    }
    for seed in range(12):
        scene = draw_scene(library, CLASSES, np.random.default_rng(seed), rule)
        for focus, photo in zip(scene.focus, scene.photos, strict=True):
            assert photo in fitting[scene.labels[STEMS.index(focus)]]


def test_a_seed_gives_one_scene(library: SoundLibrary) -> None:
    first, second = (draw_scene(library, CLASSES, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.stems, second.stems)
    assert first.focus == second.focus and first.sources == second.sources
    other = draw_scene(library, CLASSES, np.random.default_rng(6))
    assert not np.array_equal(first.stems, other.stems)


def test_a_scene_does_not_clip(library: SoundLibrary) -> None:
    rule = MixingRule(level_db=3.0)
    scene = draw_scene(library, CLASSES, np.random.default_rng(0), rule)
    assert max(np.abs(scene.stems).max(), np.abs(scene.stems.sum(0)).max()) <= 0.945
    assert set(scene.sources) == set(STEMS) and all(scene.sources.values())
