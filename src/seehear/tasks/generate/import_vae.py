"""The published 1-D autoencoder of Make-An-Audio 2 and 3 -> a checkpoint folder of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from seehear.checkpoint import load_strictly, save_checkpoint
from seehear.dsp.mel import MelConfig
from seehear.errors import ModelError
from seehear.models.visualaudio.vae import MelVAE, MelVAEConfig
from seehear.tasks.published import read_state

WHOLE = "first_stage_model."
"""Before every name where the autoencoder is part of a generator's checkpoint."""
TRAINING = "loss."
"""Discriminator and weights of the loss; not needed here."""
RULES = (
    (r"^quant_conv\.", "to_moments."),
    (r"^post_quant_conv\.", "from_latent."),
    (r"^(encoder|decoder)\.conv_in\.", r"\1.entry."),
    (r"^(encoder|decoder)\.conv_out\.", r"\1.exit."),
    (r"^(encoder|decoder)\.norm_out\.", r"\1.norm."),
    (r"^(encoder|decoder)\.mid\.block_1\.", r"\1.middle.before."),
    (r"^(encoder|decoder)\.mid\.block_2\.", r"\1.middle.after."),
    (r"^(encoder|decoder)\.mid\.attn_1\.", r"\1.middle.attend."),
    (r"^encoder\.down\.0\.downsample\.conv\.", "encoder.shrink."),
    (r"^decoder\.up\.1\.upsample\.conv\.", "decoder.grow."),
    (r"^encoder\.down\.(\d)\.block\.", r"encoder.levels.\1."),
    (r"^decoder\.up\.(\d)\.block\.", r"decoder.levels.-\1."),
)
PARTS = {"nin_shortcut": "skip", "proj_out": "out", "q": "query", "k": "key", "v": "value"}


def import_vae(checkpoint: Path, folder: Path) -> str:
    """Convert a published autoencoder, by itself or inside a generator's checkpoint.

    Args:
        checkpoint: torch or safetensors file.
        folder: checkpoint folder to write.

    Returns:
        sha256 of the written weights.

    Raises:
        ModelError: unreadable, unknown or missing names, or other shapes.
    """
    tensors = translate(read_state(checkpoint), str(checkpoint))
    with torch.random.fork_rng(devices=[]):
        model = MelVAE(MelVAEConfig(mel=MelConfig(hop_length=256)))
    load_strictly(model, tensors, str(checkpoint))
    meta = {
        "task": "generate",
        "licence": "see Make-An-Audio",
        "sources": [f"imported from {checkpoint.name}"],
    }
    return save_checkpoint(folder, model.eval(), "melvae", meta)


def translate(published: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Published names -> ours.

    Raises:
        ModelError: a name that no rule covers.
    """
    if any(name.startswith(WHOLE) for name in published):
        published = {
            name.removeprefix(WHOLE): value
            for name, value in published.items()
            if name.startswith(WHOLE)
        }
    return {
        _ours(name, where): value
        for name, value in published.items()
        if not name.startswith(TRAINING)
    }


def _ours(name: str, where: str) -> str:
    for pattern, replacement in RULES:
        if re.match(pattern, name):
            name = re.sub(pattern, replacement, name)
            # The decoder counts its levels from the finest one; ours from the one that comes first.
            name = re.sub(r"levels\.-(\d)", lambda found: f"levels.{2 - int(found[1])}", name)
            return ".".join(PARTS.get(part, part) for part in name.split("."))
    raise ModelError(f"{where} holds {name}, which is no part of the 1-D autoencoder")
