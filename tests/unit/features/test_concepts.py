"""Words and pictures as queries: what a text names, what is refused, the encoder without weights."""

from pathlib import Path

import pytest
import torch

from seehear.checkpoint import save_checkpoint
from seehear.errors import InputError, ModelError
from seehear.features.concepts import load_concepts, load_grid_words, load_query_encoder
from seehear.features.vocabulary import GROUPS, NAMES, PHOTO_CLASSES, find_classes, known_words
from seehear.models.concepts import Concepts, ConceptsConfig
from seehear.models.glance import tiny_glance


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("dog", ("dog",)),
        ("The Barking puppies!", ("dog",)),
        ("a man talking", ("speech",)),
        ("electric guitar", ("electric_guitar",)),
        ("guitars", ("acoustic_guitar",)),
        ("clock ticking over the sea", ("clock_tick", "sea_waves")),
        ("sea waves", ("sea_waves",)),
        ("cock-a-doodle-doo", ("rooster",)),
        ("hi-hat", ("hi_hat",)),
        ("water", GROUPS["water"]),
    ],
)
def test_texts_name_classes(text: str, classes: tuple[str, ...]) -> None:
    assert find_classes(text) == classes


def test_every_name_means_its_class_and_nothing_else() -> None:
    names = [name for each in NAMES.values() for name in each]
    assert len(names) == len(set(names))
    for label, each in NAMES.items():
        for name in each:
            assert find_classes(name) == (label,), name
        assert find_classes(label.replace("_", " ")) == (label,)


def test_groups_and_photo_classes_are_made_of_known_classes() -> None:
    assert {c for classes in GROUPS.values() for c in classes} <= set(NAMES)
    assert set(PHOTO_CLASSES.values()) <= set(NAMES)
    assert {name for each in NAMES.values() for name in each}.isdisjoint(GROUPS)


@pytest.mark.parametrize("text", ["", "???", "zither", "the sound of it"])
def test_unknown_words_are_refused_with_the_list_of_known_ones(text: str) -> None:
    with pytest.raises(InputError, match="known words") as caught:
        find_classes(text)
    assert all(word in str(caught.value) for word in known_words())


def test_a_misspelt_word_is_met_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean 'violin'"):
        find_classes("a violine")


def test_words_and_pictures_share_the_space(tmp_path: Path) -> None:
    classes = ("background", "dog", "rooster", "speech")
    model = Concepts(ConceptsConfig(frame_size=32, widths=(8, 16), dim=8, classes=classes))
    save_checkpoint(tmp_path, model, "concepts", {"id": "concepts@test", "licence": "CC0"})
    encoder = load_concepts(tmp_path)
    assert (encoder.id, encoder.licence, encoder.classes) == ("concepts@test", "CC0", classes)
    vectors = encoder.class_vectors()
    assert torch.allclose(vectors @ vectors.T, torch.eye(4), atol=1e-5)
    assert torch.equal(encoder.encode_texts(["puppy"]), encoder.encode_texts(["dog"]))
    animal = encoder.encode_texts(["animal"])[0]
    assert torch.allclose(vectors @ animal, torch.tensor([0.0, 0.5, 0.5, 0.0]).sqrt(), atol=1e-5)
    frames = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    seen, places = encoder.encode_frames(frames), encoder.encode_maps(frames)
    assert seen.shape == (3, 8) and places.shape == (3, 8, 8, 8)
    assert torch.allclose(seen.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(places.norm(dim=1), torch.ones(()), atol=1e-5)
    assert not seen.is_inference()
    with pytest.raises(InputError, match="not among the things"):
        encoder.encode_texts(["violin"])
    with pytest.raises(ModelError, match="takes frames"):
        encoder.encode_frames(frames[:, :, :16])


def test_a_checkpoint_of_another_kind_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, tiny_glance(), "glance", {})
    with pytest.raises(ModelError, match="queries need concepts"):
        load_concepts(tmp_path)
    with pytest.raises(ModelError, match="grid-words"):
        load_query_encoder("nothing")


def test_grid_words_need_no_weights() -> None:
    encoder = load_grid_words()
    assert (encoder.dim, encoder.frame_size, encoder.sha256) == (32, 32, "")
    texts = encoder.encode_texts(["dog", "violin", "barking"])
    assert torch.equal(texts[0], texts[2])
    assert float(encoder.similarity(texts[0], texts[1])) < 0.7
    frames = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    assert encoder.encode_frames(frames).shape == (2, 32)
    assert encoder.encode_maps(frames).shape == (2, 32, 4, 4)
    assert torch.equal(encoder.encode_texts(["dog"]), load_grid_words().encode_texts(["dog"]))
