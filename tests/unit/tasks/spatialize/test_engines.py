"""Who hears where sounds are: chunks equal the published windows, pictures are looked at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from seehear.dsp.segments import cut_segments
from seehear.models.pseudobinaural.windows import spatialised, window_starts
from seehear.runtime import Stopwatch, choose_runtime
from seehear.tasks.spatialize.analyse import hear_windows
from seehear.tasks.spatialize.difference import DifferenceEngine, chunk_plan, joined
from seehear.tasks.spatialize.engine import keep_shares, kept_shares
from seehear.tasks.spatialize.loading import load_engine
from seehear.tasks.spatialize.looking import Sight, frame_numbers
from seehear.tasks.spatialize.sources import places_of, spread


def pictures(moments: list[float], size: tuple[int, int]) -> Tensor:
    """A bright bar that goes to the right, ten steps a second."""
    frames = torch.zeros(len(moments), 3, size[1], size[0], dtype=torch.uint8)
    for row, moment in enumerate(moments):
        frames[row, :, :, int(moment * 10) % size[0]] = 255
    return frames


@pytest.mark.parametrize("seconds", [0.63, 2.5, 4.1])
def test_chunks_are_the_published_windows(seconds: float) -> None:
    engine = load_engine("spatialize/tiny-paper", choose_runtime("cpu"))
    assert isinstance(engine, DifferenceEngine)
    config = engine._config
    sound = 0.1 * np.random.default_rng(0).standard_normal(int(seconds * 16000)).astype(np.float32)
    heard = list(
        hear_windows(engine, [sound[None]], 16000, lambda m: pictures(m, engine.frame_size))
    )
    spans = [window.span for window in heard]
    results = (window.result for window in heard if window.result is not None)
    made = np.concatenate(list(joined(engine.plan, spans, results)))[: len(sound)]

    starts = window_starts(len(sound), config)
    numbers = [int((s + config.num_samples / 2) / 16000 * 10 + 1e-9) for s in starts]
    maps = engine.encode(pictures([n / 10 for n in numbers], engine.frame_size))
    mixture = 2 * torch.from_numpy(sound)
    with torch.inference_mode():
        ears = spatialised(engine.network, config, mixture, maps, range(len(starts)))
    np.testing.assert_allclose(made, (ears[0] - ears[1]).numpy(), atol=2e-5)


@pytest.mark.parametrize("samples", [1, 10080, 34080, 34081, 60000, 100_000])
def test_chunks_cover_every_length(samples: int) -> None:
    plan = chunk_plan(10080, 1600)
    segments = list(cut_segments([np.zeros((1, samples), np.float32)], 16000, 16000, plan))
    assert [s.span for s in segments] == plan.spans(samples)
    starts = [plan.window_starts(s.index, s.span) for s in segments]
    flat = [start for chunk in starts for start in chunk]
    last = max(samples - 10080, 0)
    assert flat == [*range(0, last, 1600), last]
    assert all(len(chunk) <= 16 for chunk in starts)


def test_equal_pictures_are_encoded_once() -> None:
    asked: list[int] = []

    def encode(frames: Tensor) -> Tensor:
        asked.append(len(frames))
        return frames[:, 0, 0, 0].float()

    def slow(moments: list[float]) -> Tensor:
        shown = torch.tensor([int(m) for m in moments], dtype=torch.uint8)
        return shown[:, None, None, None].expand(-1, 3, 2, 2)

    sight = Sight(slow, 4.0, encode, Stopwatch())
    assert sight.of(range(0, 6)).tolist() == [0, 0, 0, 0, 1, 1]
    assert sight.of(range(4, 10)).tolist() == [1, 1, 1, 1, 2, 2]
    assert asked == [2, 1]


def test_frames_of_a_window() -> None:
    assert list(frame_numbers((-4000, 16000), 16000, 4.0)) == [0, 1, 2, 3]
    assert list(frame_numbers((16000, 16001), 16000, 4.0)) == [4]
    assert list(frame_numbers((-10, 0), 16000, 4.0)) == [0]


def test_shares_survive_their_small_form() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(9), (5, 7)).transpose(2, 0, 1)
    back = kept_shares(keep_shares(shares.astype(np.float32)))
    np.testing.assert_allclose(back, shares, atol=0.01)
    np.testing.assert_allclose(back.sum(axis=0), 1, atol=1e-5)
    nothing = kept_shares(np.zeros((3, 2, 2), np.uint8))
    np.testing.assert_array_equal(nothing[-1], 1)


def test_places_of_likeness() -> None:
    maps = torch.full((3, 4, 8), 0.1)
    maps[0, 2, 0] = 0.9  # at the left edge
    maps[1, 1, 7] = 0.3  # at the right edge, half sure
    found = places_of(maps)
    assert found[0].tolist() == pytest.approx([0.875, 1.0], abs=0.01)
    assert found[1].tolist() == pytest.approx([-0.75, 0.5], abs=0.15)
    assert float(found[2, 1]) == 0


def test_spreading_is_linear_and_keeps_all() -> None:
    weights = spread(np.array([1.0, 0.75, 0.0, -1.0, -2.0]), 5)
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    np.testing.assert_allclose(weights[:, 1], [0.5, 0.5, 0, 0, 0])
    assert weights.argmax(axis=0).tolist()[2:] == [2, 4, 4]
