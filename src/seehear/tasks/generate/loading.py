"""From a model's id to the four networks of a generating model.

A generating model is one folder: the flow transformer's checkpoint at its top, checkpoints of its parts in
subfolders that `meta["parts"]` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seehear import registry
from seehear.checkpoint import Checkpoint, read_description, tensors_sha256
from seehear.errors import ModelError
from seehear.models.visualaudio.denoiser import Denoiser
from seehear.runtime import Runtime
from seehear.tasks.generate.codec import Codec, load_codec, tiny_codec
from seehear.tasks.generate.sight import Sight, load_sight, tiny_sight

PARTS = ("cavp", "vae", "vocoder")
WINDOW_S, SHORTEST_WINDOW_S = 8.0, 2.0
STEPS = 25
GUIDANCE = 4.5
"""What a model is run with that does not say itself."""


@dataclass(frozen=True)
class System:
    """All networks of a generating model.

    Args:
        denoiser: velocity of noisy latents, given features of a video.
        sight: features of videos, and how well sounds fit.
        codec: sound to latents and back.
        null: features of an empty video, float32 [dim].
        meta: facts of the flow transformer's checkpoint.
        runtime: where they run.
        described: id, licence and hashes for the receipt.
    """

    denoiser: Denoiser
    sight: Sight
    codec: Codec
    null: Tensor
    meta: dict[str, Any]
    runtime: Runtime
    described: dict[str, Any]

    @property
    def window(self) -> int:
        """Latent columns that the flow transformer takes at once."""
        return round(float(self.meta.get("window_s", WINDOW_S)) * self.codec.latent_rate)

    @property
    def steps(self) -> int:
        """Steps when nobody says."""
        return int(self.meta.get("steps", STEPS))

    @property
    def guidance(self) -> float:
        """Guidance when nobody says."""
        return float(self.meta.get("guidance", GUIDANCE))


def load_system(model: str, runtime: Runtime) -> System:
    """Load a generating model.

    Args:
        model: id or folder.
        runtime: device and number format.

    Raises:
        ModelError: unknown, damaged, without its parts, or with parts that do not fit together.
    """
    found = registry.load(model, "generate")
    if not isinstance(found.module, Denoiser):
        raise ModelError(f"{model} is a {found.name} model; generate needs a flow transformer")
    row = registry.find(model, "generate")
    if isinstance(row, registry.ModelRow) and row.tiny:
        sight, codec = tiny_sight(), tiny_codec(runtime)
        # A tiny model has no file that could hold the features of an empty video.
        null = sight.encode(torch.zeros(1, 3, sight.frame_size, sight.frame_size))[0]
        vae, vocoder = (tensors_sha256(part) for part in (codec.vae, codec.vocoder))
        hashes = {"cavp": sight.sha256, "vae": vae, "vocoder": vocoder}
    else:
        folder = row if isinstance(row, Path) else registry.folder_of(row)
        assert folder is not None, "a model that was loaded lies somewhere"
        sight, codec, hashes = _load_parts(folder, found, runtime)
        null = torch.tensor(found.meta.get("null", []), dtype=torch.float32)
    _check_fit(model, found.module, sight, codec, null)
    window_s = float(found.meta.get("window_s", WINDOW_S))
    if window_s < SHORTEST_WINDOW_S:
        raise ModelError(
            f"{model} has windows of {window_s:g} s; they must have {SHORTEST_WINDOW_S:g} s or more"
        )
    found.module.to(runtime.device).eval()
    described = {
        "id": found.meta["id"],
        "task": "generate",
        "sha256": found.sha256,
        "licence": found.meta.get("licence", "unknown"),
        "parts": hashes,
    }
    return System(found.module, sight, codec, null, found.meta, runtime, described)


def _load_parts(
    folder: Path, found: Checkpoint, runtime: Runtime
) -> tuple[Sight, Codec, dict[str, str]]:
    """Sight, codec, and the hash of each part's weight file."""
    parts = found.meta.get("parts", {})
    missing = [name for name in PARTS if not (folder / parts.get(name, name)).is_dir()]
    if missing:
        raise ModelError(
            f"{folder} has no {missing[0]}; a generating model is a folder with the flow transformer and "
            f"its parts {', '.join(PARTS)}"
        )
    where = {name: folder / parts.get(name, name) for name in PARTS}
    codec = load_codec(where["vae"], where["vocoder"], found.meta.get("latent_scale"), runtime)
    hashes = {name: str(read_description(path)["sha256"]) for name, path in where.items()}
    return load_sight(where["cavp"], runtime), codec, hashes


def _check_fit(model: str, denoiser: Denoiser, sight: Sight, codec: Codec, null: Tensor) -> None:
    wanted = denoiser.config.video or denoiser.config.condition
    if sight.dim != wanted:
        raise ModelError(f"{model} takes features of {wanted} numbers, its cavp makes {sight.dim}")
    if codec.latent_channels != denoiser.config.latent:
        raise ModelError(
            f"{model} makes latents of {denoiser.config.latent} numbers, its vae takes "
            f"{codec.latent_channels}"
        )
    if null.shape != (sight.dim,):
        raise ModelError(
            f"{model} must say the features of an empty video as {sight.dim} numbers (meta null), "
            f"not {len(null)}"
        )
