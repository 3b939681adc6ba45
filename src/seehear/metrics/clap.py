"""Whether a sound is like a description of it: CLAP's common space of sounds and texts.

References of noisy video hold sounds from outside the picture, so closeness to them is not all that counts.
The numbers carry the name of what computes them:

- `clap_text`: cosine of the sound with its own class in words, `clap_other` with the other class.
- `clap_right`: 1 where the class that CLAP finds among all classes is the sound's own, else 0.

Weights must be on this machine; nothing is downloaded.

Source: DAVIS (ACCV 2024), supplement, which proposes such scores; Wu et al., "Large-scale contrastive
    language-audio pretraining" (2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seehear.dsp.resample import resample
from seehear.metrics.semantics import load_pretrained

DEFAULT = "laion/clap-htsat-unfused"
PROMPT = "This is a sound of {}."


@dataclass(frozen=True)
class Clap:
    """CLAP with its preprocessing.

    Args:
        id: what it was loaded by.
        sample_rate: at which it hears, Hz.
        extractor: transformers' feature extractor.
        tokenizer: transformers' tokenizer.
        network: transformers' model in eval mode.
    """

    id: str
    sample_rate: int
    extractor: Any
    tokenizer: Any
    network: Any

    def embed_sound(self, waveform: Tensor, sample_rate: int) -> Tensor:
        """Place of a sound, length 1.

        Args:
            waveform: float32 [T] on the CPU.
            sample_rate: Hz.

        Returns:
            float32 [D].
        """
        heard = resample(waveform[None], sample_rate, self.sample_rate)[0]
        # Sound beyond the model's ten seconds is cut at random by default; here always at the end.
        heard = heard[: int(self.extractor.nb_max_samples)]
        features = self.extractor(
            heard.numpy(), sampling_rate=self.sample_rate, return_tensors="pt"
        )
        with torch.inference_mode():
            made = self.network.get_audio_features(**features)
        return functional.normalize(_tensor(made)[0].float(), dim=0).clone()

    def embed_classes(self, names: Sequence[str]) -> Tensor:
        """Places of classes in words, float32 [names, D], each of length 1."""
        texts = [PROMPT.format(name.replace("_", " ").lower()) for name in names]
        tokens = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            made = self.network.get_text_features(**tokens)
        return functional.normalize(_tensor(made).float(), dim=1).clone()


def clap_scores(sound: Tensor, classes: Tensor, own: int, other: int) -> dict[str, float]:
    """Scores of a sound, see the module.

    Args:
        sound: [D] from `embed_sound`.
        classes: [K, D] from `embed_classes`.
        own: index of its class.
        other: index of the class that it was mixed with.
    """
    likeness = classes @ sound
    return {
        "clap_text": float(likeness[own]),
        "clap_other": float(likeness[other]),
        "clap_right": float(likeness.argmax() == own),
    }


def load_clap(model_id: str) -> Clap:
    """Load CLAP from a folder or from the local hub cache.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: the weights are not on this machine, or belong to something else.
    """
    network = load_pretrained("ClapModel", model_id).eval()
    extractor = load_pretrained("ClapFeatureExtractor", model_id)
    tokenizer = load_pretrained("AutoTokenizer", model_id)
    return Clap(model_id, int(extractor.sampling_rate), extractor, tokenizer, network)


def is_here(model_id: str) -> bool:
    """Whether a model's configuration is on this machine; looks at files only."""
    from huggingface_hub import try_to_load_from_cache

    if Path(model_id).is_dir():
        return (Path(model_id) / "config.json").is_file()
    return isinstance(try_to_load_from_cache(model_id, "config.json"), str)


def _tensor(made: Any) -> Tensor:
    """Older versions of transformers return the tensor itself."""
    tensor: Tensor = made if isinstance(made, Tensor) else made.pooler_output
    return tensor
