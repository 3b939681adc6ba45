"""The published video-to-audio transformer of Make-An-Audio 3 -> a checkpoint folder of ours.

Every layer there has time and band experts (`B` in our pattern). Its band experts are stored full width
although only one block of each can ever matter: those blocks are taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from seehear.checkpoint import load_strictly, save_checkpoint
from seehear.errors import ModelError
from seehear.models.visualaudio.denoiser import Denoiser, DenoiserConfig
from seehear.tasks.published import read_state

WHOLE = "model.diffusion_model."
LOOK = "cond_stage_model.embedder.0."
RULES = (
    (r"^t_embedder\.mlp\.", "time."),
    (r"^c_embedder\.mlp\.", "embed."),
    (r"^cap_embedder\.", "pool."),
    (r"^proj_in\.", "entry."),
    (r"^final_layer\.linear\.", "exit."),
    (r"^final_layer\.adaLN_modulation\.1\.", "modulate."),
    (r"^blocks\.(\d+)\.adaLN_modulation\.1\.", r"layers.\1.modulate."),
    (r"^blocks\.(\d+)\.attention_norm\.", r"layers.\1.norm."),
    (r"^blocks\.(\d+)\.attention_y_norm\.", r"layers.\1.norm_video."),
    (r"^blocks\.(\d+)\.ffn_norm\.", r"layers.\1.norm_experts."),
    (r"^blocks\.(\d+)\.attention\.gate$", r"layers.\1.attend.gate"),
    (r"^blocks\.(\d+)\.attention\.wq\.", r"layers.\1.attend.query."),
    (r"^blocks\.(\d+)\.attention\.wk\.", r"layers.\1.attend.key."),
    (r"^blocks\.(\d+)\.attention\.wv\.", r"layers.\1.attend.value."),
    (r"^blocks\.(\d+)\.attention\.wk_y\.", r"layers.\1.attend.key_video."),
    (r"^blocks\.(\d+)\.attention\.wv_y\.", r"layers.\1.attend.value_video."),
    (r"^blocks\.(\d+)\.attention\.wo\.", r"layers.\1.attend.out."),
)
EXPERT = re.compile(r"^blocks\.(\d+)\.feed_forward\.(time|freq)_experts\.(\d+)\.w([123])\.weight$")
PARTS = {"1": "gate", "2": "down", "3": "up"}
HEADS = {768: 32, 1152: 16}
"""Heads of the released widths; others are asked for."""


def import_maa3(checkpoint: Path, folder: Path) -> str:
    """Convert a published checkpoint of the video model.

    Args:
        checkpoint: torch or safetensors file, of the network alone or of the whole system.
        folder: checkpoint folder to write.

    Returns:
        sha256 of the written weights.

    Raises:
        ModelError: unreadable, unknown or missing names, or other shapes.
    """
    return save_imported(read_state(checkpoint), folder, checkpoint.name)


def save_imported(
    published: Mapping[str, Tensor], folder: Path, name: str, heads: int | None = None
) -> str:
    """Translate and write; see `import_maa3`.

    Args:
        published: tensors by published name.
        folder: checkpoint folder to write.
        name: of the source, for messages.
        heads: of attention, where the width is not a released one.
    """
    config = published_config(published, name, heads)
    tensors = translate(published, config, name)
    with torch.random.fork_rng(devices=[]):
        model = Denoiser(config)
    load_strictly(model, tensors, name)
    meta = {
        "task": "generate",
        "licence": "see Make-An-Audio 3",
        "sources": [f"imported from {name}"],
        "compatibility": "at time 1 no time expert answers, as published",
    }
    return save_checkpoint(folder, model.eval(), "denoiser", meta)


def published_config(
    published: Mapping[str, Tensor], where: str, heads: int | None = None
) -> DenoiserConfig:
    """Read the sizes off the shapes.

    Raises:
        ModelError: tensors that the sizes are read from are missing, or the number of heads is open.
    """
    names = {name.removeprefix(WHOLE): value for name, value in published.items()}
    first = "blocks.0.feed_forward."
    try:
        width, latent = names["proj_in.weight"].shape
        condition = names["c_embedder.mlp.0.weight"].shape[1]
        time_hidden = names[f"{first}time_experts.0.w1.weight"].shape[0]
        band_hidden = names[f"{first}freq_experts.0.w1.weight"].shape[0]
    except KeyError as error:
        raise ModelError(f"{where} holds no video transformer: {error} is missing") from error
    depth = 1 + max(int(n.split(".")[1]) for n in names if n.startswith("blocks."))
    count = 1 + max(int(found[3]) for n in names if (found := EXPERT.match(n)))
    heads = heads or HEADS.get(width)
    if heads is None:
        raise ModelError(f"{where} has width {width}; how many heads that are is not known here")
    look = names.get(f"{LOOK}weight")
    return DenoiserConfig(
        latent=latent,
        video=0 if look is None else look.shape[1],
        condition=condition,
        width=width,
        heads=heads,
        pattern="B" * depth,
        time_hidden=time_hidden,
        band_hidden=band_hidden,
        experts=count,
        latents_per_frame=8.0,
        end_is_empty=True,
    )


def translate(
    published: Mapping[str, Tensor], config: DenoiserConfig, where: str
) -> dict[str, Tensor]:
    """Published names -> ours; experts of a layer become one tensor each for gate, up and down.

    Raises:
        ModelError: a name that no rule covers.
    """
    made: dict[str, Tensor] = {}
    experts: dict[str, dict[int, Tensor]] = {}
    whole = any(name.startswith(WHOLE) for name in published)
    for name, value in published.items():
        if name.startswith(LOOK):
            made[f"look.{name.removeprefix(LOOK)}"] = value
            continue
        if whole and not name.startswith(WHOLE):
            continue  # autoencoder and bookkeeping of training
        name = name.removeprefix(WHOLE)
        found = EXPERT.match(name)
        if found is None:
            made[_ours(name, where)] = value
            continue
        layer, kind, expert, part = found[1], found[2], int(found[3]), PARTS[found[4]]
        if kind == "freq":
            value = _own_block(value, part, expert, config.width // config.experts)
        target = f"layers.{layer}.experts.{'times' if kind == 'time' else 'bands'}.{part}"
        experts.setdefault(target, {})[expert] = value
    for target, parts in experts.items():
        made[target] = torch.stack([parts[n] for n in sorted(parts)])
    return made


def _own_block(weight: Tensor, part: str, expert: int, band: int) -> Tensor:
    """The block of a full-width band expert that is ever used."""
    own = slice(expert * band, (expert + 1) * band)
    return weight[own] if part == "down" else weight[:, own]


def _ours(name: str, where: str) -> str:
    for pattern, replacement in RULES:
        if re.match(pattern, name):
            return re.sub(pattern, replacement, name)
    raise ModelError(f"{where} holds {name}, which is no part of the video transformer")
