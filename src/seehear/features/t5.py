"""T5 text features through transformers: the caption context of the published VisAH.

The published rule for pooling tokens into one vector is unknown; ours is the mean over real tokens.
Only safetensors are read (no pickles): a model published without them has to be converted first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear.errors import MissingDependency, ModelError
from seehear.features.captions import CaptionEncoder
from seehear.features.weights import weights_sha256

MAX_TOKENS = 256
BATCH = 8


def load_t5(model_id: str) -> CaptionEncoder:
    """Load a T5 encoder that is on this machine.

    Args:
        model_id: hub id such as `google/t5-v1_1-xxl`, or a folder.

    Raises:
        MissingDependency: transformers is not installed.
        ModelError: weights or tokenizer are not on this machine.
    """
    try:
        from transformers import AutoTokenizer, T5EncoderModel
    except ImportError as error:
        raise MissingDependency("transformers", "encoders", "the T5 caption encoder") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(model_id, local_files_only=True)
        model = T5EncoderModel.from_pretrained(
            model_id, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the weights of the caption encoder {model_id} are not on this machine; fetch them "
            f"with 'huggingface-cli download {model_id}' or use --context frames"
        ) from error
    model.eval()
    return CaptionEncoder(
        id=f"{Path(model_id).name}-mean@1",
        dim=int(model.config.d_model),
        sha256=weights_sha256(model),
        licence="see the model's page",
        encode=lambda texts: embed(model, tokenizer, texts),
    )


def embed(model: Any, tokenizer: Any, texts: Sequence[str]) -> Tensor:
    """Mean over the tokens of each text: N texts -> float32 [N, D]."""
    parts = []
    for first in range(0, len(texts), BATCH):
        tokens = tokenizer(
            list(texts[first : first + BATCH]),
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        with torch.inference_mode():
            hidden = model(**tokens).last_hidden_state.float()  # [B, T, D]
        mask = tokens["attention_mask"][..., None]
        parts.append((hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp_min(1))
    return torch.cat(parts).clone()
