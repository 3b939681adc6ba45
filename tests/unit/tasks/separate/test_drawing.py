"""DAVIS in the job: what a window gives, one noise for all, and steps."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from seehear.errors import UsageError
from seehear.models.davis import paper_ave, paper_music
from seehear.runtime import choose_runtime
from seehear.tasks.separate.drawing import DrawingListener
from seehear.tasks.separate.listening import _candidates
from seehear.tasks.separate.queries import glances
from seehear.tasks.separate.separator import POWERS, Separator, load_separator
from seehear.tasks.source import open_source
from tests.media_kit import tones, write_clip

CPU = choose_runtime("cpu")


def tiny(model: str = "separate/tiny-davis", **more: int) -> Separator:
    return load_separator(model, CPU, **more)


def noise(samples: int = 8192, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(samples)).astype("f4")


@pytest.mark.parametrize("model", ["separate/tiny-davis", "separate/tiny-ddpm"])
def test_rows_of_a_window(model: str) -> None:
    separator = tiny(model)
    queries = separator.encoder.encode_texts(["dog", "violin"])
    (window,) = separator.run_windows([noise()], queries)
    bands = len(separator.centres_hz)
    assert window.shape == (2, bands + 3, 33)
    assert window.nbytes == separator.window_bytes(2)
    masks = window[:, :bands]
    assert masks.min() >= 0 and masks.sum(axis=0).max() <= 1 + 1e-5
    assert np.abs(masks[0] - masks[1]).max() > 1e-4
    taken, among, total = window[:, POWERS].transpose(1, 0, 2)
    np.testing.assert_array_equal(taken, among)
    assert (taken.sum(axis=0) <= total[0] * (1 + 1e-5)).all()
    assert (np.diff(separator.centres_hz) > 0).all()


def test_power_is_on_the_scale_of_full_scale_sines() -> None:
    separator = tiny()
    sine = np.sin(2 * np.pi * 1000 * np.arange(8192) / separator.sample_rate).astype("f4")
    (window,) = separator.run_windows([sine], separator.encoder.encode_texts(["dog"]))
    # A sine is spread by the transform's window over bins with 1.5 in all.
    assert window[0, -1, 4:-4].mean() == pytest.approx(1.5, rel=0.05)


def test_a_window_does_not_depend_on_its_neighbours() -> None:
    separator = tiny()
    queries = separator.encoder.encode_texts(["dog", "violin"])
    hop = separator.plan.hop
    together = separator.run_windows([noise(), noise(seed=1)], queries, [0, hop + 256])
    (alone,) = separator.run_windows([noise(seed=1)], queries, [hop + 256])
    np.testing.assert_allclose(together[1], alone, atol=1e-4, rtol=1e-3)
    swapped = separator.run_windows([noise()], queries.flip(0), [0])[0]
    np.testing.assert_allclose(swapped[::-1], together[0], atol=1e-4, rtol=1e-3)


def test_only_what_is_most_seen_is_asked_for(tmp_path: Path) -> None:
    """Asking for everything known would take a network that draws too long."""
    source = open_source(str(write_clip(tmp_path / "in.mp4", tones(1.0, 16000, 1), 16000)), 0)
    for model, most in ((tiny(), 8), (load_separator("separate/tiny", CPU), None)):
        asked = _candidates(source, model)
        assert len(asked) == (most or len(model.classes))
        assert asked == sorted(set(asked))
    model = tiny()
    seen = glances(source, model.encoder)
    assert seen is not None
    views = model.encoder.encode_frames(seen)
    table = model.class_vectors()
    likeness = model.encoder.similarity(table[:, None], views[None]).amax(dim=1)
    asked = _candidates(source, model)
    left = [k for k in range(len(table)) if k not in asked]
    assert likeness[asked].min() >= likeness[left].max()


def test_short_sounds_are_heard_in_a_whole_window() -> None:
    separator = tiny()
    queries = separator.encoder.encode_texts(["dog"])
    (short,) = separator.run_windows([noise(3000)], queries)
    padded = np.pad(noise(3000), (0, 8192 - 3000))
    (whole,) = separator.run_windows([padded], queries)
    assert short.shape[-1] == 1 + 3000 // 256
    np.testing.assert_array_equal(short, whole[..., : short.shape[-1]])


def test_noise_agrees_where_windows_overlap() -> None:
    listener = tiny().listener
    assert isinstance(listener, DrawingListener)
    plan = listener.plan
    first, second = listener.noise.at([plan.start(3), plan.start(4)])(-1)[:, 0]
    shift = listener.noise.period
    torch.testing.assert_close(first[:, shift:], second[:, : 32 - shift])
    # Full windows on the grid all see the same picture of noise.
    torch.testing.assert_close(first, second)
    # The last window is pulled back: it sees what its neighbour sees at that moment.
    pulled = listener.noise.at([plan.start(4) - 8 * plan.grid])(-1)[0, 0]
    torch.testing.assert_close(pulled[:, 8:], second[:, : 32 - 8])
    other = replace(listener, seed=1).noise.at([0])(-1)
    assert not torch.equal(other, listener.noise.at([0])(-1))
    assert not torch.equal(listener.noise.at([0])(0), listener.noise.at([0])(1))
    replace(listener, seed=2**63 - 1).noise.at([0])(-1)


def test_windows_over_the_same_sound_agree() -> None:
    """Errors at seams come from the network's horizon, not from chance."""
    separator = tiny()
    plan = separator.plan
    sound = noise(plan.hop + plan.length)
    queries = separator.encoder.encode_texts(["dog"])
    cuts = [sound[: plan.length], sound[plan.hop :]]
    starts = [plan.start(0), plan.start(1)]
    first, second = separator.run_windows([c[: plan.length] for c in cuts], queries, starts)
    columns, hop = plan.length // plan.grid, plan.hop // plan.grid
    overlap = slice(0, len(separator.centres_hz))

    def gap(one: np.ndarray, other: np.ndarray) -> float:
        inner = one[:, overlap, hop + 1 : columns], other[:, overlap, 1 : columns - hop]
        return float(np.abs(inner[0] - inner[1]).mean())

    listener = separator.listener
    assert isinstance(listener, DrawingListener)
    by_chance = dataclasses.replace(separator, listener=replace(listener, seed=9)).run_windows(
        [cuts[1]], queries, starts[1:]
    )[0]
    assert gap(first, second) < 0.6 * gap(first, by_chance)
    # The same sound at the same place of the grid is heard alike.
    repeated = separator.run_windows([cuts[0], cuts[0]], queries, starts)
    np.testing.assert_allclose(repeated[0], repeated[1], atol=1e-4, rtol=1e-3)


