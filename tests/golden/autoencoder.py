"""The 1-D autoencoder through the project's own converter and code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.checkpoint import load_checkpoint
from seehear.models.visualaudio.vae import MelVAE
from seehear.tasks.generate.import_vae import import_vae
from tests.golden.compare import Produced, Tolerance
from tests.golden.recipe import Recipe
from tests.golden.visah import describe


def vae1d(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Encode one spectrogram, a pair and an odd one; decode the mean and a latent by rule."""
    weights = recipe.weights(spec["parameters"])
    state = {name: torch.from_numpy(value) for name, value in weights.items()}
    torch.save({"state_dict": state}, folder / "vae.ckpt")
    del state, weights
    import_vae(folder / "vae.ckpt", folder / "ours")
    model = load_checkpoint(folder / "ours").module.eval()
    assert isinstance(model, MelVAE)

    def mel(shape: tuple[int, int, int], seed: int) -> Tensor:
        return torch.from_numpy(recipe.normal(shape, seed, 1.5) - np.float32(2))

    with torch.inference_mode():
        one, pair = model.encode(mel((1, 80, 64), 701)), model.encode(mel((2, 80, 38), 703))
        # As published: an odd length loses its last column, which `encode` repeats instead.
        odd, _ = model.to_moments(model.encoder(mel((1, 80, 33), 704))).chunk(2, dim=1)
        made = {
            "mean": one.mean,
            "logvar": one.logvar,
            "recon": model.decode(one.mean),
            "decode_z": model.decode(torch.from_numpy(recipe.normal((1, 20, 24), 702))),
            "mean_b2": pair.mean,
            "logvar_b2": pair.logvar,
            "mean_odd33": odd,
        }
    statistics: dict[str, Any] = {name: describe(value) for name, value in made.items()}
    statistics["kl_sum_dims"] = one.divergence().tolist()
    return Produced(
        {name: value.numpy() for name, value in made.items()},
        statistics={"full_output_stats": statistics},
        tolerances={
            r"^statistics\..*(mean|min|max)$": Tolerance(1e-3, absolute=1e-3),
            "^statistics": Tolerance(1e-4),
            "": Tolerance(1e-4, absolute=1e-4),
        },
    )
