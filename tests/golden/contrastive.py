"""CAVP's encoders through the project's own converter and code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seehear.checkpoint import load_checkpoint
from seehear.models.visualaudio.cavp import CAVP, pooled
from seehear.tasks.generate.import_cavp import import_cavp
from tests.golden.compare import Produced, Tolerance
from tests.golden.recipe import Recipe
from tests.golden.visah import describe


def cavp(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Two clips, a larger one, two sounds and a longer one."""
    weights = recipe.weights(spec["parameters"])
    torch.save(
        {"state_dict": {name: torch.from_numpy(np.asarray(v)) for name, v in weights.items()}},
        folder / "cavp.ckpt",
    )
    import_cavp(folder / "cavp.ckpt", folder / "ours")
    model = load_checkpoint(folder / "ours").module.eval()
    assert isinstance(model, CAVP)

    def uniform(shape: tuple[int, ...], seed: int) -> Tensor:
        values = recipe.random(seed).uniform(size=shape).astype(np.float32)
        return torch.from_numpy(values)

    clips = torch.stack([uniform((16, 3, 2, 2), 801), 1 - uniform((16, 3, 2, 2), 802) ** 4])
    sounds = uniform((2, 8, 16), 804)
    sounds[1] = sounds[1] ** 4
    with torch.inference_mode():
        video = model.embed_video(_blown_up(clips, 56, 56))
        audio = model.embed_audio(_blown_up(sounds, 16, 16))
        large = model.embed_video(_blown_up(uniform((16, 3, 2, 2), 803)[None], 112, 112))
        longer = model.embed_audio(_blown_up(uniform((1, 8, 25), 805), 16, 16))
        made = {
            "video_seq": video,
            "video_seq_normalised": functional.normalize(video, dim=-1),
            "video_pooled_normalised": pooled(video),
            "spec_seq": audio,
            "spec_pooled_normalised": pooled(audio),
            "video224_seq": large,
            "spec_seq_long": longer,
        }
        scale = float(model.log_scale.exp())
        similarity = scale * pooled(video) @ pooled(audio).t()
    return Produced(
        {name: value.numpy() for name, value in made.items()},
        {"logit_scale_exp": scale, "similarity_scaled": similarity.tolist()},
        {"full_output_stats": {name: describe(value) for name, value in made.items()}},
        tolerances={
            r"^statistics\..*(mean|min|max)$": Tolerance(1e-3, absolute=1e-3),
            "^statistics": Tolerance(1e-4),
            "^scalars": Tolerance(1e-4),
            "normalised": Tolerance(1e-4, absolute=1e-5),
            "": Tolerance(1e-4),
        },
    )


def _blown_up(x: Tensor, rows: int, columns: int) -> Tensor:
    """Every value repeated over a patch of the last two axes."""
    return x.repeat_interleave(rows, dim=-2).repeat_interleave(columns, dim=-1)
