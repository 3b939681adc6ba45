"""Likeness of sounds and class names, with a tiny random CLAP; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from seehear.errors import ModelError
from seehear.metrics.clap import Clap, clap_scores, is_here, load_clap
from tests.unit.metrics.clap_kit import write_tiny_clap

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def clap(tmp_path_factory: pytest.TempPathFactory) -> Clap:
    return load_clap(str(write_tiny_clap(tmp_path_factory.mktemp("clap"))))


def test_sounds_and_words_have_places_of_length_one(clap: Clap) -> None:
    torch.manual_seed(1)
    sound = 0.1 * torch.randn(11025)
    place = clap.embed_sound(sound, 11025)
    assert place.shape == (8,) and float(place.norm()) == pytest.approx(1, abs=1e-5)
    words = clap.embed_classes(["dog", "church_bell", "Church bell"])
    assert words.shape == (3, 8)
    assert torch.allclose(words.norm(dim=1), torch.ones(3), atol=1e-5)
    # Names of corpora differ in spelling only.
    assert torch.allclose(words[1], words[2], atol=1e-6) and not torch.allclose(words[0], words[1])


def test_long_sound_is_cut_at_its_end_so_scores_repeat(clap: Clap) -> None:
    torch.manual_seed(2)
    sound = 0.1 * torch.randn(5 * 16000)
    first = clap.embed_sound(sound, 16000)
    assert torch.equal(first, clap.embed_sound(sound, 16000))
    assert torch.equal(first, clap.embed_sound(sound[:32000], 16000))


def test_scores_in_closed_form() -> None:
    classes = torch.eye(3)
    sound = torch.tensor([0.6, 0.8, 0.0])
    found = clap_scores(sound, classes, own=1, other=0)
    assert found == {
        "clap_text": pytest.approx(0.8),
        "clap_other": pytest.approx(0.6),
        "clap_right": 1.0,
    }
    assert clap_scores(sound, classes, own=0, other=1)["clap_right"] == 0.0


def test_weights_that_are_not_here_are_noticed(tmp_path: Path) -> None:
    assert not is_here("nobody/no-such-clap") and not is_here(str(tmp_path))
    with pytest.raises(ModelError, match="get its weights first"):
        load_clap(str(tmp_path))
