"""DAVIS's image encoders as spaces of queries."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seehear.errors import ModelError, UsageError
from seehear.features.frames import PLAIN
from seehear.features.sight import load_sight
from seehear.tasks.separate.config import Place
from seehear.tasks.separate.queries import nearest, pool_place
from tests.encoders_kit import save_clip, save_resnet


def frames(count: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def test_resnet_knows_pictures_but_no_words(tmp_path: Path) -> None:
    save_resnet(tmp_path)
    encoder = load_sight(f"resnet:{tmp_path}", PLAIN)
    pictures = frames(2, 224)
    whole, places = encoder.encode_frames(pictures), encoder.encode_maps(pictures)
    assert whole.shape == (2, encoder.dim) and places.shape[:2] == whole.shape
    # A place is as long as the whole on average, and the whole is the mean of its places.
    torch.testing.assert_close(places.norm(dim=1).mean(dim=(1, 2)), whole.norm(dim=1))
    cosine = torch.cosine_similarity(places.mean(dim=(2, 3)), whole, dim=1)
    torch.testing.assert_close(cosine, torch.ones(2))
    everywhere = pool_place(places[0], Place(0.0, 0.0, 1.0, 1.0))
    torch.testing.assert_close(everywhere, whole[0], atol=1e-4, rtol=1e-3)
    assert nearest(encoder, whole[0]) in [name.replace("_", " ") for name in encoder.classes]
    with pytest.raises(UsageError, match="point with --image"):
        encoder.encode_texts(["dog"])


@pytest.mark.parametrize("kind", ["raw", "imagenet"])
def test_clip_has_words_and_places(tmp_path: Path, kind: str) -> None:
    save_clip(tmp_path)
    encoder = load_sight(f"{kind}:{tmp_path}", PLAIN)
    pictures = frames(2, encoder.frame_size)
    whole, places = encoder.encode_frames(pictures), encoder.encode_maps(pictures)
    assert places.shape == (2, encoder.dim, 2, 2)
    torch.testing.assert_close(places.norm(dim=1).mean(dim=(1, 2)), whole.norm(dim=1))
    assert encoder.encode_maps(frames(1, 48)).shape == (1, encoder.dim, 3, 3)
    dog, violin = encoder.encode_texts(["dog", "violin"])
    assert not torch.allclose(dog, violin)
    table = encoder.class_vectors()
    assert table.shape == (len(encoder.classes), encoder.dim)
    torch.testing.assert_close(table[encoder.classes.index("dog")], dog)
    assert nearest(encoder, table[encoder.classes.index("violin")]) == "violin"


def test_half_a_model_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Weights that are not there would be random, and names of what is seen with them."""
    from transformers import ResNetForImageClassification

    save_resnet(tmp_path / "whole")
    whole = ResNetForImageClassification.from_pretrained(tmp_path / "whole")
    whole.resnet.save_pretrained(tmp_path / "half")
    with pytest.raises(ModelError, match=r"no classifier\.1\.bias"):
        load_sight(f"resnet:{tmp_path / 'half'}", PLAIN)
    capfd.readouterr()
    load_sight(f"resnet:{tmp_path / 'whole'}", PLAIN)
    assert capfd.readouterr() == ("", "")


def test_other_encoders_are_those_of_the_house() -> None:
    assert load_sight("grid-words", PLAIN).id == "grid-words"
