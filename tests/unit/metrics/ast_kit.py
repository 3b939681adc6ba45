"""A tiny random AST in a folder, as transformers stores it."""

from __future__ import annotations

import json
from pathlib import Path

import torch

LABELS = ("Speech", "Music", "Dog", "Rain", "Engine")


def write_tiny_ast(folder: Path) -> Path:
    """Network and feature extractor; seeded."""
    import transformers

    torch.manual_seed(0)
    config = transformers.ASTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        id2label=dict(enumerate(LABELS)),
        initializer_range=0.5,
    )
    transformers.ASTForAudioClassification(config).save_pretrained(folder)
    sizes = {"feature_extractor_type": "ASTFeatureExtractor", "sampling_rate": 16000}
    (folder / "preprocessor_config.json").write_text(json.dumps(sizes))
    return folder
