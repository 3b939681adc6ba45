"""One window is the plain sampler; many are blended; shots do not leak; interruptions leave no trace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from seehear.runtime import choose_runtime
from seehear.sampling.flow import flow_path, sample_flow
from seehear.sampling.guidance import classifier_free
from seehear.tasks.generate.compose import Sampling, column_noise, compose
from seehear.tasks.generate.conditions import Between, seen_in
from seehear.tasks.generate.keeping import MemoryKeep
from seehear.tasks.generate.loading import System, load_system
from seehear.tasks.generate.looking import Seen
from seehear.tasks.generate.windows import LatentWindows
from tests.unit.tasks.generate.made_up import seen, shot

SAMPLING = Sampling(3, 2.5, seed=5)


@pytest.fixture(scope="module")
def system() -> System:
    return load_system("generate/tiny", choose_runtime("cpu"))


@pytest.fixture(scope="module")
def long(system: System) -> Seen:
    return seen(system.sight, np.concatenate([shot(1, 250), shot(2, 30), shot(3, 120)]))


def make(system: System, condition: Seen | Between, columns: int, **more: object) -> Tensor:
    return compose(system, condition, columns, SAMPLING, MemoryKeep(), **more)  # type: ignore[arg-type]


def test_one_window_is_the_plain_sampler(system: System) -> None:
    one = seen(system.sight, shot(1, 160))
    features = one.features(0, 160)[None]
    null = system.null.expand(1, 160, -1)
    velocity = classifier_free(
        lambda x, t, video: system.denoiser(x, t, video), features, null, SAMPLING.guidance
    )
    noise = column_noise(5, 0, 200, 20)[None]
    with torch.inference_mode():
        plain = sample_flow(velocity, noise, 3)[0]
    torch.testing.assert_close(make(system, one, 200), plain, atol=1e-4, rtol=1e-4)


def test_noise_belongs_to_columns_and_attempts() -> None:
    noise = column_noise(3, 0, 1000, 20)
    assert torch.equal(noise[:, :61], column_noise(3, 0, 61, 20))
    assert not torch.equal(noise, column_noise(4, 0, 1000, 20))
    assert not torch.equal(noise, column_noise(3, 1, 1000, 20))
    assert abs(float(noise.mean())) < 0.03
    assert float(noise.std()) == pytest.approx(1.0, abs=0.02)
    column_noise(2**63 - 1, 0, 1, 1)


@pytest.mark.parametrize("columns", [1, 24, 200, 201, 350, 777])
def test_weights_of_windows_sum_to_one(columns: int) -> None:
    windows = LatentWindows(columns, 200, 25)
    total = torch.zeros(windows.padded)
    for index, start in enumerate(windows.starts):
        assert start % 25 == 0
        total[start : start + 200] += windows.weights(index)
    assert columns <= windows.padded < columns + 200
    torch.testing.assert_close(total, torch.ones_like(total))


def test_one_window_has_weight_one_exactly() -> None:
    assert torch.equal(LatentWindows(200, 200, 25).weights(0), torch.ones(200))


def test_what_is_seen_in_one_shot_does_not_reach_another(system: System, long: Seen) -> None:
    """With attention among columns cut off, columns of one shot do not depend on the other's frames."""
    other = seen(system.sight, np.concatenate([shot(9, 250), shot(2, 30), shot(3, 120)]))
    assert other.starts == long.starts == (0, 250, 280)
    kept = [layer.attend.value.weight.data.clone() for layer in system.denoiser.layers]
    try:
        for layer in system.denoiser.layers:
            layer.attend.value.weight.data.zero_()
        one, two = make(system, long, 500), make(system, other, 500)
    finally:
        for layer, weight in zip(system.denoiser.layers, kept, strict=True):
            layer.attend.value.weight.data.copy_(weight)
    first = round(250 / 20 * 25)
    torch.testing.assert_close(one[:, first + 1 :], two[:, first + 1 :], atol=1e-5, rtol=1e-5)
    assert (one[:, :first] - two[:, :first]).abs().max() > 1e-3


class _Stopped(Exception):
    pass


