"""Windows: identity in, identity out, for any length and grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seehear.dsp.window import WindowPlan, cross_fade, fade_in


@settings(max_examples=60, deadline=None)
@given(
    num_samples=st.integers(1, 4000),
    grid=st.sampled_from([1, 4, 16]),
    units=st.tuples(st.integers(24, 60), st.integers(1, 6), st.integers(0, 3)),
)
def test_leaving_windows_alone_leaves_the_sound_alone(
    num_samples: int, grid: int, units: tuple[int, int, int]
) -> None:
    length, fade, margin = (unit * grid for unit in units)
    plan = WindowPlan(length, fade, margin, grid)
    spans = plan.spans(num_samples)
    pad = length + margin
    columns = np.random.default_rng(0).standard_normal((num_samples + 2 * pad) // grid + 2)
    signal = columns.astype(np.float32)
    offset = -(-pad // grid)
    windows = [signal[a // grid + offset : -(-b // grid) + offset] for a, b in spans]
    joined = np.concatenate(list(cross_fade(plan, spans, iter(windows))))
    wanted = signal[offset : offset + -(-num_samples // grid)]
    np.testing.assert_allclose(joined[: len(wanted)], wanted, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(num_samples=st.integers(1, 5000))
def test_windows_cover_the_sound_with_margins(num_samples: int) -> None:
    plan = WindowPlan(400, 40, 10, 10)
    spans = plan.spans(num_samples)
    assert spans[0][0] == -plan.margin
    assert spans[-1][1] >= num_samples + plan.margin
    assert all(start % plan.grid == 0 for start, _ in spans)
    for (_, stop), (start, _) in itertools.pairwise(spans):
        assert stop - start >= plan.fade + 2 * plan.margin


def test_later_windows_take_over_smoothly() -> None:
    plan = WindowPlan(100, 20, 5)
    spans = plan.spans(170)
    windows = [np.full(b - a, float(i), np.float32) for i, (a, b) in enumerate(spans)]
    joined = np.concatenate(list(cross_fade(plan, spans, iter(windows))))[:170]
    assert joined[0] == 0.0
    assert joined[-1] == len(spans) - 1
    assert np.diff(joined).min() >= 0
    assert np.diff(joined).max() < 0.1  # a fade of 20 samples never steps further


def test_fade_is_symmetric() -> None:
    curve = fade_in(64)
    np.testing.assert_allclose(curve + curve[::-1], 1.0, atol=1e-6)


def test_too_short_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        WindowPlan(100, 40, 10)
    with pytest.raises(ValueError, match="multiples of the grid"):
        WindowPlan(101, 10, 0, grid=2)
