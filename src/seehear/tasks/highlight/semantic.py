"""Semantic scores of `evaluate highlight`: loads the judges and puts them together."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seehear.dsp.resample import resample
from seehear.features.frames import FrameEncoder, load_frame_encoder
from seehear.metrics.semantics import (
    AST_RATE,
    AudioClassifier,
    embed_labels,
    image_audio_similarity,
    kl_divergence,
    load_audio_classifier,
)
from seehear.tasks.highlight.pairs import resize_frames
from seehear.tasks.highlight.scoring import ExtraScores
from seehear.types import Audio, Video


def load_semantic_scores(classifier_id: str, clip_id: str = "") -> ExtraScores:
    """Load the judges whose weights are on this machine.

    Args:
        classifier_id: AST classifier, by id or folder.
        clip_id: CLIP model for the image-audio score, or "".

    Raises:
        ModelError: weights are missing.
    """
    classifier = load_audio_classifier(classifier_id)
    if not clip_id:
        return semantic_scores(classifier)
    labels = embed_labels(clip_id, classifier.labels)
    return semantic_scores(classifier, load_frame_encoder(clip_id), labels)


def semantic_scores(
    classifier: AudioClassifier,
    encoder: FrameEncoder | None = None,
    label_embeddings: Tensor | None = None,
) -> ExtraScores:
    """Scores by name for an estimate, given its target and frames.

    Returns:
        A function (target, frames) -> (estimate -> scores): `kld_ast`; with an encoder and frames
        also `image_audio_clip_ast` and `image_audio_clip_ast_change`, its absolute difference to
        the target's.
    """

    def prepare(target: Audio, frames: Video | None) -> Callable[[Audio], dict[str, float]]:
        reference = _probabilities(classifier, target)
        seen = None
        if encoder is not None and frames is not None:
            seen = encoder.encode(resize_frames(frames, encoder.frame_size).frames)

        def score(estimate: Audio) -> dict[str, float]:
            heard = _probabilities(classifier, estimate)
            found = {"kld_ast": kl_divergence(heard, reference)}
            if seen is not None and label_embeddings is not None:
                fits, wanted = (
                    image_audio_similarity(seen, sound, label_embeddings)
                    for sound in (heard, reference)
                )
                found["image_audio_clip_ast"] = fits
                found["image_audio_clip_ast_change"] = abs(fits - wanted)
            return found

        return score

    return prepare


def _probabilities(classifier: AudioClassifier, audio: Audio) -> Tensor:
    mono = resample(audio.waveform.mean(0), audio.sample_rate, AST_RATE)
    return classifier.probabilities(torch.as_tensor(mono))
