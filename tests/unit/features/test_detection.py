"""Detection through transformers' kind of output: boxes, scores, classes, a class for nothing."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from seehear.errors import ModelError
from seehear.features.detection import find, load_detector, pixel_values


def model(logits: list[list[float]]) -> object:
    """Two boxes with given scores for dog, car and perhaps nothing."""
    boxes = torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.1, 0.2, 0.2, 0.2]]])

    def run(pixel_values: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=torch.tensor([logits]), pred_boxes=boxes)

    run.config = SimpleNamespace(id2label={0: "dog", 1: "car"})  # type: ignore[attr-defined]
    return run


def test_finds_are_sorted_and_boxes_are_shares_from_the_corner() -> None:
    picture = np.zeros((20, 40, 3), np.uint8)
    found = find(model([[0.0, 3.0, 0.0], [6.0, 0.0, 0.0]]), picture, 0.3)
    assert [thing.label for thing in found] == ["dog", "car"]
    assert found[1].box == pytest.approx((0.4, 0.3, 0.2, 0.4))
    # Where nothing is likeliest, nothing is found.
    assert find(model([[0.0, 0.0, 9.0], [0.0, 0.0, 9.0]]), picture, 0.3) == []


def test_models_without_a_class_for_nothing_judge_each_class_alone() -> None:
    found = find(model([[-9.0, 2.0], [-9.0, -9.0]]), np.zeros((20, 40, 3), np.uint8), 0.3)
    assert [(thing.label, round(thing.score, 2)) for thing in found] == [("car", 0.88)]


def test_pictures_are_normalised_at_one_size() -> None:
    made = pixel_values(np.full((100, 200, 3), 255, np.uint8))
    assert made.shape == (1, 3, 400, 800)
    assert float(made[0, 0].mean()) == pytest.approx((1 - 0.485) / 0.229, abs=1e-4)


def test_a_detector_that_is_not_here_is_said() -> None:
    pytest.importorskip("transformers")
    with pytest.raises(ModelError, match="not on this machine"):
        load_detector("nobody/no-such-detector")
