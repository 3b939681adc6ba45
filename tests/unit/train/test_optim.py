"""Optimisers, schedules, average of weights."""

import pytest
import torch
from torch import nn

from seehear.train.optim import WeightAverage, learning_rate, make_optimiser
from seehear.train.settings import OptimConfig


def test_cosine_rises_and_falls_to_its_floor() -> None:
    config = OptimConfig(learning_rate=1.0, warmup=10, floor=0.1)
    assert learning_rate(config, 0, 0.0) == pytest.approx(0.1)
    assert learning_rate(config, 9, 0.0) == pytest.approx(1.0)
    assert learning_rate(config, 500, 0.5) == pytest.approx(0.55)
    assert learning_rate(config, 1000, 1.0) == pytest.approx(0.1)
    assert learning_rate(config, 1000, 1.7) == pytest.approx(0.1)


def test_constant_stays() -> None:
    config = OptimConfig(learning_rate=1e-4, schedule="constant", warmup=0)
    assert learning_rate(config, 0, 0.0) == learning_rate(config, 10**6, 1.0) == 1e-4


def test_constant_may_decay_and_betas_arrive() -> None:
    config = OptimConfig(learning_rate=1.0, schedule="constant", warmup=0, decay=0.5)
    assert learning_rate(config, 3, 0.9) == 0.125
    for name in ("adam", "adamw"):
        optimiser = make_optimiser(nn.Linear(2, 2), OptimConfig(name=name, betas=(0.8, 0.99)))
        assert optimiser.defaults["betas"] == (0.8, 0.99)


def test_published_optimiser_is_plain_adam() -> None:
    model = nn.Linear(3, 2)
    published = make_optimiser(model, OptimConfig(name="adam", learning_rate=1e-4))
    assert type(published) is torch.optim.Adam
    assert published.defaults["weight_decay"] == 0 and published.defaults["betas"] == (0.9, 0.999)


def test_decay_spares_biases() -> None:
    groups = make_optimiser(nn.Linear(3, 2), OptimConfig(weight_decay=0.1)).param_groups
    decay = {tuple(p.shape): g["weight_decay"] for g in groups for p in g["params"]}
    assert decay == {(2, 3): 0.1, (2,): 0.0}


def test_parts_that_learn_more_slowly() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model.slower = {"0.": 0.1}  # type: ignore[assignment]
    for name in ("adam", "adamw"):
        groups = make_optimiser(model, OptimConfig(name=name)).param_groups  # type: ignore[arg-type]
        shares = {id(p): g["share"] for g in groups for p in g["params"]}
        assert [shares[id(p)] for p in model.parameters()] == [0.1, 0.1, 1.0, 1.0]


def test_average_follows_and_copies_counts() -> None:
    model = nn.BatchNorm1d(2)
    average = WeightAverage(model, 0.9)
    with torch.no_grad():
        model.weight.fill_(3.0)
    model.num_batches_tracked.fill_(7)
    for step in range(1000):
        average.update(model, step)
    assert torch.allclose(average.values["weight"], torch.full((2,), 3.0))
    assert int(average.values["num_batches_tracked"]) == 7
