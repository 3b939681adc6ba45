"""Windows cut from a stream: the planned spans, at the model's rate, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest

from seehear.dsp.resample import resampled_length
from seehear.dsp.segments import cut_segments
from seehear.dsp.window import WindowPlan

PLAN = WindowPlan(16000, 1600, 400)
MODEL_RATE = 16000


def blocks(sound: np.ndarray, step: int) -> list[np.ndarray]:
    return [sound[None, i : i + step] for i in range(0, len(sound), step)]


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44055, 48000])
@pytest.mark.parametrize("seconds", [0.01, 0.7, 1.0, 3.3])
def test_spans_are_the_plan_and_blocks_do_not_matter(rate: int, seconds: float) -> None:
    sound = np.random.default_rng(3).standard_normal(round(seconds * rate)).astype(np.float32)
    found = list(cut_segments(blocks(sound, 700), rate, MODEL_RATE, PLAN))
    total = resampled_length(len(sound), rate, MODEL_RATE)
    assert [segment.span for segment in found] == PLAN.spans(total)
    again = list(cut_segments(blocks(sound, 5000), rate, MODEL_RATE, PLAN))
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one.waveform, other.waveform)


def test_windows_hold_the_sound_of_their_span() -> None:
    t = np.arange(5 * 48000) / 48000
    sound = np.sin(2 * np.pi * 300 * t).astype(np.float32)
    for segment in cut_segments(blocks(sound, 4096), 48000, MODEL_RATE, PLAN):
        assert segment.waveform is not None
        place = np.arange(*segment.span)
        inside = (place > 200) & (place < 5 * MODEL_RATE - 200)
        wanted = np.sin(2 * np.pi * 300 * place / MODEL_RATE)
        np.testing.assert_allclose(segment.waveform[inside], wanted[inside], atol=1e-4)


def test_skipped_windows_change_nothing_for_the_others() -> None:
    sound = np.random.default_rng(4).standard_normal(4 * 48000).astype(np.float32)
    whole = list(cut_segments(blocks(sound, 4096), 48000, MODEL_RATE, PLAN))
    rest = list(cut_segments(blocks(sound, 4096), 48000, MODEL_RATE, PLAN, skip=lambda i: i < 2))
    assert [segment.waveform is None for segment in rest[:3]] == [True, True, False]
    for one, other in zip(whole[2:], rest[2:], strict=True):
        np.testing.assert_array_equal(one.waveform, other.waveform)


def test_no_sound_no_windows() -> None:
    assert list(cut_segments([], 48000, MODEL_RATE, PLAN)) == []
