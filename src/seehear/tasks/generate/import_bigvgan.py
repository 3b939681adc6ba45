"""NVIDIA's published BigVGAN generators -> a checkpoint folder of ours.

A release is two files: the generator's weights (a torch file with the key `generator`) and `config.json`
with its settings. Weight norm is folded into plain weights, the resampling filters that the file also
holds are computed and must agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear.checkpoint import load_strictly, save_checkpoint
from seehear.dsp.mel import MelConfig
from seehear.errors import ConfigError, ModelError
from seehear.models.visualaudio.antialias import TAPS, kaiser_sinc
from seehear.models.visualaudio.bigvgan import BigVGAN, BigVGANConfig
from seehear.tasks.published import read_state

RULES = (
    (r"^conv_pre\.", "entry."),
    (r"^conv_post\.", "exit."),
    (r"^activation_post\.act\.", "last_activation.act."),
    (r"^ups\.(\d+)\.0\.", r"ups.\1."),
    (r"^resblocks\.(\d+)\.convs1\.", r"blocks.\1.spread."),
    (r"^resblocks\.(\d+)\.convs2\.", r"blocks.\1.close."),
    (r"^resblocks\.(\d+)\.convs\.", r"blocks.\1.spread."),
    (r"^resblocks\.(\d+)\.activations\.", r"blocks.\1.activations."),
)
FILTER = re.compile(r"\.(upsample|downsample\.lowpass)\.filter$")
FILTER_ERROR = 1e-5


def import_bigvgan(checkpoint: Path, folder: Path) -> str:
    """Convert a released generator.

    Args:
        checkpoint: `*_generator.pt` or `g_*` with `config.json` beside it.
        folder: checkpoint folder to write.

    Returns:
        sha256 of the written weights.

    Raises:
        ModelError: unreadable files, settings that are not known here, unknown or missing names, or
            other shapes.
    """
    config = released_config(checkpoint.parent / "config.json")
    tensors = translate(read_state(checkpoint, "generator"), str(checkpoint))
    with torch.random.fork_rng(devices=[]):
        model = BigVGAN(config)
    load_strictly(model, tensors, str(checkpoint))
    meta = {
        "task": "generate",
        "licence": "MIT (NVIDIA BigVGAN)",
        "sources": [f"imported from {checkpoint.name}"],
    }
    return save_checkpoint(folder, model.eval(), "bigvgan", meta)


def released_config(path: Path) -> BigVGANConfig:
    """Settings of a release from its `config.json`.

    Raises:
        ModelError: the file is missing or says something that is not known here.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"a release needs its config.json beside the weights; cannot read {path}: {error}"
        ) from error
    try:
        dilations = {tuple(row) for row in values["resblock_dilation_sizes"]}
        if len(dilations) != 1:
            raise ModelError(f"{path} gives blocks different dilations; expected the same for all")
        mel = MelConfig(
            int(values.get("sampling_rate", 22050)),
            int(values.get("n_fft", 1024)),
            int(values.get("hop_size", prod(values["upsample_rates"]))),
            int(values.get("win_size", 1024)),
            int(values["num_mels"]),
            float(values.get("fmin", 0)),
            float(values.get("fmax") or 0),
            "ln",
        )
        return BigVGANConfig(
            mel,
            tuple(values["upsample_rates"]),
            tuple(values["upsample_kernel_sizes"]),
            int(values["upsample_initial_channel"]),
            tuple(values["resblock_kernel_sizes"]),
            dilations.pop(),
            1 if str(values["resblock"]) == "1" else 2,
            values["activation"],
            bool(values["snake_logscale"]),
            bool(values.get("use_tanh_at_final", True)),
            bool(values.get("use_bias_at_final", True)),
        )
    except (KeyError, TypeError, ConfigError) as error:
        raise ModelError(f"{path} does not describe a BigVGAN: {error}") from error


def translate(published: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Published names -> ours, with weight norm folded in (over the first axis).

    Raises:
        ModelError: a name that no rule covers, or a filter that is not the one computed here.
    """
    made: dict[str, Tensor] = {}
    for name, value in published.items():
        if FILTER.search(name):
            expected = kaiser_sinc(0.25, 0.3, TAPS)
            if value.numel() != TAPS or (value.flatten() - expected).abs().max() > FILTER_ERROR:
                raise ModelError(f"{where}: {name} is not the filter that BigVGAN computes")
            continue
        if name.endswith(".weight_g"):
            continue
        if name.endswith(".weight_v"):
            gain = published.get(name.removesuffix("_v") + "_g")
            if gain is None:
                raise ModelError(f"{where}: {name} has no weight_g beside it")
            norm = value.double().flatten(1).norm(dim=1).reshape(-1, *[1] * (value.ndim - 1))
            value = (gain.double() * value.double() / norm).to(value.dtype)
            name = name.removesuffix("_v")
        made[_ours(name, where)] = value
    return made


def _ours(name: str, where: str) -> str:
    for pattern, replacement in RULES:
        if re.match(pattern, name):
            return re.sub(pattern, replacement, name)
    raise ModelError(f"{where} holds {name}, which is no part of a BigVGAN generator")
