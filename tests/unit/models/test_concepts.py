"""The space of words and pictures: orthogonal classes, pictures in between, places like pictures."""

import pytest
import torch

from seehear.models.concepts import Concepts, ConceptsConfig, class_table, tiny_concepts


def test_classes_are_orthonormal_and_keep_their_place_in_longer_lists() -> None:
    table = class_table(52, 64)
    assert torch.allclose(table @ table.T, torch.eye(52), atol=1e-5)
    assert torch.allclose(class_table(7, 64), table[:7], atol=1e-6)
    with pytest.raises(ValueError, match="do not fit"):
        class_table(9, 8)


def test_certain_scores_give_the_class_itself() -> None:
    model = tiny_concepts().eval()
    scores = torch.full((1, 3), -90.0)
    scores[0, 1] = 90.0
    assert torch.allclose(model.vectors(scores)[0], model.table[1], atol=1e-5)
    unsure = model.vectors(torch.zeros(1, 3))[0]
    assert float(unsure.norm()) == pytest.approx(1.0, abs=1e-5)
    assert torch.allclose(model.table @ unsure, torch.full((3,), 3**-0.5), atol=1e-5)


def test_classes_without_a_sound_are_believed_less() -> None:
    config = ConceptsConfig(classes=("dog", "giraffe"), dim=8, widths=(8,), quiet=("giraffe",))
    vector = Concepts(config).vectors(torch.zeros(1, 2))[0]
    shares = Concepts(config).table @ vector
    assert float(shares[0] / shares[1]) == pytest.approx(float(torch.tensor(1.2).exp()), rel=1e-3)


def test_a_picture_and_its_mirror_image_mean_the_same() -> None:
    model = tiny_concepts().eval()
    frames = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(
            model.looked_over(frames), model.looked_over(frames.flip(3)), atol=1e-4
        )


def test_whole_pictures_and_places() -> None:
    model = Concepts(ConceptsConfig(widths=(8, 8, 8, 8))).eval()
    frames = torch.randint(0, 256, (2, 3, 128, 128), dtype=torch.uint8)
    with torch.no_grad():
        assert model(frames).shape == (2, 3)
        assert model.place_scores(frames).shape == (2, 3, 8, 8)
        both, alone = model(frames), model(frames[:1])
    assert torch.allclose(both[:1], alone, atol=1e-5)
