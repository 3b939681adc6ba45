"""The paper preset at its real sizes: VisAH and CLIP ViT-L/14 with random weights.

Speed and memory do not depend on what the weights are; nothing has to be downloaded.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from seehear.checkpoint import save_checkpoint
from seehear.models.visah import VisAH, paper_vision


def make_clip_encoder(folder: Path) -> Path:
    """Vision tower of ViT-L/14 as transformers stores it: 304 million random weights."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        projection_dim=768,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=224,
        patch_size=14,
    )
    CLIPVisionModelWithProjection(config).save_pretrained(folder)
    return folder


def make_paper_model(folder: Path) -> Path:
    """Checkpoint folder of a full-size VisAH that looks through that encoder.

    The output layer of the latent transformer begins at zero; it gets numbers here, so that the
    whole network shows in the output.
    """
    encoder = make_clip_encoder(folder / "clip")
    torch.manual_seed(0)
    model = VisAH(replace(paper_vision(), frame_encoder=str(encoder)))
    torch.nn.init.normal_(model.latent.proj_out.weight, std=0.02)
    save_checkpoint(folder / "visah", model.eval(), "visah", {"task": "highlight"})
    return folder / "visah"
