"""Published DAVIS weights -> a checkpoint folder of ours.

The authors publish two files per model: `unet_best.pth` (the U-Net inside a wrapper) and `frame_best.pth`
(the image encoder and the transformer over frames). Every name is translated by an explicit rule and used
once; what is stored but never used, or belongs to the frozen image encoder, is left out by name. How the
published code behaves where it differs from the paper comes along as settings.

Neither file says whether its model is a diffusion or a flow, nor which corpus it is for: the kind does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear.checkpoint import load_strictly, save_checkpoint
from seehear.errors import ModelError
from seehear.models.davis import Davis, DavisConfig, flow, paper_ave, paper_music
from seehear.tasks.published import read_state

PARALLEL = "module."
IMAGENET_CLIP = "imagenet:openai/clip-vit-base-patch32"
RESNET = "resnet:microsoft/resnet-18"
# The wrapper's own map of the time: stored, never used.
UNUSED = re.compile(r"^time_mlp\.[13]\.(weight|bias)$")
# Frozen image encoders: CLIP under the authors' names, ResNet as a list of layers.
ENCODERS = re.compile(r"^(model|features)\.")

HEADS = {"Q": "query", "K": "key", "V": "value"}
PARTS = {"0.weight": ".weight", "0.bias": ".bias", "1.weight": "_norm.slope"}
TABLES = {"2.gamma": "_norm.gain", "2.beta": "_norm.offset"}
HEAD = re.compile(r"^attn_conv_([QKV])_(\d+)\.(.+)$")

BLOCK = {
    "mlp.1.": "time.linear.",
    "block1.proj.": "conv1.",
    "block1.norm.": "norm1.",
    "block2.proj.": "conv2.",
    "block2.norm.": "norm2.",
    "res_conv.": "skip.",
}
PLANE = {
    "fn.fn.mlp.1.": "time.linear.",
    "fn.fn.to_qkv.": "qkv.",
    "fn.fn.to_out.0.": "out.",
    "fn.fn.to_out.1.g": "out_gain",
    "fn.norm.g": "norm_gain",
}
MIDDLE = {
    "fn.fn.mlp.1.": "time.linear.",
    "fn.fn.to_qkv.": "qkv.",
    "fn.fn.to_out.": "out.",
    "fn.norm.g": "norm_gain",
}
ALONG_TIME = {
    "mlp.1.": "time.linear.",
    "attn_concat_proj.0.": "out.",
    "attn_concat_proj.1.weight": "out_norm.slope",
    "attn_concat_proj.2.gamma": "out_norm.gain",
    "attn_concat_proj.2.beta": "out_norm.offset",
}
WHOLE = (
    ("init_conv.", "first.", {"": ""}),
    ("time_mlp.1.", "time.expand.", {"": ""}),
    ("time_mlp.3.", "time.mix.", {"": ""}),
    ("mid_block1.", "middle1.", BLOCK),
    ("mid_attn.", "middle_attention.", MIDDLE),
    ("mid_block2.", "middle2.", BLOCK),
    ("final_res_block.", "last_block.", BLOCK),
    ("final_conv.", "last.", {"": ""}),
)
SIDES = {"downs": "down", "ups": "up"}


def import_davis(checkpoint: Path, folder: Path) -> str:
    """Convert a model that was trained on MUSIC, diffusion.

    Args:
        checkpoint: folder with `unet_best.pth` (or `unet_latest.pth`) and `frame_best.pth`, one of these
            files beside the other, or one file with the names of both.
        folder: checkpoint folder to write.

    Returns:
        sha256 of the written weights.

    Raises:
        ModelError: unreadable or missing files, unknown or missing names, or other shapes.
    """
    return _import(checkpoint, folder, paper_music())


def import_davis_flow(checkpoint: Path, folder: Path) -> str:
    """The same for a flow model that was trained on MUSIC."""
    return _import(checkpoint, folder, flow(paper_music()))


def import_davis_ave(checkpoint: Path, folder: Path) -> str:
    """The same for a diffusion model that was trained on AVE."""
    return _import(checkpoint, folder, paper_ave())


def import_davis_ave_flow(checkpoint: Path, folder: Path) -> str:
    """The same for a flow model that was trained on AVE."""
    return _import(checkpoint, folder, flow(paper_ave()))


def _import(checkpoint: Path, folder: Path, base: DavisConfig) -> str:
    unet, frames = read_published(checkpoint)
    where = str(checkpoint)
    config = published_config(frames, base)
    tensors = {f"unet.{name}": value for name, value in translate_unet(unet, where).items()}
    tensors |= {f"temporal.{k}": v for k, v in translate_frames(frames, where).items()}
    with torch.random.fork_rng(devices=[]):
        module = Davis(config)
    load_strictly(module, tensors, where)
    meta: dict[str, Any] = {
        "task": "separate",
        "licence": "not stated by the authors; check before use",
        "sources": [f"imported from {checkpoint.name}"],
        "compatibility": "middle blocks are not told the time, as published",
    }
    if config.first_frame_only:
        meta["compatibility"] += "; only the first frame is looked at"
    return save_checkpoint(folder, module.eval(), "davis", meta)


def read_published(checkpoint: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors of the U-Net's and of the frames' file, by published name.

    Raises:
        ModelError: a file is missing or unreadable.
    """
    state: dict[str, Tensor] = {}
    for path in _files(checkpoint):
        for name, value in read_state(path).items():
            bare = name.removeprefix(PARALLEL)
            if bare in state:
                raise ModelError(f"{path} has {bare!r}, which was there already")
            state[bare] = value
    unet = {n: v for n, v in state.items() if n.startswith(("net_unet.", "time_mlp."))}
    frames = {n: v for n, v in state.items() if n not in unet}
    return unet, frames


