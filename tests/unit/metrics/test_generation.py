"""Scores of sets of generated sounds, against closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from seehear.errors import InputError
from seehear.metrics.generation import frechet_distance, hear, inception_score, paired_kl
from seehear.metrics.report import RecordingBootstrap
from seehear.metrics.semantics import load_audio_classifier
from tests.unit.metrics.ast_kit import write_tiny_ast

Floats = NDArray[np.float64]
RNG = np.random.default_rng(0)


def test_a_set_is_no_distance_from_itself_and_a_shift_is_its_square() -> None:
    rows = RNG.normal(size=(200, 12))
    assert frechet_distance(rows, rows) <= 1e-3
    shift = RNG.normal(size=12)
    assert frechet_distance(rows, rows + shift) == pytest.approx(float(shift @ shift), rel=1e-4)
    # Order does not matter, nor which comes first.
    other = RNG.normal(size=(150, 12)) * 2
    assert frechet_distance(rows, other) == pytest.approx(frechet_distance(other[::-1], rows))


def test_the_distance_is_that_of_gaussians() -> None:
    mix = RNG.normal(size=(6, 6))
    first, second = RNG.normal(size=(500, 6)) @ mix, RNG.normal(size=(400, 6)) + 0.5
    one, two = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    mean = first.mean(0) - second.mean(0)
    root = sqrtm(one @ two).real
    expected = mean @ mean + np.trace(one + two - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(float(expected), rel=1e-4)


def test_fewer_rows_than_columns_are_allowed_and_one_row_is_not() -> None:
    few = RNG.normal(size=(5, 64))
    assert frechet_distance(few, few) <= 1e-3
    assert np.isfinite(frechet_distance(few, RNG.normal(size=(7, 64))))
    for bad in (few[:1], few[:, :3]):
        with pytest.raises(InputError, match="Frechet"):
            frechet_distance(few, bad)


def softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def test_inception_score_lies_between_one_and_the_number_of_classes() -> None:
    alike = np.tile(softmax(RNG.normal(size=(1, 527))), (100, 1))
    assert inception_score(alike).mean == pytest.approx(1.0)
    each = np.tile(np.eye(8), (100, 1))
    assert inception_score(each, splits=1).mean == pytest.approx(8.0, rel=1e-6)
    some = inception_score(softmax(3 * RNG.normal(size=(200, 527))))
    assert 1.0 <= some.mean <= 527.0 and some.std >= 0
    with pytest.raises(InputError):
        inception_score(np.zeros((0, 527)))


def test_divergence_of_pairs_is_not_negative_and_known_for_two_classes() -> None:
    one, two = softmax(RNG.normal(size=(50, 30))), softmax(RNG.normal(size=(50, 30)))
    assert (paired_kl(one, two) >= 0).all()
    np.testing.assert_allclose(paired_kl(one, one), 0.0, atol=1e-12)
    known = paired_kl(np.array([[0.75, 0.25]]), np.array([[0.5, 0.5]]))[0]
    assert known == pytest.approx(0.75 * np.log(1.5) + 0.25 * np.log(0.5))


def test_a_median_has_an_interval_that_holds_it() -> None:
    clips = [list(RNG.exponential(40.0, size=RNG.integers(0, 9))) for _ in range(120)]
    bootstrap = RecordingBootstrap([{"": [f"r{i // 2}"]} for i in range(120)])
    figure = bootstrap.median(clips)
    flat = np.concatenate(clips)
    assert figure.value == np.median(flat) and figure.low < figure.value < figure.high
    # About 500 numbers of an exponential law: the median is known to a few per cent.
    assert 3 < figure.high - figure.low < 25 and figure.num_recordings == 60


def test_a_classifier_gives_embeddings_and_the_probabilities_it_gives_elsewhere(
    tmp_path: Path,
) -> None:
    pytest.importorskip("transformers")
    classifier = load_audio_classifier(str(write_tiny_ast(tmp_path / "ast")))
    sounds = [0.1 * torch.randn(16000) for _ in range(3)]
    heard = hear(classifier, sounds)
    assert heard.embeddings.shape[0] == 3 and heard.embeddings.ndim == 2
    for row, sound in zip(heard.probabilities, sounds, strict=True):
        np.testing.assert_allclose(row, classifier.probabilities(sound).numpy(), rtol=1e-5)
