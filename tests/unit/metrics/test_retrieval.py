"""Retrieval against closed forms and the published table's own bounds."""

import math

import pytest
import torch

from seehear.errors import InputError
from seehear.metrics.retrieval import (
    chance,
    ranks,
    recalls,
    retrieval,
    retrieval_in_galleries,
    retrieval_within,
)


def test_perfect_embeddings_find_everything() -> None:
    found = retrieval(torch.eye(30))
    assert len(found) == 8
    assert all(value == 1.0 for value in found.values())


def test_guessing_is_at_chance() -> None:
    generator = torch.Generator().manual_seed(0)
    runs = [recalls(torch.rand(20, 20, generator=generator)) for _ in range(300)]
    expected = chance(20)
    assert expected["r1"] == 0.05
    assert expected["r5"] == 0.25
    assert expected["r10"] == 0.5
    for key, value in expected.items():
        mean = sum(run[key] for run in runs) / len(runs)
        assert mean == pytest.approx(value, abs=0.02)


def test_ranks_by_hand_and_both_ways() -> None:
    likeness = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.2, 0.3], [0.1, 0.2, 0.7]])
    assert ranks(likeness).tolist() == [1, 3, 1]
    found = retrieval(likeness)
    assert found["video_to_sound_map"] == pytest.approx((1 + 1 / 3 + 1) / 3)
    assert found["sound_to_video_r1"] == pytest.approx(2 / 3)  # the second sound has a tie


def test_a_model_that_cannot_tell_is_not_rewarded() -> None:
    assert recalls(torch.zeros(8, 8)) == {"r1": 0.0, "r5": 0.0, "r10": 1.0, "map": 1 / 8}


def test_mean_average_precision_lies_within_the_bounds_that_recalls_imply() -> None:
    generator = torch.Generator().manual_seed(1)
    for sharpness in (0.0, 1.0, 2.0, 4.0):
        table = torch.randn(60, 60, generator=generator) + sharpness * torch.eye(60)
        found = recalls(table)
        r1, r5, r10 = found["r1"], found["r5"], found["r10"]
        assert found["map"] >= r1 + (r5 - r1) / 5 + (r10 - r5) / 10 - 1e-6
        assert found["map"] <= r1 + (r5 - r1) / 2 + (r10 - r5) / 6 + (1 - r10) / 11 + 1e-6


def test_smaller_galleries_are_easier() -> None:
    generator = torch.Generator().manual_seed(2)
    table = torch.randn(80, 80, generator=generator) + 1.5 * torch.eye(80)
    small = retrieval_in_galleries(table, 10)["video_to_sound_r1"]
    large = retrieval_in_galleries(table, 80)["video_to_sound_r1"]
    assert small > large
    assert large == retrieval(table)["video_to_sound_r1"]
    with pytest.raises(InputError, match="gallery of 81"):
        retrieval_in_galleries(table, 81)


def test_within_classes_only_timing_counts() -> None:
    labels = ["a"] * 4 + ["b"] * 6 + ["lonely"]
    same = torch.tensor([[float(x == y) for y in labels] for x in labels])
    # Class alone: every clip of a class is as near; none is found for certain.
    assert retrieval_within(same, labels)["r1"] == 0.0
    found = retrieval_within(same + 0.1 * torch.eye(len(labels)), labels)
    assert found == {"r1": 1.0, "chance": pytest.approx(2 / 10), "clips": 10.0}


def test_bad_tables_are_refused() -> None:
    with pytest.raises(InputError, match="square"):
        ranks(torch.zeros(2, 3))
    with pytest.raises(InputError, match="finite"):
        ranks(torch.full((2, 2), math.nan))
    with pytest.raises(InputError, match="two clips"):
        retrieval_within(torch.eye(2), ["a", "b"])
