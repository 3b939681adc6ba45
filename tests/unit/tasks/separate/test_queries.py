"""Places in a feature map, and names of things."""

from __future__ import annotations

import pytest
import torch

from seehear.features.concepts import load_query_encoder
from seehear.tasks.separate.config import Place
from seehear.tasks.separate.queries import nearest, pool_place


def corners() -> torch.Tensor:
    """Every place of a 4 x 4 map is a direction of its own, [16, 4, 4]."""
    return torch.eye(16).reshape(16, 4, 4)


@pytest.mark.parametrize(("x", "y", "cell"), [(0.0, 0.0, 0), (0.99, 0.1, 3), (0.4, 0.9, 13)])
def test_a_click_in_a_cell_takes_mostly_that_cell(x: float, y: float, cell: int) -> None:
    pooled = pool_place(corners(), Place(x, y))
    assert int(pooled.argmax()) == cell
    assert float(pooled.norm()) == pytest.approx(1.0, abs=1e-5)


def test_a_click_on_the_middle_of_a_cell_takes_it_alone() -> None:
    pooled = pool_place(corners(), Place(0.375, 0.625))
    torch.testing.assert_close(pooled, torch.eye(16)[9], atol=1e-5, rtol=0)


def test_a_box_takes_what_it_covers() -> None:
    pooled = pool_place(corners(), Place(0.0, 0.0, 0.5, 0.25))
    assert set(torch.nonzero(pooled > 1e-6).flatten().tolist()) == {0, 1}
    whole = pool_place(corners(), Place(0.0, 0.0, 1.0, 1.0))
    torch.testing.assert_close(whole, torch.full((16,), 0.25))
    half = pool_place(corners(), Place(0.0, 0.0, 0.375, 0.25))
    assert float(half[0]) == pytest.approx(2 * float(half[1]), rel=1e-5)


def test_a_box_smaller_than_a_cell_is_that_cell() -> None:
    pooled = pool_place(corners(), Place(0.3, 0.3, 0.01, 0.01))
    assert int(pooled.argmax()) == 5
    assert float(pooled.max()) == pytest.approx(1.0)


def test_a_class_is_nearest_to_itself() -> None:
    encoder = load_query_encoder("grid-words")
    for word in ("dog", "violin", "sea waves"):
        assert nearest(encoder, encoder.encode_texts([word])[0]) == word