def _files(checkpoint: Path) -> list[Path]:
    """The two files of a model; a single file with other names holds everything."""
    place = checkpoint if checkpoint.is_dir() else checkpoint.parent
    for unet in ("unet_best", "unet_latest"):
        pair = [_find(place, stem) for stem in (unet, unet.replace("unet", "frame"))]
        named = checkpoint.is_dir() or checkpoint in pair
        if named and pair[0] is not None and pair[1] is not None:
            return [path for path in pair if path is not None]
    if checkpoint.is_dir():
        raise ModelError(
            f"{checkpoint} needs unet_best.pth and frame_best.pth (or both as _latest)"
        )
    return [checkpoint]


def _find(place: Path, stem: str) -> Path | None:
    found = (place / f"{stem}{suffix}" for suffix in (".pth", ".pt", ".safetensors"))
    return next((path for path in found if path.is_file()), None)


def published_config(frames: Mapping[str, Tensor], base: DavisConfig) -> DavisConfig:
    """Settings that make published weights behave as published.

    Args:
        frames: tensors of the frames' file.
        base: sizes and process of the kind.
    """
    config = replace(base, middle_time=False)
    if any(name.startswith("transformer.") for name in frames):
        return replace(config, frame_encoder=RESNET, feed_forward=512, first_frame_only=True)
    # Pictures of MUSIC were normalised with the statistics of ImageNet, those of AVE with CLIP's own.
    return replace(config, frame_encoder=IMAGENET_CLIP) if base.sample_rate == 11025 else config


