"""Semantic metrics with tiny random networks; nothing is downloaded."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from seehear.errors import ModelError
from seehear.metrics import semantics
from tests.unit.metrics.ast_kit import LABELS, write_tiny_ast

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> semantics.AudioClassifier:
    folder = write_tiny_ast(tmp_path_factory.mktemp("ast"))
    return semantics.load_audio_classifier(str(folder))


def test_classifier_gives_probabilities(classifier: semantics.AudioClassifier) -> None:
    assert classifier.labels == LABELS
    sound = 0.1 * torch.randn(24000)
    p = classifier.probabilities(sound)
    assert p.shape == (5,) and float(p.sum()) == pytest.approx(1)
    assert semantics.kl_divergence(p, p) == pytest.approx(0, abs=1e-4)
    other = classifier.probabilities(torch.zeros(24000))
    assert semantics.kl_divergence(other, p) > 0


def test_long_sound_is_the_mean_of_its_pieces(classifier: semantics.AudioClassifier) -> None:
    pieces = [0.1 * torch.randn(160000), 0.1 * torch.randn(40000)]
    expected = torch.stack([classifier.probabilities(p) for p in pieces]).mean(0)
    assert torch.allclose(classifier.probabilities(torch.cat(pieces)), expected, atol=1e-6)
    scrap = torch.cat([pieces[0], torch.zeros(100)])
    assert torch.allclose(
        classifier.probabilities(scrap), classifier.probabilities(pieces[0]), atol=1e-6
    )


def test_divergence_in_closed_form() -> None:
    q, p = torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.25, 0.5])
    assert semantics.kl_divergence(p, q) == pytest.approx(math.log(2), abs=1e-5)
    equal = semantics.kl_divergence(q, q)
    assert -1e-5 < equal < 0, "slightly negative, as published"
    assert semantics.kl_divergence(q, p) < 0.5 * math.log(0.5 / 1e-6) + 1, "finite for a zero"


def test_similarity_uses_labels_as_a_bridge() -> None:
    labels = torch.eye(3)
    dog = torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, 5.0]])
    barks = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    speaks = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    assert semantics.image_audio_similarity(dog, barks, labels) == pytest.approx(1)
    assert semantics.image_audio_similarity(dog, speaks, labels) == pytest.approx(0)


def test_label_embeddings(tmp_path: Path) -> None:
    tokenizer = transformers.CLIPTokenizer(
        vocab={"a</w>": 0, "s": 1, "<|startoftext|>": 2, "<|endoftext|>": 3}, merges=[]
    )
    tokenizer.save_pretrained(tmp_path)
    config = transformers.CLIPTextConfig(
        vocab_size=4,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=8,
        bos_token_id=2,
        eos_token_id=3,
    )
    transformers.CLIPTextModelWithProjection(config).save_pretrained(tmp_path)
    embedded = semantics.embed_labels(str(tmp_path), LABELS)
    assert embedded.shape == (5, 8)
    assert torch.allclose(embedded.norm(dim=1), torch.ones(5), atol=1e-5)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    with pytest.raises(ModelError, match="get the tokenizer's files too"):
        semantics.embed_labels(str(tmp_path), LABELS)


def test_missing_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="get its weights first, or leave the metric out"):
        semantics.load_audio_classifier("nobody/has-this-model")
    with pytest.raises(ModelError, match="cannot be loaded as CLIPText"):
        semantics.embed_labels(str(tmp_path), LABELS)
