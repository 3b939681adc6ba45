"""DAVIS's image encoders from folders: what comes out, and how pictures go in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from seehear.errors import ModelError
from seehear.features.frames import load_frame_encoder
from seehear.features.resnet import PROMPT, load_clip_texts


def test_resnet_from_a_folder(tmp_path: Path) -> None:
    from transformers import ResNetConfig, ResNetModel

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic")
    model = ResNetModel(config).eval()
    model.save_pretrained(tmp_path)
    encoder = load_frame_encoder(f"resnet:{tmp_path}")
    frames = torch.randint(0, 256, (3, 3, 224, 224), dtype=torch.uint8)
    values = encoder.encode(frames)
    assert (encoder.dim, encoder.frame_size, values.shape) == (12, 224, (3, 12))
    assert encoder.id.startswith("resnet:") and encoder.sha256
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    with torch.inference_mode():
        last = model((frames / 255.0 - mean) / std).last_hidden_state
    torch.testing.assert_close(values, last.mean(dim=(2, 3)), atol=1e-5, rtol=1e-4)
    # Statistics are frozen: a frame does not depend on its neighbours.
    torch.testing.assert_close(encoder.encode(frames[1:2]), values[1:2], atol=1e-5, rtol=1e-4)


def test_clip_vectors_keep_their_length(tmp_path: Path) -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        projection_dim=12,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(tmp_path)
    frames = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    raw = load_frame_encoder(f"raw:{tmp_path}").encode(frames)
    unit = load_frame_encoder(str(tmp_path)).encode(frames)
    torch.testing.assert_close(raw / raw.norm(dim=1, keepdim=True), unit)
    assert not torch.allclose(raw.norm(dim=1), torch.ones(3))
    assert not torch.allclose(load_frame_encoder(f"imagenet:{tmp_path}").encode(frames), raw)


def test_missing_weights_are_named() -> None:
    with pytest.raises(ModelError, match="microsoft/resnet-18 are not on this machine"):
        load_frame_encoder("resnet:microsoft/resnet-18")
    with pytest.raises(ModelError, match="known: resnet"):
        load_frame_encoder("raw:")


def test_clip_texts_from_a_folder(tmp_path: Path) -> None:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    letters = [chr(i) for i in range(97, 123)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{x}</w>" for x in letters)]
    vocabulary = {word: i for i, word in enumerate(words)}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=12,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    CLIPTextModelWithProjection(config).eval().save_pretrained(tmp_path)
    encode = load_clip_texts(str(tmp_path))
    both = encode([PROMPT.format("cat"), PROMPT.format("viola")])
    assert both.shape == (2, 12) and not torch.allclose(both[0], both[1])
    torch.testing.assert_close(encode([PROMPT.format("cat")]), both[:1], atol=1e-5, rtol=1e-4)
