"""A generating model is one folder: the denoiser's checkpoint, and those of its parts in folders beside it.

config.json, model.safetensors, README.md     the denoiser
cavp/  vae/  vocoder/                          a checkpoint each
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from seehear.checkpoint import CONFIG, WEIGHTS, file_sha256, read_description
from seehear.errors import ModelError, OutputError
from seehear.metrics.report import write_text

PARTS: dict[str, tuple[str, ...]] = {
    "cavp": ("cavp", "quick_cavp"),
    "vae": ("melvae",),
    "vocoder": ("bigvgan", "melwave"),
}
"""Folder of a part -> models that can be in it."""
FILES = (WEIGHTS, CONFIG, "README.md")
MADE_WITH = {"cavp": "cavp_sha256", "vae": "vae_sha256"}


def check_parts(parts: Mapping[str, Path]) -> None:
    """See that every part is a checkpoint of its kind, with the right hash.

    Args:
        parts: name of the part -> folder.

    Raises:
        ModelError: it is not.
    """
    for name, folder in parts.items():
        described = read_description(folder)
        if described["model"] not in PARTS[name]:
            raise ModelError(
                f"{folder} holds a {described['model']}, but {name} is one of {', '.join(PARTS[name])}"
            )
        if file_sha256(folder / WEIGHTS) != described["sha256"]:
            raise ModelError(
                f"the weights in {folder} are not those that it describes; copy them again"
            )


def add_parts(folder: Path, parts: Mapping[str, Path]) -> None:
    """Copy parts beside a denoiser and name them in its description.

    Args:
        folder: of the denoiser's checkpoint.
        parts: name of the part -> folder of its checkpoint.

    Raises:
        ModelError: the folder is no denoiser, a part is none, or not the one that the denoiser was trained
            with.
        OutputError: the folder cannot be written.
    """
    described = read_description(folder)
    if described["model"] != "denoiser":
        raise ModelError(f"{folder} holds a {described['model']}; parts go beside a denoiser")
    check_parts(parts)
    meta = described.setdefault("meta", {})
    for name, key in MADE_WITH.items():
        own = read_description(parts[name])["sha256"] if name in parts else ""
        if own and meta.get(key, own) != own:
            raise ModelError(
                f"{parts[name]} is not the {name} that the denoiser in {folder} was trained with"
            )
    try:
        for name, source in parts.items():
            (folder / name).mkdir(exist_ok=True)
            for file in FILES:
                if (source / file).is_file():
                    shutil.copyfile(source / file, folder / name / file)
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from error
    meta["parts"] = {**meta.get("parts", {}), **{name: name for name in parts}}
    meta["parts_sha256"] = {
        name: read_description(folder / name)["sha256"] for name in meta["parts"]
    }
    write_text(folder / CONFIG, json.dumps(described, indent=1) + "\n")


def assemble(denoiser: Path, parts: Mapping[str, Path], output: Path) -> None:
    """Put a generating model together from checkpoints in different places.

    Args:
        denoiser: folder of its checkpoint.
        parts: name of the part -> folder.
        output: folder that is made; it must not hold another model.

    Raises:
        ModelError: see `add_parts`.
        OutputError: the folder holds a model already or cannot be written.
    """
    if (output / CONFIG).exists():
        raise OutputError(f"{output} holds a model already; choose another folder")
    try:
        output.mkdir(parents=True, exist_ok=True)
        for file in FILES:
            if (denoiser / file).is_file():
                shutil.copyfile(denoiser / file, output / file)
    except OSError as error:
        raise OutputError(f"cannot write into {output}: {error.strerror}") from error
    inside = {name: denoiser / name for name in PARTS if (denoiser / name / CONFIG).is_file()}
    add_parts(output, {**inside, **parts})
