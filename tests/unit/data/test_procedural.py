"""Procedural video: the same seed gives the same frames, and what moves moves when it sounds."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.config import to_dict
from seehear.data.drawn import DRAWINGS, draw_thing
from seehear.data.drive import drive_of, frame_times
from seehear.data.placed_sounds import place_sound
from seehear.data.procedural import DISTRACTED, MOTIONS, Scene, render, scene_of
from seehear.data.procedural_clips import CLASSES, SPANS, draw_clip, load_stock
from seehear.data.sources import SAMPLE_RATE, Sound, read_sources
from seehear.errors import ConfigError
from tests.unit.data.corpus import make_corpus

ONSETS = (0.63, 1.58, 2.47)


def clicks(seconds: float = 3.5) -> torch.Tensor:
    """Decaying noise at `ONSETS`."""
    generator = torch.Generator().manual_seed(0)
    wave = 1e-4 * torch.randn(round(seconds * SAMPLE_RATE), generator=generator)
    for moment in ONSETS:
        at = round(moment * SAMPLE_RATE)
        fall = torch.exp(-torch.arange(4800) / 1200.0)
        wave[at : at + 4800] += 0.5 * fall * torch.randn(4800, generator=generator)
    return wave


def photo(name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(len(name))
    blocks = torch.randint(0, 256, (3, 8, 8), generator=generator, dtype=torch.uint8)
    return blocks.repeat_interleave(8, 1).repeat_interleave(8, 2)


def scene(motion: str, seed: int, kind: str = "cutout") -> Scene:
    values = {"label": "dog", "kind": kind, "photo": "thing", "backdrop": "behind"}
    return scene_of({**values, "motion": motion, "seed": seed})


def test_the_drive_follows_the_sound() -> None:
    drive = drive_of(clicks(), SAMPLE_RATE)
    np.testing.assert_allclose(drive.onsets, ONSETS, atol=0.015)
    times = frame_times(3.5, 20)
    pulse, level = drive.pulse(times, 0.15), drive.envelope(times)
    rising = np.flatnonzero(np.diff(pulse, prepend=0) > 0.2) / 20
    np.testing.assert_allclose(rising, ONSETS, atol=0.04)
    assert level[np.round(np.array(ONSETS) * 20).astype(int) + 1].min() > 0.4
    assert level[:10].max() < 0.2
    assert drive.passed(times)[-1] == 3
    assert not drive_of(torch.zeros(32000), SAMPLE_RATE).pulse(times, 0.1).any()


def changes(motion: str, seed: int) -> np.ndarray:
    """How much each of the frames but the first differs from the one before it."""
    times = frame_times(3.5, 20)
    frames = render(scene(motion, seed), drive_of(clicks(), SAMPLE_RATE), times, photo, 32).float()
    return (frames[1:] - frames[:-1]).abs().mean(dim=(1, 2, 3)).numpy()


@pytest.mark.parametrize("motion", [motion for motion in MOTIONS if motion != "shake"])
def test_motion_is_in_time(motion: str) -> None:
    """The largest change of the picture lies within one frame of the onset, in nearly all scenes."""
    times, near, total = frame_times(3.5, 20)[1:], 0, 0
    for seed in range(6):
        change = changes(motion, seed)
        for moment in ONSETS:
            own = np.flatnonzero(np.abs(times - moment) < 0.4)
            peak = times[own[np.argmax(change[own])]]
            near += abs(peak - moment) <= 0.05 + 0.015
            total += 1
    # A second thing may happen to move more at the wrong time.
    assert near / total > 0.8


def test_shaking_lasts_as_long_as_the_sound() -> None:
    times = frame_times(3.5, 20)[1:]
    since = np.min([np.where(times >= m - 0.03, times - m, 9.0) for m in ONSETS], axis=0)
    change = np.mean([changes("shake", seed) for seed in range(6)], axis=0)
    assert change[since < 0.15].mean() > 3 * change[since > 0.6].mean()


def test_one_seed_one_film() -> None:
    drive, times = drive_of(clicks(), SAMPLE_RATE), frame_times(1.0, 20)
    for motion in MOTIONS:
        first = render(scene(motion, 3), drive, times, photo, 32)
        again = render(scene(motion, 3), drive, times, photo, 32)
        other = render(scene(motion, 4), drive, times, photo, 32)
        assert first.dtype == torch.uint8
        assert first.shape == (20, 3, 32, 32)
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_a_scene_does_not_depend_on_the_frame_rate() -> None:
    drive = drive_of(clicks(), SAMPLE_RATE)
    for motion in MOTIONS:
        # Looks at a film of 25 frames a second, and the film itself.
        looks = frame_times(3.5, 20, 25)
        seen = render(scene(motion, 5), drive, looks, photo, 32).float()
        film = render(scene(motion, 5), drive, frame_times(3.5, 25), photo, 32).float()
        apart = (film[np.round(looks * 25).astype(int)] - seen).abs().mean(dim=(1, 2, 3))
        assert float(apart.median()) < 4.0, motion


def test_drawings_vary_and_stay_in_their_part() -> None:
    for label in DRAWINGS:
        first, other = (draw_thing(label, seed) for seed in (0, 1))
        assert first.shape == (128, 128, 4)
        assert first[..., 3].any()
        assert not np.array_equal(first, other), label
        assert np.array_equal(first, draw_thing(label, 0))
    assert SPANS["train"][1] <= SPANS["test"][0]
    assert 0 < DISTRACTED < 1


def test_looks_see_the_latest_frame_of_the_film() -> None:
    np.testing.assert_allclose(frame_times(0.2, 20, 25), [0.0, 0.04, 0.08, 0.12])
    np.testing.assert_allclose(frame_times(0.2, 20), [0.0, 0.05, 0.1, 0.15])


def test_scenes_survive_being_written_down() -> None:
    one = scene("jump", 7)
    assert scene_of(to_dict(one)) == one
    with pytest.raises(ConfigError):
        scene_of({**to_dict(one), "motion": "dance"})


def test_placed_sounds_begin_and_end() -> None:
    rng = np.random.default_rng(0)
    samples = (8000 * rng.standard_normal(5 * SAMPLE_RATE)).astype(np.int16)
    wave = place_sound(Sound(samples, "rain", "x"), 8.0, 5500.0, np.random.default_rng(1))
    assert wave.shape == (8 * SAMPLE_RATE,)
    assert 0.01 < float(wave.abs().max()) <= 0.9
    level = wave.reshape(-1, 320).square().mean(1).sqrt()
    assert float(level.min()) < 0.02 * float(level.max())
    spectrum = torch.fft.rfft(wave).abs()
    assert float(spectrum[(6100 * 8) :].max()) < 1e-3 * float(spectrum.max())
    again = place_sound(Sound(samples, "rain", "x"), 8.0, 5500.0, np.random.default_rng(1))
    assert torch.equal(wave, again)


def test_clips_by_lot(tmp_path: Path) -> None:
    rows = [r for r in read_sources(make_corpus(tmp_path)) if r.split == "val"]
    stock = load_stock(rows, "val")
    assert stock.labels == ("dog", "piano", "rain", "speech")
    assert len(CLASSES) == 14
    clip = draw_clip(stock, "rain", 5, 2.0, 6000.0)
    assert clip.scene.kind == "drawn"
    assert clip.scene.photo == ""
    assert (clip.scene.low, clip.scene.high) == SPANS["val"]
    assert torch.equal(clip.waveform, draw_clip(stock, "rain", 5, 2.0, 6000.0).waveform)
    named = draw_clip(stock, "dog", 5, 2.0, 6000.0, sound=1, photo=0)
    assert named.source_id == stock.sounds["dog"][1].source_id
    assert named.scene.photo == stock.photos["dog"][0]
    motions = {draw_clip(stock, "dog", seed, 1.0, 6000.0).scene.motion for seed in range(60)}
    assert motions == set(MOTIONS)
