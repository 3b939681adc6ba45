"""Published weights of 2.5D Visual Sound, Sep-Stereo and PseudoBinaural -> a checkpoint folder of ours.

The authors publish one file per network: `visual_*.pth`, `audio_*.pth` and, with a pyramid, `fusion_*.pth`.
Files are told apart by the names inside. Every name is translated by an explicit rule and used once, and the
inverse transform of the public code comes along as a setting (`short_inverse`).
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
from seehear.models.pseudobinaural import APNet, APNetConfig, Mono2Binaural, Mono2BinauralConfig
from seehear.tasks.published import read_state

PARALLEL = "module."
SUFFIXES = (".pth", ".pt", ".safetensors")

# Published names begin so; which of the files they come from does not matter.
PARTS = {
    "visual": re.compile(r"^feature_extraction\."),
    "audio": re.compile(r"^(audionet_|conv1x1\.)"),
    "fusion": re.compile(r"^(fusion|lastconv_)"),
}
RULES = (
    (r"^feature_extraction\.0\.", "visual.stem."),
    (r"^feature_extraction\.1\.", "visual.stem_norm."),
    (r"^feature_extraction\.([4-7])\.(\d+)\.conv([12])\.", r"visual.stages.\1-4.\2.conv\3."),
    (r"^feature_extraction\.([4-7])\.(\d+)\.bn([12])\.", r"visual.stages.\1-4.\2.norm\3."),
    (r"^feature_extraction\.([4-7])\.(\d+)\.downsample\.", r"visual.stages.\1-4.\2.skip."),
    (r"^audionet_convlayer([1-5])\.0\.", r"audio.down.\1-1.conv."),
    (r"^audionet_convlayer([1-5])\.1\.", r"audio.down.\1-1.norm."),
    (r"^audionet_upconvlayer([1-5])\.0\.", r"audio.up.\1-1.conv."),
    (r"^audionet_upconvlayer([1-5])\.1\.", r"audio.up.\1-1.norm."),
    (r"^conv1x1\.0\.", "audio.look."),
    (r"^conv1x1\.1\.", "audio.look_norm."),
    (r"^fusion([1-4])\.channel_mapping_conv_w\.", r"pyramid.fuse.\1-1.kernels."),
    (r"^fusion([1-4])\.channel_mapping_conv_b\.", r"pyramid.fuse.\1-1.spare."),
    (r"^fusion\.channel_mapping_conv_w\.", "pyramid.fuse.0.kernels."),
    (r"^fusion\.channel_mapping_conv_b\.", "pyramid.fuse.0.spare."),
    (r"^fusion_upconv([1-3])\.0\.", r"pyramid.up.\1-1.conv."),
    (r"^fusion_upconv([1-3])\.1\.", r"pyramid.up.\1-1.norm."),
    (r"^lastconv_(left|right)\.0\.", r"pyramid.\1.conv."),
)
COUNTED = re.compile(r"(\d)-(\d)(?=\.)")
COUNTER = "num_batches_tracked"


def import_mono2binaural(checkpoint: Path, folder: Path) -> str:
    """Convert 2.5D Visual Sound: windows every 0.05 s, as there.

    Args:
        checkpoint: folder with the published files, one of them beside the others, or one file with the names
            of all.
        folder: checkpoint folder to write.

    Returns:
        sha256 of the written weights.

    Raises:
        ModelError: unreadable or missing files, unknown or missing names, or other shapes.
    """
    return _import(checkpoint, folder, Mono2BinauralConfig(hop_s=0.05))


def import_pseudobinaural(checkpoint: Path, folder: Path) -> str:
    """The same for PseudoBinaural; with a pyramid (`fusion_*.pth`) it becomes an `apnet`."""
    return _import(checkpoint, folder, Mono2BinauralConfig())


def import_apnet(checkpoint: Path, folder: Path) -> str:
    """The same for a network that must have a pyramid (Sep-Stereo)."""
    return _import(checkpoint, folder, Mono2BinauralConfig(hop_s=0.05), pyramid=True)


def _import(
    checkpoint: Path, folder: Path, base: Mono2BinauralConfig, pyramid: bool = False
) -> str:
    where = str(checkpoint)
    published = read_published(checkpoint)
    config = published_config(published, base, where, pyramid)
    tensors = translate(published, where)
    module: Mono2Binaural
    with torch.random.fork_rng(devices=[]):
        module = APNet(config) if isinstance(config, APNetConfig) else Mono2Binaural(config)
    for name, value in module.state_dict().items():
        # A counter of training steps that some files leave out; nothing reads it.
        if name.endswith(COUNTER):
            tensors.setdefault(name, value)
    load_strictly(module, tensors, where)
    meta = {
        "task": "spatialize",
        "licence": "CC BY 4.0 as the authors' code; of weights not stated, check before use",
        "sources": [f"imported from {checkpoint.name}"],
        "compatibility": "256 rows are inverted with 510 points, as published",
    }
    name = "apnet" if isinstance(module, APNet) else "mono2binaural"
    return save_checkpoint(folder, module.eval(), name, meta)


def read_published(checkpoint: Path) -> dict[str, Tensor]:
    """Tensors of all files by published name.

    Raises:
        ModelError: a file is missing or unreadable, or two hold the same name.
    """
    found: dict[str, Tensor] = {}
    for path in _files(checkpoint):
        for name, value in read_state(path).items():
            bare = name.removeprefix(PARALLEL)
            if bare in found:
                raise ModelError(
                    f"{path} has {bare!r}, which was there already; put the files of one model "
                    f"into a folder of their own"
                )
            found[bare] = value
    for part in ("visual", "audio"):
        if not any(PARTS[part].match(name) for name in found):
            raise ModelError(
                f"{checkpoint} has no {part} network; expected visual_*.pth and audio_*.pth "
                f"(and fusion_*.pth for a pyramid) in one folder"
            )
    return found


def _files(checkpoint: Path) -> list[Path]:
    """All files of a model: those of the folder, or those that are called alike."""
    if checkpoint.is_dir():
        return sorted(path for path in checkpoint.iterdir() if path.suffix in SUFFIXES)
    part, _, ending = checkpoint.name.partition("_")
    if part not in PARTS or not ending:
        return [checkpoint]
    alike = (checkpoint.with_name(f"{name}_{ending}") for name in PARTS)
    return [path for path in alike if path.is_file()] or [checkpoint]


def published_config(
    published: Mapping[str, Tensor], base: Mono2BinauralConfig, where: str, pyramid: bool = False
) -> Mono2BinauralConfig:
    """Settings that make published weights behave as published, told by names and shapes.

    Args:
        published: tensors by published name.
        base: what the files do not tell.
        where: for messages.
        pyramid: a pyramid is wanted.

    Raises:
        ModelError: it has none.
    """
    blocks = tuple(
        len({n.split(".")[2] for n in published if n.startswith(f"feature_extraction.{stage}.")})
        for stage in range(4, 8)
    )
    norm = "batch" if "audionet_convlayer1.1.running_mean" in published else "instance"
    told = {**vars(base), "trunk_blocks": blocks, "norm": norm, "short_inverse": True}
    fused = any(PARTS["fusion"].match(name) for name in published)
    if not fused:
        if pyramid:
            raise ModelError(
                f"{where} has no pyramid; put fusion_*.pth beside the others or import it as "
                f"mono2binaural"
            )
        return replace(base, **{k: told[k] for k in ("trunk_blocks", "norm", "short_inverse")})
    last = any(name.startswith("fusion.") for name in published)
    spare = any("channel_mapping_conv_b" in name for name in published)
    return APNetConfig(**told, fusion="last" if last else "pyramid", spare_maps=spare)


def translate(published: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Rename every tensor.

    Raises:
        ModelError: a name that no rule knows, or two names that become one.
    """
    tensors: dict[str, Tensor] = {}
    for name, value in published.items():
        ours = our_name(name)
        if not ours:
            raise ModelError(
                f"{where} has the unknown tensor {name!r}; it is no Mono2Binaural or APNet"
            )
        if ours in tensors:
            raise ModelError(f"{where} has two tensors that mean {ours!r}")
        tensors[ours] = value
    return tensors


def our_name(name: str) -> str:
    """Our name of a published tensor, "" for a name that no rule knows.

    >>> our_name("feature_extraction.5.0.downsample.1.running_var")
    'visual.stages.1.0.skip.1.running_var'
    """
    for pattern, ours in RULES:
        made, count = re.subn(pattern, ours, name)
        if count:
            return COUNTED.sub(lambda found: str(int(found[1]) - int(found[2])), made)
    return ""
