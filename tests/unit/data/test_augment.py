"""Changes to photos."""

from pathlib import Path

import pytest
import torch

from seehear.data.augment import augment
from seehear.data.photos import read_photo
from seehear.errors import InputError
from tests.unit.data.corpus import make_corpus


def test_seeded_bounded_and_different_per_picture() -> None:
    photos, backdrops = torch.rand(1, 3, 24, 24).expand(8, -1, -1, -1), torch.rand(2, 3, 24, 24)
    first, second = (augment(photos, backdrops, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == photos.shape and float(first.min()) >= 0 and float(first.max()) <= 1
    assert float((first[0] - first[1]).abs().max()) > 0.05


def test_photos_become_squares(tmp_path: Path) -> None:
    make_corpus(tmp_path, ("train",), 1)
    photo = read_photo(tmp_path / "train-face0.png", 16)
    assert photo.shape == (3, 16, 16) and photo.dtype == torch.uint8
    with pytest.raises(InputError, match="cannot read the photo"):
        read_photo(tmp_path / "train-speech0.wav", 16)