def test_steps() -> None:
    query = tiny().encoder.encode_texts(["dog"])
    two, five = (tiny(steps=n).run_windows([noise()], query)[0] for n in (2, 5))
    np.testing.assert_array_equal(tiny().run_windows([noise()], query)[0], two)
    assert np.abs(two - five).max() > 1e-3
    assert tiny(steps=5).describe()["steps"] == 5
    assert tiny().describe()["steps"] == 2
    with pytest.raises(UsageError, match="at most 1000"):
        tiny("separate/tiny-ddpm", steps=1001)
    with pytest.raises(UsageError, match="leave it out"):
        load_separator("separate/tiny", CPU, steps=2)


def test_bf16_is_near() -> None:
    exact = tiny()
    low = load_separator("separate/tiny-davis", choose_runtime("cpu", "bf16"))
    queries = exact.encoder.encode_texts(["dog"])
    one, other = (s.run_windows([noise()], queries)[0] for s in (exact, low))
    assert other.dtype == np.float32
    bands = slice(0, len(exact.centres_hz))
    assert 0 < np.abs(one[:, bands] - other[:, bands]).mean() < 0.02
    np.testing.assert_allclose(one[:, -1], other[:, -1], rtol=1e-5)


@pytest.mark.parametrize(("config", "columns"), [(paper_music(), 256), (paper_ave(), 430)])
def test_windows_of_published_sizes(config: object, columns: int) -> None:
    module: Any = SimpleNamespace(config=config)
    listener = DrawingListener(module, module, CPU, 2, 0)
    plan = listener.plan
    assert 1 + plan.length // plan.grid == columns
    assert plan.hop > 0.8 * plan.length
    assert listener.noise.at([0])(-1).shape == (1, 1, 256, 256)
