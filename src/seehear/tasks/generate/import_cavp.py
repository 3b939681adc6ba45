"""Diff-Foley's published CAVP -> a checkpoint folder of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from seehear.checkpoint import load_strictly, save_checkpoint
from seehear.errors import ModelError
from seehear.models.visualaudio.cavp import CAVP, diff_foley
from seehear.tasks.published import read_state

PARALLEL = "module."
RULES = (
    (r"^logit_scale$", "log_scale"),
    (r"^video_project_head\.", "video_head."),
    (r"^spec_encoder\.final_project\.", "audio_head."),
    (r"^spec_encoder\.fc1\.", "audio.hidden."),
    (r"^spec_encoder\.bn\.", "audio.norm."),
    (r"^spec_encoder\.conv_block(\d)\.conv(\d)\.", r"audio.blocks.<\1>.conv\2."),
    (r"^spec_encoder\.conv_block(\d)\.bn(\d)\.", r"audio.blocks.<\1>.norm\2."),
    (r"^video_encoder\.conv1\.", "video.stem."),
    (r"^video_encoder\.layer(\d)\.(\d+)\.conv1\.", r"video.stages.<\1>.\2.reduce."),
    (r"^video_encoder\.layer(\d)\.(\d+)\.conv2\.", r"video.stages.<\1>.\2.conv."),
    (r"^video_encoder\.layer(\d)\.(\d+)\.conv3\.", r"video.stages.<\1>.\2.expand."),
    (r"^video_encoder\.layer(\d)\.(\d+)\.downsample\.", r"video.stages.<\1>.\2.skip."),
)
COUNTED = re.compile(r"<(\d)>")
BATCH_NORM = re.compile(r"(\.)bn\.")


def import_cavp(checkpoint: Path, folder: Path) -> str:
    """Convert published encoders.

    Args:
        checkpoint: torch or safetensors file with the names under `state_dict` or bare.
        folder: checkpoint folder to write.

    Returns:
        sha256 of the written weights.

    Raises:
        ModelError: unreadable, unknown or missing names, or other shapes.
    """
    tensors = translate(read_state(checkpoint), str(checkpoint))
    with torch.random.fork_rng(devices=[]):
        model = CAVP(diff_foley())
    for name, value in model.state_dict().items():
        # A counter of training steps that some files leave out; nothing reads it.
        if name.endswith("num_batches_tracked"):
            tensors.setdefault(name, value)
    load_strictly(model, tensors, str(checkpoint))
    meta = {
        "task": "generate",
        "licence": "see Diff-Foley",
        "sources": [f"imported from {checkpoint.name}"],
    }
    return save_checkpoint(folder, model.eval(), "cavp", meta)


def translate(published: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Published names -> ours.

    Raises:
        ModelError: a name that no rule covers.
    """
    return {_ours(name, where): value for name, value in published.items()}


def _ours(name: str, where: str) -> str:
    name = name.removeprefix(PARALLEL)
    for pattern, replacement in RULES:
        if re.match(pattern, name):
            name = re.sub(pattern, replacement, name)
            # Published counts begin at one.
            name = COUNTED.sub(lambda found: str(int(found[1]) - 1), name)
            return BATCH_NORM.sub(r"\1norm.", name)
    raise ModelError(f"{where} holds {name}, which is no part of CAVP")