def test_an_interrupted_run_ends_with_the_same_bits(system: System, long: Seen) -> None:
    whole = make(system, long, 500)
    keep = MemoryKeep()
    for limit in (0.2, 0.5):

        def told(share: float, limit: float = limit) -> None:
            if share > limit:
                raise _Stopped

        with pytest.raises(_Stopped):
            compose(system, long, 500, SAMPLING, keep, told=told)
    shares: list[float] = []
    assert torch.equal(compose(system, long, 500, SAMPLING, keep, told=shares.append), whole)
    assert shares == [1.0]


def test_short_videos_are_shown_again_as_new_shots(system: System) -> None:
    short = seen(system.sight, shot(1, 30))
    told = seen_in(short, 0, 160, 160)
    assert told.features.shape == (160, 32)
    assert torch.equal(told.features[30:60], short.features(0, 30))
    assert told.shots.tolist()[::30] == [0, 1, 2, 3, 4, 5]
    assert make(system, short, 38).shape == (20, 38)


def test_after_a_long_video_its_last_frame_stays(long: Seen) -> None:
    told = seen_in(long, 360, 160, 160)
    assert torch.equal(told.features[40:], long.features(399, 400).expand(120, -1))
    assert told.shots.tolist() == [2] * 160


def reference(system: System, columns: int) -> Tensor:
    return 0.7 * column_noise(77, 0, columns, system.codec.latent_channels)


@pytest.mark.parametrize("columns", [60, 200, 320])
def test_transfer_goes_from_the_reference_to_plain_generation(
    system: System, long: Seen, columns: int
) -> None:
    known = reference(system, columns)
    made = [
        compose(
            system, long, columns, replace(SAMPLING, amount=amount), MemoryKeep(),
            lambda start, stop: known[:, start:stop],
        )
        for amount in (0.0, 0.4, 1.0)
    ]  # fmt: skip
    assert torch.equal(made[0], known)
    assert torch.equal(made[2], make(system, long, columns))
    near = [(part - known).square().mean() for part in made]
    assert near[0] < near[1] < near[2]


def test_transfer_begins_on_the_path_of_training(system: System) -> None:
    one = seen(system.sight, shot(1, 160))
    known, noise = reference(system, 200), column_noise(5, 0, 200, 20)
    state, _ = flow_path(known[None], noise[None], torch.tensor([0.6]))
    sampling = Sampling(10, 1.0, seed=5, amount=0.4)
    assert sampling.steps_taken == 4
    features = one.features(0, 160)[None]
    with torch.inference_mode():
        plain = sample_flow(
            lambda x, t: system.denoiser(x, t, features), state, 4, begin=sampling.begin
        )
    made = compose(system, one, 200, sampling, MemoryKeep(), lambda a, b: known[:, a:b])
    torch.testing.assert_close(made, plain[0], atol=1e-4, rtol=1e-4)


def test_ways_between_videos_end_at_each_of_them(system: System, long: Seen) -> None:
    other = seen(system.sight, np.concatenate([shot(7, 100), shot(8, 300)]))
    for slerp in (False, True):
        assert torch.equal(
            make(system, Between(long, other, 0.0, slerp), 500), make(system, long, 500)
        )
        assert torch.equal(
            make(system, Between(long, other, 1.0, slerp), 500), make(system, other, 500)
        )
    middle = Between(long, other, 0.5)
    assert middle.shot_of(torch.tensor([0, 99, 100, 249, 250, 280])).tolist() == [0, 0, 1, 1, 2, 3]


@pytest.mark.parametrize("slerp", [False, True])
@pytest.mark.parametrize("count", [1, 77, 400, 901])
def test_features_between_videos_of_any_lengths_are_unit_rows(
    system: System, long: Seen, count: int, slerp: bool
) -> None:
    other = seen(system.sight, shot(7, count))
    for weight in (0.3, 1.0):
        way = Between(long, other, weight, slerp)
        rows = way.features(0, len(way))
        assert rows.shape == (400, 32)
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(400))
        assert torch.equal(way.features(100, 140), rows[100:140])
    assert torch.equal(
        Between(long, other, 1.0).features(399, 400), other.features(count - 1, count)
    )
