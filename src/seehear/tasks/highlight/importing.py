"""Published VisAH weights -> a checkpoint folder of ours.

The authors publish a Lightning checkpoint: names under `state_dict` with the prefix `model.`, and windows
of the loss beside them. Every name is translated by an explicit rule, every one is used once, and the
published attention across the batch comes along as a setting (`batch_axis_context`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from seehear.checkpoint import load_strictly, save_checkpoint
from seehear.errors import ModelError
from seehear.models.visah import VisAH, VisAHConfig, no_context, paper_text, paper_vision
from seehear.tasks.published import read_state

PREFIX = "model."
# Windows of the multi-resolution STFT loss, stored as buffers of the training module.
LOSS_BUFFER = re.compile(r"^(model\.)?\w*loss\w*\.")
# Sinusoid tables: computed, not learned; the wider one is never used.
TABLES = ("latent_transformer.pe.pe", "latent_transformer.pe_context.pe")

SIDES = {
    "encoder": "spectral_encoder",
    "tencoder": "wave_encoder",
    "decoder": "spectral_decoder",
    "tdecoder": "wave_decoder",
}
# Position in the published residual branch -> our name; branches with memory have two layers more.
BRANCH = {
    False: {"0": "reduce", "1": "norm1", "3": "expand", "4": "norm2", "6": ""},
    True: {
        "0": "reduce",
        "1": "norm1",
        "3": "recurrent",
        "4": "attention",
        "5": "expand",
        "6": "norm2",
        "8": "",
    },
}
LATENT = (
    (r"^norm\.", "norm."),
    (r"^proj_in\.", "proj_in."),
    (r"^proj_out\.", "proj_out."),
    (r"^transformer_blocks\.(\d+)\.attn1\.", r"blocks.\1.self_attention."),
    (r"^transformer_blocks\.(\d+)\.attn2\.", r"blocks.\1.cross_attention."),
    (r"^transformer_blocks\.(\d+)\.ff\.net\.0\.proj\.", r"blocks.\1.expand."),
    (r"^transformer_blocks\.(\d+)\.ff\.net\.2\.", r"blocks.\1.reduce."),
    (r"^transformer_blocks\.(\d+)\.(norm[123])\.", r"blocks.\1.\2."),
    (r"^context_transformer_encoder\.layers\.(\d+)\.self_attn\.", r"context_encoder.\1.attention."),
    (r"^context_transformer_encoder\.layers\.(\d+)\.linear1\.", r"context_encoder.\1.expand."),
    (r"^context_transformer_encoder\.layers\.(\d+)\.linear2\.", r"context_encoder.\1.reduce."),
    (r"^context_transformer_encoder\.layers\.(\d+)\.(norm[12])\.", r"context_encoder.\1.\2."),
)
ATTENTION = {"to_q.": "query.", "to_k.": "key.", "to_v.": "value.", "to_out.0.": "out."}


def import_visah(checkpoint: Path, folder: Path) -> str:
    """Convert published weights.

    Args:
        checkpoint: Lightning checkpoint, bare state dict, or safetensors file with the published names.
        folder: checkpoint folder to write.

    Returns:
        sha256 of the written weights.

    Raises:
        ModelError: unreadable file, unknown or missing names, or shapes of no known variant.
    """
    published = read_published(checkpoint)
    config = detect_config(published, str(checkpoint))
    tensors = translate(published, config, str(checkpoint))
    with torch.random.fork_rng(devices=[]):
        module = VisAH(config)
    load_strictly(module, tensors, str(checkpoint))
    meta = {
        "task": "highlight",
        "licence": "not stated by the authors; check before use",
        "sources": [f"imported from {checkpoint.name}"],
        "compatibility": "context encoder attends across the batch, as published",
    }
    return save_checkpoint(folder, module.eval(), "visah", meta)


def read_published(checkpoint: Path) -> dict[str, Tensor]:
    """Tensors by published name, without prefix, loss windows and sinusoid tables.

    Raises:
        ModelError: unreadable, or not a mapping of names to tensors.
    """
    state = read_state(checkpoint)
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        if LOSS_BUFFER.match(name):
            continue
        bare = name.removeprefix(PREFIX)
        if bare in found:
            raise ModelError(
                f"{checkpoint} has {bare!r} twice, with and without {PREFIX!r} before it"
            )
        if bare not in TABLES:
            found[bare] = value
    return found


def detect_config(published: Mapping[str, Tensor], where: str) -> VisAHConfig:
    """Variant by shapes: width of the context and number of its layers.

    Raises:
        ModelError: the context is neither frames (768) nor captions (4096).
    """
    layers = {
        name.split(".")[3]
        for name in published
        if name.startswith("latent_transformer.context_transformer_encoder.layers.")
    }
    projection = published.get("latent_transformer.context_proj.weight")
    if projection is None:
        base = no_context()
    elif projection.shape[1:] == (paper_vision().frame_dim,):
        base = paper_vision()
    elif projection.shape[1:] == (paper_text().caption_dim,):
        base = paper_text()
    else:
        raise ModelError(
            f"{where}: its context projection is {tuple(projection.shape)}, which takes neither "
            f"CLIP's {paper_vision().frame_dim} nor T5's {paper_text().caption_dim} numbers"
        )
    return replace(base, context_layers=len(layers), batch_axis_context=True, time_positions=False)


def translate(
    published: Mapping[str, Tensor], config: VisAHConfig, where: str
) -> dict[str, Tensor]:
    """Rename every tensor.

    Raises:
        ModelError: a name that no rule knows, or two names that become one.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in published.items():
        ours = our_name(name, config)
        if ours is None:
            raise ModelError(f"{where} has the unknown tensor {name!r}; it is not a VisAH")
        if ours in tensors:
            raise ModelError(f"{where} has two tensors that mean {ours!r}")
        tensors[ours] = value
    return tensors


def our_name(name: str, config: VisAHConfig) -> str | None:
    """Our name of a published tensor, None for a name that no rule knows."""
    side, _, rest = name.partition(".")
    if name == "freq_emb.embedding.weight":
        return "frequency_embedding"
    if side in SIDES:
        index, _, inner = rest.partition(".")
        if not index.isdigit():
            return None
        with_memory = side == "encoder" and int(index) >= config.depth - 2
        inner = _branch_name(inner, with_memory) if inner.startswith("dconv.") else inner
        return f"{SIDES[side]}.{index}.{inner}" if inner else None
    if side == "latent_transformer":
        found = _latent_name(rest, config)
        return f"latent.{found}" if found else None
    return None


def _branch_name(inner: str, with_memory: bool) -> str:
    """`dconv.layers.1.5.weight` -> `branches.1.expand.weight`; "" if unknown."""
    found = re.fullmatch(r"dconv\.layers\.(\d+)\.(\d+)\.(.+)", inner)
    if found is None or found[2] not in BRANCH[with_memory]:
        return ""
    part = BRANCH[with_memory][found[2]]
    return f"branches.{found[1]}.{part}.{found[3]}" if part else f"branches.{found[1]}.{found[3]}"


def _latent_name(rest: str, config: VisAHConfig) -> str | None:
    if rest.startswith("context_proj."):
        side = "frame" if config.frame_dim else "caption"
        return rest.replace("context_proj.", f"{side}_projection.")
    for pattern, ours in LATENT:
        made, count = re.subn(pattern, ours, rest)
        if count:
            for old, new in ATTENTION.items():
                made = made.replace(old, new)
            return made
    return None
