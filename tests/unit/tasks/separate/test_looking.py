"""Simulated frames of an evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from seehear.data.mix_manifest import MixRow, StemRow
from seehear.errors import InputError
from seehear.features.concepts import load_query_encoder
from seehear.tasks.separate.looking import look, side_by_side

COLOURS = {"dog": (250, 30, 30), "rooster": (30, 250, 30), "speech": (30, 30, 250)}


@pytest.fixture
def rows(tmp_path: Path) -> list[MixRow]:
    for label, colour in COLOURS.items():
        Image.new("RGB", (40, 40), colour).save(tmp_path / f"{label}.png")
    return [mixture(i, *pair) for i, pair in enumerate((("dog", "rain"), ("rooster", "dog")))]


def mixture(number: int, *labels: str) -> MixRow:
    stems = [
        StemRow(label, f"{label}.flac", (label,), f"{label}.png" if label in COLOURS else None)
        for label in labels
    ]
    return MixRow(f"mix{number}", "test", 1.0, 16000, tuple(stems))


def plain(colour: tuple[int, int, int]) -> torch.Tensor:
    return torch.tensor(colour, dtype=torch.uint8)[:, None, None].expand(3, 32, 32)


def test_two_photos_beside_each_other() -> None:
    frame = side_by_side(plain(COLOURS["dog"]), plain(COLOURS["speech"]))
    assert frame.shape == (3, 32, 32)
    assert frame[:, 16, 4].tolist() == [250, 30, 30]
    assert frame[:, 16, 28].tolist() == [30, 30, 250]
    assert len(set(frame[:, 1, 16].tolist())) == 1


def test_click_and_box_meet_the_photo_and_not_its_neighbour(
    rows: list[MixRow], tmp_path: Path
) -> None:
    encoder = load_query_encoder("grid-words")
    for row in rows:
        seen = [i for i, stem in enumerate(row.stems) if stem.picture]
        queries = look(tmp_path, row, seen, rows, encoder)
        assert set(queries) == {"photo", "click", "box"}
        for place, index in enumerate(seen):
            own = encoder.encode_frames(plain(COLOURS[row.stems[index].label])[None])[0]
            for method in ("photo", "click", "box"):
                wrong = [
                    encoder.encode_frames(plain(colour)[None])[0]
                    for label, colour in COLOURS.items()
                    if label != row.stems[index].label
                ]
                found = queries[method][place]
                likeness = [float(encoder.similarity(found, v)) for v in (own, *wrong)]
                assert likeness[0] == max(likeness), (row.id, index, method)


def test_the_neighbour_is_not_heard_unless_it_is_in_the_mixture(
    rows: list[MixRow], tmp_path: Path
) -> None:
    """The dog of the first mixture has no partner with a picture: a rooster stands beside it."""
    encoder = load_query_encoder("grid-words")
    first = look(tmp_path, rows[0], [0], rows, encoder)
    again = look(tmp_path, rows[0], [0], rows, encoder)
    torch.testing.assert_close(first["click"], again["click"], atol=0, rtol=0)
    (tmp_path / "rooster.png").unlink()
    with pytest.raises(InputError, match=r"rooster\.png"):
        look(tmp_path, rows[0], [0], rows, encoder)
