"""A tiny random CLAP in a folder, as transformers stores it."""

from __future__ import annotations

import json
from pathlib import Path

import torch


def write_tiny_clap(folder: Path) -> Path:
    """Network, feature extractor and a tokenizer of bytes; seeded."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    torch.manual_seed(0)
    text = {
        "vocab_size": 300,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "projection_dim": 8,
    }
    audio = {
        "spec_size": 64,
        "num_mel_bins": 16,
        "patch_embeds_hidden_size": 16,
        "depths": [1, 1],
        "num_attention_heads": [2, 2],
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "window_size": 4,
        "projection_dim": 8,
    }
    config = transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=8)
    transformers.ClapModel(config).save_pretrained(folder)
    sizes = {
        "feature_extractor_type": "ClapFeatureExtractor",
        "feature_size": 16,
        "sampling_rate": 16000,
        "max_length_s": 2,
        "nb_max_samples": 32000,
        "truncation": "rand_trunc",
        "padding": "repeatpad",
        "frequency_max": 8000,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(sizes))
    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    words |= {chr(97 + n): 4 + n for n in range(26)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", model_max_length=64
    ).save_pretrained(folder)
    return folder
