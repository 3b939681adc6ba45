"""Small random image encoders as transformers stores them."""

from __future__ import annotations

import json
from pathlib import Path

import torch

DIM = 12
CLIP_SIZE = 32


def save_resnet(folder: Path) -> None:
    """A ResNet with its classifier."""
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(1)
    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, DIM], depths=[1, 1], layer_type="basic", num_labels=5
    )
    ResNetForImageClassification(config).save_pretrained(folder)


def save_clip(folder: Path) -> None:
    """Both towers of a CLIP, with a tokenizer that spells letters."""
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    torch.manual_seed(2)
    letters = [chr(i) for i in range(97, 123)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{x}</w>" for x in letters)]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    text = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=CLIP_SIZE,
        patch_size=16,
    )
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    config.projection_dim = DIM
    config.text_config.projection_dim = DIM
    config.vision_config.projection_dim = DIM
    CLIPModel(config).save_pretrained(folder)
