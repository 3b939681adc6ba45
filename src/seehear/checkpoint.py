"""A checkpoint is a folder: `model.safetensors`, `config.json`, and a model card `README.md`.

Weights are data: loading is strict, hashes cover the whole file, nothing is unpickled. Half-precision
files are widened to float32 on load. Training state (optimiser, RNG, step) is not here; it belongs
to `train/loop.py`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seehear.config import to_dict
from seehear.errors import ModelError
from seehear.models import build_config, build_model

SCHEMA = 1
WEIGHTS = "model.safetensors"
CONFIG = "config.json"


@dataclass(frozen=True)
class Checkpoint:
    """A model with what is known about it.

    Args:
        module: the network, float32, in eval mode.
        name: its name in `models.MODELS`.
        sha256: of the weight file (of the tensors for seeded models that have no file).
        meta: free facts written at training time: task, licence, encoder id, step, metrics, ...
    """

    module: nn.Module
    name: str
    sha256: str
    meta: dict[str, Any]


def save_checkpoint(
    folder: Path,
    module: nn.Module,
    name: str,
    meta: dict[str, Any],
    dtype: torch.dtype = torch.float32,
) -> str:
    """Write weights and configuration; each file appears complete or not at all.

    Args:
        folder: made if missing.
        module: model whose `.config` is its configuration dataclass.
        name: its name in `models.MODELS`.
        meta: JSON-ready facts (licence, task, step, metrics, sources).
        dtype: number format of floating tensors in the file.

    Returns:
        sha256 of the weight file.

    Raises:
        ModelError: a number that is not finite, or too large for the number format.
    """
    tensors = {
        key: (value.to(dtype) if value.is_floating_point() else value).contiguous().cpu()
        for key, value in module.state_dict().items()
    }
    for key, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise ModelError(
                f"{key} of the {name} has numbers that are not finite as {dtype}; nothing was saved"
            )
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{WEIGHTS}.part"
    save_file(tensors, str(part))
    digest = file_sha256(part)
    described = {
        "schema": SCHEMA,
        "model": name,
        "config": to_dict(module.config),
        "sha256": digest,
        "meta": meta,
    }
    config_part = folder / f"{CONFIG}.part"
    config_part.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / WEIGHTS)
    config_part.replace(folder / CONFIG)
    return digest


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint folder, check its hash, and load the weights strictly.

    Raises:
        ModelError: a file is missing or unreadable, the hash differs, or names or shapes do not fit.
    """
    described = read_description(folder)
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ModelError(f"{folder} has no {WEIGHTS}; it is not a complete checkpoint")
    digest = file_sha256(weights)
    if digest != described["sha256"]:
        raise ModelError(
            f"{weights} has sha256 {digest[:12]}…, its config.json says "
            f"{described['sha256'][:12]}…; get the file again"
        )
    name = described["model"]
    module = build_model(name, build_config(name, described["config"]))
    try:
        tensors = load_file(str(weights))
    except SafetensorError as error:
        raise ModelError(f"{weights} is not a readable safetensors file: {error}") from error
    load_strictly(module, tensors, str(weights))
    return Checkpoint(module.eval(), name, digest, described.get("meta", {}))


def read_description(folder: Path) -> dict[str, Any]:
    """Parse `config.json` of a checkpoint folder.

    Raises:
        ModelError: missing, not JSON, of another schema, or without the needed keys.
    """
    path = folder / CONFIG
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(described, dict) or described.get("schema") != SCHEMA:
        raise ModelError(f"{path} is not a checkpoint description of schema {SCHEMA}")
    missing = {"model", "config", "sha256"} - described.keys()
    if missing:
        raise ModelError(f"{path} lacks {', '.join(sorted(missing))}")
    return described


def load_strictly(module: nn.Module, tensors: dict[str, Tensor], where: str) -> None:
    """Copy tensors into a module; every name must match once and every shape exactly.

    Raises:
        ModelError: names the first missing, surplus or misshapen tensor.
    """
    own = module.state_dict()
    for what, names in (
        ("lacks", own.keys() - tensors.keys()),
        ("has the unknown", tensors.keys() - own.keys()),
    ):
        if names:
            raise ModelError(
                f"{where} {what} tensor {sorted(names)[0]!r} ({len(names)} in all); "
                f"these weights belong to another model"
            )
    for key, value in tensors.items():
        if value.shape != own[key].shape:
            raise ModelError(
                f"{where}: tensor {key!r} is {tuple(value.shape)}, "
                f"the model needs {tuple(own[key].shape)}"
            )
    module.load_state_dict({key: value.to(own[key].dtype) for key, value in tensors.items()})


def file_sha256(path: Path) -> str:
    """Full sha256 of a file, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tensors_sha256(module: nn.Module) -> str:
    """sha256 over names and bytes of a module's tensors, for models that have no file."""
    digest = hashlib.sha256()
    for key, value in sorted(module.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
