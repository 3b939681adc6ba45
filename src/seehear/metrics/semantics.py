"""What a classifier hears in a remix and in its target, and whether that fits the picture.

The published figures use PaSST and ImageBind. Neither is used here, so the numbers carry the names
of what computes them and stand beside the published ones for orientation only:

- `kld_ast`: Kullback-Leibler divergence of AudioSet class probabilities of an AST classifier.
- `image_audio_clip_ast`: cosine of a CLIP image embedding with the sound as described in words: the
  CLIP text embeddings of the classifier's labels, weighted with their probabilities. CLIP and an
  audio classifier have no common space; the labels are the bridge, so what AudioSet has no word for
  is not seen.

Weights must be on this machine; nothing is downloaded. Sound comes at 16 kHz.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seehear.errors import MissingDependency, ModelError

AST_RATE = 16000
PIECE_S = 10.0
"""AST hears 10.24 s; longer sound is classified in pieces of ten seconds and averaged."""
MIN_PIECE_S = 0.5
KLD_EPSILON = 1e-6
PROMPT = "a photo of something that sounds like {}"


@dataclass(frozen=True)
class AudioClassifier:
    """An AST classifier with its preprocessing.

    Args:
        id: what it was loaded by.
        labels: class names in order.
        extractor: transformers' feature extractor.
        network: transformers' model in eval mode.
    """

    id: str
    labels: tuple[str, ...]
    extractor: Any
    network: Any

    def probabilities(self, waveform: Tensor) -> Tensor:
        """Softmax over the classes, mean over pieces of ten seconds.

        Args:
            waveform: float32 [T] at 16 kHz on the CPU.

        Returns:
            float64 [classes], sums to 1.
        """
        pieces = list(waveform.split(round(PIECE_S * AST_RATE)))  # type: ignore[no-untyped-call]
        if len(pieces) > 1 and len(pieces[-1]) < MIN_PIECE_S * AST_RATE:
            pieces.pop()
        features = self.extractor(
            [piece.numpy() for piece in pieces], sampling_rate=AST_RATE, return_tensors="pt"
        )
        with torch.inference_mode():
            logits: Tensor = self.network(**features).logits
        return logits.double().softmax(1).mean(0)


def load_audio_classifier(model_id: str) -> AudioClassifier:
    """Load an AST classifier from a folder or from the local hub cache.

    Args:
        model_id: e.g. `MIT/ast-finetuned-audioset-10-10-0.4593`, or a folder.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the weights are not on this machine, or belong to something else.
    """
    with warnings.catch_warnings():
        # 128 mel bands over 257 bins leave the lowest filters empty; the model was trained so.
        warnings.filterwarnings("ignore", message="At least one mel filter")
        network = load_pretrained("ASTForAudioClassification", model_id)
        extractor = load_pretrained("ASTFeatureExtractor", model_id)
    labels = tuple(name for _, name in sorted(network.config.id2label.items()))
    return AudioClassifier(model_id, labels, extractor, network.eval())


def kl_divergence(estimate: Tensor, reference: Tensor) -> float:
    """Divergence of the estimate's class probabilities from the reference's.

    Args:
        estimate: float [classes], sums to 1.
        reference: same shape.

    Returns:
        `sum of q (ln q - ln(p + 1e-6))`: about 0 (slightly negative) for equal inputs.

    Source: VisAH, public code; there with PaSST probabilities.
    """
    entropy = torch.xlogy(reference, reference)  # 0 ln 0 = 0
    return float((entropy - torch.xlogy(reference, estimate + KLD_EPSILON)).sum())


def embed_labels(model_id: str, labels: Sequence[str]) -> Tensor:
    """CLIP text embeddings of class names, each of length 1.

    Args:
        model_id: CLIP model, by id in the local hub cache or by folder.
        labels: class names.

    Returns:
        float32 [labels, dim].

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the weights are not on this machine, or belong to something else.
    """
    network = load_pretrained("CLIPTextModelWithProjection", model_id).eval()
    tokenizer = load_pretrained("CLIPTokenizer", model_id)
    if len(tokenizer) != network.config.vocab_size:
        # Without its files the tokenizer loads all the same, knowing next to nothing.
        raise ModelError(
            f"{model_id!r} has {network.config.vocab_size} tokens, its tokenizer "
            f"{len(tokenizer)}; get the tokenizer's files too"
        )
    prompts = [PROMPT.format(label.lower()) for label in labels]
    embedded = []
    with torch.inference_mode():
        for start in range(0, len(prompts), 64):
            tokens = tokenizer(
                prompts[start : start + 64], padding=True, truncation=True, return_tensors="pt"
            )
            embedded.append(network(**tokens).text_embeds)
    return torch.nn.functional.normalize(torch.cat(embedded), dim=1)


def image_audio_similarity(
    frames: Tensor, probabilities: Tensor, label_embeddings: Tensor
) -> float:
    """Mean cosine of frames with the sound described in labels.

    Args:
        frames: CLIP image embeddings float [N, dim], of any length.
        probabilities: float [classes] of the sound.
        label_embeddings: float [classes, dim], as `embed_labels` returns them.

    Returns:
        -1..1.
    """
    described = probabilities.to(label_embeddings) @ label_embeddings  # [C] @ [C, D] -> [D]
    return float(torch.nn.functional.cosine_similarity(frames, described[None], dim=1).mean())


def load_pretrained(class_name: str, model_id: str) -> Any:
    """An object of one of transformers' classes, from files that are on this machine.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the files are not here, or belong to something else.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingDependency("transformers", "encoders", "a semantic metric") from error
    try:
        return getattr(transformers, class_name).from_pretrained(model_id, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{model_id!r} cannot be loaded as {class_name} from this machine ({reason}); "
            f"get its weights first, or leave the metric out"
        ) from error
