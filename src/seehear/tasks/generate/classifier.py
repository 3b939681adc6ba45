"""A small classifier of sounds, trained on real training sounds, that judges generated ones.

Multinomial logistic regression on statistics of the log-mel (`sound_features.py`), every class of equal
weight; the penalty on weights is chosen on validation clips. It never sees a generated sound. It is a judge of
an evaluation, not a product: it lies in the folder of the evaluation and nothing else loads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from seehear.errors import InputError, ModelError, OutputError
from seehear.metrics.report import write_text
from seehear.tasks.generate.sound_features import sound_features

WEIGHTS, ABOUT = "classifier.safetensors", "classifier.json"
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
STEPS = 60
SIZE_LIMIT = 6.0
"""Standardised numbers are clipped here, so that one odd statistic does not decide."""


@dataclass(frozen=True)
class SoundClassifier:
    """The classifier.

    Args:
        labels: classes in order.
        band_hz: low-pass that its sounds share.
        mean: of the training clips' numbers, [F].
        scale: their deviations, [F].
        weight: [F, C].
        bias: [C].
        about: facts: clips and recordings it was trained on, penalty, accuracies.
    """

    labels: tuple[str, ...]
    band_hz: float
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    about: dict[str, Any]

    def scores(self, waveforms: Tensor) -> Tensor:
        """Log-probabilities of classes, [B, T] at 16 kHz -> [B, C]."""
        features = sound_features(waveforms, self.band_hz)
        inside = ((features - self.mean) / self.scale).clamp(-SIZE_LIMIT, SIZE_LIMIT)
        return (inside @ self.weight + self.bias).log_softmax(1)

    def classes(self, waveforms: Tensor) -> list[str]:
        """Most likely class of each sound, [B, T] at 16 kHz."""
        return [self.labels[index] for index in self.scores(waveforms).argmax(1).tolist()]


@dataclass(frozen=True)
class Example:
    """A labelled sound: numbers [F], class, recording."""

    features: Tensor
    label: str
    recording: str


def train_classifier(
    train: Sequence[Example], val: Sequence[Example], band_hz: float
) -> SoundClassifier:
    """Fit the regression for every penalty, keep the one that is best on `val`.

    Args:
        train: examples to learn from.
        val: examples to choose by; of the training classes, others are left out.
        band_hz: low-pass that all of them share.

    Raises:
        InputError: fewer than two classes, or nothing to choose by.
    """
    labels = tuple(sorted({example.label for example in train}))
    known = [example for example in val if example.label in labels]
    if len(labels) < 2 or not known:
        raise InputError(
            f"a classifier needs two classes or more and validation clips, not {len(labels)} and "
            f"{len(known)}"
        )
    features, targets = _table(train, labels)
    mean, scale = features.mean(0), features.std(0).clamp_min(1e-4)
    inside = ((features - mean) / scale).clamp(-SIZE_LIMIT, SIZE_LIMIT)
    tested, wanted = _table(known, labels)
    tested = ((tested - mean) / scale).clamp(-SIZE_LIMIT, SIZE_LIMIT)
    counts = torch.bincount(targets, minlength=len(labels)).float()
    each = (1.0 / counts)[targets] / len(labels)
    best: tuple[float, float, Tensor, Tensor] | None = None
    tried = {}
    for penalty in PENALTIES:
        weight, bias = _fit(inside, targets, each, len(labels), penalty)
        logits = tested @ weight + bias
        right = _balanced(logits.argmax(1), wanted)
        tried[str(penalty)] = round(right, 4)
        if best is None or right > best[0]:
            best = right, penalty, weight, bias
    assert best is not None, "there are penalties"
    about = {
        "train_clips": len(train),
        "train_recordings": len({example.recording for example in train}),
        "val_clips": len(known),
        "val_recordings": len({example.recording for example in known}),
        "penalty": best[1],
        "val_accuracy": round(best[0], 4),
        "val_accuracy_by_penalty": tried,
    }
    return SoundClassifier(labels, band_hz, mean, scale, best[2], best[3], about)


def _table(examples: Sequence[Example], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    targets = torch.tensor([labels.index(example.label) for example in examples])
    return torch.stack([example.features for example in examples]), targets


def _fit(
    features: Tensor, targets: Tensor, each: Tensor, classes: int, penalty: float
) -> tuple[Tensor, Tensor]:
    """Weights [F, C] and bias [C] of the penalised regression; convex, so the start does not matter."""
    weight = torch.zeros(features.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=STEPS, history_size=8, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        found = functional.cross_entropy(features @ weight + bias, targets, reduction="none")
        loss = (each * found).sum() + penalty * weight.square().sum() / features.shape[1]
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def _balanced(found: Tensor, wanted: Tensor) -> float:
    """Mean over classes of the share of right answers."""
    shares = [float((found[wanted == k] == k).float().mean()) for k in torch.unique(wanted)]
    return sum(shares) / len(shares)


def save_classifier(folder: Path, classifier: SoundClassifier) -> None:
    """Write a classifier.

    Raises:
        OutputError: the folder cannot be written.
    """
    tensors = {
        name: getattr(classifier, name).contiguous() for name in ("mean", "scale", "weight", "bias")
    }
    about = {
        "labels": list(classifier.labels),
        "band_hz": classifier.band_hz,
        "about": classifier.about,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, str(folder / WEIGHTS))
    except (OSError, SafetensorError) as error:
        raise OutputError(f"cannot write {folder / WEIGHTS}: {error}") from error
    write_text(folder / ABOUT, json.dumps(about, indent=1) + "\n")


def load_classifier(folder: Path) -> SoundClassifier:
    """Read a classifier.

    Raises:
        ModelError: missing or damaged.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        tensors = load_file(str(folder / WEIGHTS))
        return SoundClassifier(
            tuple(about["labels"]), float(about["band_hz"]), about=about["about"], **tensors
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"{folder} holds no classifier of sounds ({error}); remove it to have it trained"
        ) from error


def classifier_of(
    folder: Path, band_hz: float, examples: Callable[[str], Sequence[Example]]
) -> SoundClassifier:
    """The classifier in a folder, trained now if there is none.

    Args:
        folder: of the classifier.
        band_hz: low-pass that sounds share.
        examples: gives those of a split.

    Raises:
        InputError: it was trained for another low-pass, or there is nothing to train it on.
        ModelError: it is damaged.
        OutputError: it cannot be written.
    """
    if (folder / ABOUT).is_file():
        found = load_classifier(folder)
        if found.band_hz != band_hz:
            raise InputError(
                f"the classifier in {folder} was trained for sounds up to {found.band_hz:g} Hz, not "
                f"{band_hz:g}; choose another folder"
            )
        return found
    made = train_classifier(examples("train"), examples("val"), band_hz)
    save_classifier(folder, made)
    return made
