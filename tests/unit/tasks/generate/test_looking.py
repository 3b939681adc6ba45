"""Features of long videos: shots by themselves, pieces as the whole, interruptions without a trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from seehear.runtime import Stopwatch
from seehear.tasks.generate.keeping import MemoryKeep
from seehear.tasks.generate.looking import frame_count, look
from seehear.tasks.generate.sight import Sight, tiny_sight
from tests.unit.tasks.generate.made_up import seen, shot


@pytest.fixture(scope="module", params=["quick_cavp", "cavp"])
def sight(request: pytest.FixtureRequest) -> Sight:
    return tiny_sight(request.param)


def test_shots_are_encoded_by_themselves_in_pieces(sight: Sight) -> None:
    frames = np.concatenate([shot(1, 211), shot(2, 30), shot(3, 9)])
    if sight.frame_size != frames.shape[2]:
        frames = frames.repeat(sight.frame_size // 32, 2).repeat(sight.frame_size // 32, 3)
    made = seen(sight, frames)
    assert made.starts == (0, 211, 241)
    alone = [sight.encode(torch.from_numpy(part)) for part in np.split(frames, [211, 241])]
    torch.testing.assert_close(made.features(0, 250), torch.cat(alone), atol=1e-5, rtol=0)


class _Stopped(Exception):
    pass


def test_an_interrupted_look_ends_like_a_whole_one() -> None:
    sight = tiny_sight()
    frames = np.concatenate([shot(1, 333), shot(2, 25), shot(3, 400)])
    whole = seen(sight, frames)
    keep, all_frames = MemoryKeep(), torch.from_numpy(frames)
    asked: list[int] = []

    def frames_from(first: int, count: int) -> torch.Tensor:
        asked.append(first)
        return all_frames[first : first + count]

    def stop_at(limit: float) -> None:
        def told(share: float) -> None:
            if share > limit:
                raise _Stopped

        look(sight, len(frames), frames_from, keep, told, Stopwatch())

    for limit in (0.1, 0.3, 0.5):
        with pytest.raises(_Stopped):
            stop_at(limit)
        keep.table("features", sight.dim).append(np.zeros((3, sight.dim), np.float32))
        asked.clear()
    stop_at(2.0)
    assert asked[0] > 300  # what was done is not done again
    again = seen(sight, frames, keep)
    assert again.starts == whole.starts == (0, 333, 358)
    torch.testing.assert_close(again.features(0, 758), whole.features(0, 758), atol=0, rtol=0)


def test_shots_of_rows() -> None:
    made = seen(tiny_sight(), np.concatenate([shot(1, 20), shot(2, 20)]))
    assert made.shot_of(torch.tensor([0, 19, 20, 39])).tolist() == [0, 0, 1, 1]


def test_frames_cover_any_length() -> None:
    assert frame_count(0.0, 20.0) == 1
    assert frame_count(1.0, 20.0) == 20
    assert frame_count(1.01, 20.0) == 21
