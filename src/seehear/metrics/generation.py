"""Scores of sets of generated sounds, from embeddings and class probabilities of a classifier.

- `frechet_distance`: distance of Gaussians fitted to two sets of embeddings, in float64.
- `inception_score`: exp of the mean divergence of class probabilities from their mean, over splits.
- `paired_kl`: mean divergence of a generated sound's classes from those of its reference.

The embeddings and probabilities are those of an AudioSet classifier (AST of transformers), where
published tables use PANNs and PaSST: numbers are for comparisons within a table, not with those.
Frechet distances depend on the number of sounds; it is always stated beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigvalsh
from torch import Tensor

from seehear.errors import InputError
from seehear.metrics.semantics import AST_RATE, AudioClassifier

EPSILON = 1e-6
"""Added to the diagonal of both covariances: with fewer sounds than numbers they are not of full rank."""
SPLITS, SPLIT_SEED = 10, 2020
TINY = 1e-10

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Heard:
    """What a classifier hears in a set of sounds.

    Args:
        embeddings: [N, D], before its last layer.
        probabilities: [N, classes], rows sum to 1.
    """

    embeddings: Floats
    probabilities: Floats


@dataclass(frozen=True)
class InceptionScore:
    """Mean and standard deviation over splits."""

    mean: float
    std: float


def frechet_distance(reference: Floats, estimate: Floats) -> float:
    """Frechet distance of two sets of embeddings.

    |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)); the root's trace is the sum of the roots of the
    eigenvalues of S C2 S, S being the symmetric root of C1, which are real and not negative.

    Args:
        reference: [N, D], N > 1.
        estimate: [M, D], M > 1.

    Raises:
        InputError: fewer than two rows, or different numbers of columns.
    """
    first, second = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    if min(len(first), len(second)) < 2 or first.shape[1] != second.shape[1]:
        raise InputError(
            f"a Frechet distance needs two sets of two or more vectors of one size, not "
            f"{first.shape} and {second.shape}"
        )
    mean = first.mean(0) - second.mean(0)
    more = EPSILON * np.eye(first.shape[1])
    one, two = (np.atleast_2d(np.cov(rows, rowvar=False)) + more for rows in (first, second))
    values, vectors = np.linalg.eigh(one)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(eigvalsh(root @ two @ root).clip(0)).sum()
    return max(float(mean @ mean + np.trace(one) + np.trace(two) - 2 * shared), 0.0)


def inception_score(
    probabilities: Floats, splits: int = SPLITS, seed: int = SPLIT_SEED
) -> InceptionScore:
    """How certain the classes of each sound are, and how varied those of all.

    Args:
        probabilities: [N, classes], rows sum to 1.
        splits: parts of about equal size; fewer where there are fewer sounds.
        seed: of the order.

    Returns:
        1 (all alike) to the number of classes.

    Raises:
        InputError: no sounds.

    Source: av-benchmark-style evaluators: ten splits after a shuffle with seed 2020.
    """
    rows = np.asarray(probabilities, np.float64)
    if not len(rows):
        raise InputError("an inception score needs at least one sound")
    order = np.random.RandomState(seed).permutation(len(rows))
    parts = np.array_split(rows[order], min(splits, len(rows)))
    scores = [float(np.exp(_divergence(part, part.mean(0)[None]).mean())) for part in parts]
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))


def paired_kl(reference: Floats, estimate: Floats) -> Floats:
    """Divergence of each sound's class probabilities from those of its reference.

    Args:
        reference: [N, classes], rows sum to 1.
        estimate: same shape.

    Returns:
        [N], sum of q (ln q - ln p), not negative.
    """
    return np.maximum(_divergence(np.asarray(reference), np.asarray(estimate)), 0.0)


def _divergence(first: Floats, second: Floats) -> Floats:
    apart = np.log(np.maximum(first, TINY)) - np.log(np.maximum(second, TINY))
    total: Floats = (first * apart).sum(1)
    return total


def hear(classifier: AudioClassifier, waveforms: Sequence[Tensor]) -> Heard:
    """Embeddings and class probabilities of sounds.

    Args:
        classifier: AST; the embedding is what its last layer is given.
        waveforms: float32 [T] each at 16 kHz on the CPU; what is beyond ten seconds is not heard.
    """
    embeddings, probabilities = [], []
    for waveform in waveforms:
        features = classifier.extractor(
            [waveform[: 10 * AST_RATE].numpy()], sampling_rate=AST_RATE, return_tensors="pt"
        )
        with torch.inference_mode():
            place = classifier.network.audio_spectrogram_transformer(**features).pooler_output
            logits = classifier.network.classifier(place)
        embeddings.append(place[0].double().numpy())
        probabilities.append(logits[0].double().softmax(0).numpy())
    return Heard(np.stack(embeddings), np.stack(probabilities))