def translate_frames(frames: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Rename the transformer over frames; the frozen image encoder is left out.

    Raises:
        ModelError: a name that no rule knows, or no transformer at all.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in frames.items():
        if ENCODERS.match(name):
            continue
        ours = name.removeprefix("temporal_").removeprefix("transformer.")
        if ours == name or not ours.startswith(("encoder.", "decoder.")):
            raise ModelError(f"{where} has the unknown tensor {name!r}; it is not a DAVIS")
        tensors[ours] = value
    if not tensors:
        raise ModelError(
            f"{where} has no transformer over frames; put frame_best.pth beside the U-Net's file"
        )
    return tensors


def translate_unet(published: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Rename the U-Net; what is one tensor per head there is one for all heads here.

    Raises:
        ModelError: a name that no rule knows, two names that become one, or a head that is missing.
    """
    tensors: dict[str, Tensor] = {}
    heads: dict[str, dict[int, Tensor]] = {}
    for name, value in published.items():
        if UNUSED.match(name):
            continue
        ours, head = our_unet_name(name)
        if not ours:
            raise ModelError(f"{where} has the unknown tensor {name!r}; it is not a DAVIS")
        place = heads.setdefault(ours, {}) if head is not None else None
        if ours in tensors or (place is not None and head in place):
            raise ModelError(f"{where} has two tensors that mean {ours!r}")
        shaped = _shaped(ours, value)
        if place is not None and head is not None:
            place[head] = shaped
        else:
            tensors[ours] = shaped
    for ours, parts in heads.items():
        if sorted(parts) != list(range(len(parts))):
            raise ModelError(f"{where} lacks a head of {ours!r}: has {sorted(parts)}")
        tensors[ours] = torch.cat([parts[i] for i in range(len(parts))])
    return tensors


def our_unet_name(name: str) -> tuple[str, int | None]:
    """Our name of a published tensor and its head, if it is one of several; "" if unknown.

    >>> our_unet_name("net_unet.downs.0.2.fn.attn_conv_Q_3.0.weight")
    ('down.0.along_time.query.weight', 3)
    """
    inner = name.removeprefix("net_unet.")
    if inner == name:
        return "", None
    for prefix, ours, rules in WHOLE:
        if inner.startswith(prefix):
            return _renamed(inner.removeprefix(prefix), ours, rules), None
    found = re.fullmatch(r"(downs|ups)\.(\d+)\.([0-3])\.(.+)", inner)
    if found is None:
        return "", None
    level = f"{SIDES[found[1]]}.{found[2]}."
    rest = found[4]
    if found[3] == "0":
        return _renamed(rest, f"{level}block.", BLOCK), None
    if found[3] == "1":
        return _renamed(rest, f"{level}plane.", PLANE), None
    if found[3] == "2":
        return _along_time(rest, f"{level}along_time.")
    # The change of size: a plain convolution at the ends, else the second of two layers.
    return _renamed(
        rest, f"{level}resize.", {"1.": "conv.", "weight": "weight", "bias": "bias"}
    ), None


def _along_time(rest: str, ours: str) -> tuple[str, int | None]:
    inner = rest.removeprefix("fn.")
    if inner == rest:
        return "", None
    found = HEAD.match(inner)
    if found is None:
        return _renamed(inner, ours, ALONG_TIME), None
    part = (PARTS | TABLES).get(found[3])
    return (f"{ours}{HEADS[found[1]]}{part}", int(found[2])) if part else ("", None)


def _renamed(rest: str, ours: str, rules: Mapping[str, str]) -> str:
    """First rule that fits; what follows must be a weight or a bias or nothing."""
    for old, new in rules.items():
        if rest.startswith(old) and rest.removeprefix(old) in ("", "weight", "bias"):
            return f"{ours}{new}{rest.removeprefix(old)}"
    return ""


def _shaped(ours: str, value: Tensor) -> Tensor:
    """Bring a published tensor into our shape; a wrong one is noticed when it is loaded."""
    if ours.endswith(("norm_gain", "out_gain")):
        return value.flatten()  # [1, C, 1, 1] -> [C]
    if ours.endswith(("_norm.gain", "_norm.offset")) and value.ndim == 4:
        return value[:, :, 0]  # [1, C, 1, F] -> [1, C, F]
    if ours.startswith("down.") and ours.endswith("resize.conv.weight") and value.ndim == 4:
        # The 2x2 squares that the published code gathers into channels first.
        return value.reshape(value.shape[0], -1, 2, 2)
    return value
