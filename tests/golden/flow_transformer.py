"""The flow transformer with experts and its sampler through the project's own converter and code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.checkpoint import load_checkpoint
from seehear.models.visualaudio.denoiser import Denoiser, rotary_table
from seehear.sampling.flow import flow_path, sample_flow
from seehear.sampling.guidance import classifier_free
from seehear.tasks.generate.import_denoiser import save_imported
from tests.golden.compare import Array, Produced, Tolerance
from tests.golden.recipe import Recipe
from tests.golden.visah import describe

TIMES = (0, 249, 250, 740, 999)
KEPT_TOKENS = 8
POINTS = 25
STATES = slice(0, POINTS, 6)
TOLERANCES = {
    r"^statistics\..*(mean|min|max)$": Tolerance(1e-3, absolute=1e-3),
    "^statistics": Tolerance(1e-4),
    "": Tolerance(1e-4),
}


def moe(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Five times at once, the end, a stretched rotary base, other lengths."""
    weights = recipe.weights(spec["parameters"])
    state = {name: torch.from_numpy(value) for name, value in weights.items()}
    save_imported(state, folder / "ours", "fixture", spec["constructor"]["num_heads"])
    model = load_checkpoint(folder / "ours").module.eval()
    assert isinstance(model, Denoiser)

    def normal(shape: tuple[int, ...], seed: int) -> Tensor:
        return torch.from_numpy(recipe.normal(shape, seed))

    def thousandths(*times: int) -> Tensor:
        return torch.tensor(times, dtype=torch.float64) / 1000

    x, video = normal((5, 20, 40), 711), normal((5, 16, 64), 712)
    layers, inputs = _listen(model)
    with torch.inference_mode():
        made = {"out": model(x, thousandths(*TIMES), video)}
        made["block0_moe_in"] = inputs["blocks.0.feed_forward"][:, :KEPT_TOKENS]
        noted = {name: describe(value) for name, value in layers.items()}
        made["block0_moe_out"] = layers["blocks.0.feed_forward"][:, :KEPT_TOKENS]
        made["out_t1000"] = model(x[:1], thousandths(1000), video[:1])
        made["out_ntk2"] = model(x[:1], thousandths(500), video[:1], stretch=2.0)
        longer, fewer = normal((1, 20, 57), 713), normal((1, 9, 64), 714)
        made["out_len57_ctx9"] = model(longer, thousandths(333), fewer)
    made["rotary_cos"], made["rotary_sin"] = rotary_table(torch.arange(64), 24)
    return Produced(
        {name: value.numpy() for name, value in made.items()},
        statistics={
            "full_output_stats": {name: describe(value) for name, value in made.items()},
            "layer_output_stats": noted,
        },
        tolerances=TOLERANCES,
    )


def sampler(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Even steps over a closed-form velocity: free, guided, coarse, begun late; and the loss."""
    shape = (2, 20, 16)
    condition, empty, noise = (
        torch.from_numpy(recipe.normal(shape, seed)) for seed in (721, 722, 723)
    )
    asked: list[int] = []

    def velocity(state: Tensor, times: Tensor, given: Tensor) -> Tensor:
        counted = (times.double() * 1000 + 1e-3).floor()
        asked.append(int(counted[0]))
        added = 0.2 * (counted / 1000).reshape(-1, 1, 1)
        return -0.5 * state + 0.6 * given + added.float()

    free = classifier_free(velocity, condition, empty, 1.0)
    states = [noise]

    def keep(state: Tensor, time: float) -> Tensor:
        states.append(state)
        return state

    final = sample_flow(free, noise, POINTS - 1, guide=keep)
    times = {"25 points": asked.copy()}
    guided = sample_flow(classifier_free(velocity, condition, empty, 3.0), noise, POINTS - 1)
    asked.clear()
    coarse = sample_flow(free, noise, 4)
    times["5 points"] = asked.copy()
    asked.clear()
    late = sample_flow(free, noise, POINTS - 1 - 10, begin=10 / (POINTS - 1))
    times["25 points from index 10"] = asked.copy()
    when = torch.tensor([137, 902], dtype=torch.float64) / 1000
    state, wanted = flow_path(condition, torch.from_numpy(recipe.normal(shape, 724)), when)
    loss = (velocity(state, when, empty) - wanted).square().mean()
    arrays: dict[str, Array] = {
        "final": final.numpy(),
        "trajectory_step6": torch.stack(states[STATES]).numpy(),
        "final_cfg3": guided.numpy(),
        "final_5points": coarse.numpy(),
        "final_from_index10": late.numpy(),
        "loss": np.array([float(loss)], np.float32),
    }
    return Produced(
        arrays,
        {"network_times": times},
        {"full_output_stats": {name: describe(torch.from_numpy(a)) for name, a in arrays.items()}},
        tolerances={**TOLERANCES, "": Tolerance(1e-5, absolute=1e-5)},
    )


def _listen(model: Denoiser) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What layers give and get, under their published names."""
    made: dict[str, Tensor] = {}
    given: dict[str, Tensor] = {}

    def note(name: str) -> Any:
        def keep(module: Any, arguments: tuple[Tensor, ...], result: Tensor) -> None:
            made.setdefault(name, result)
            given.setdefault(name, arguments[0])

        return keep

    for index, layer in enumerate(model.layers):
        parts = {"": layer, ".attention": layer.attend, ".feed_forward": layer.experts}
        for name, part in parts.items():
            part.register_forward_hook(note(f"blocks.{index}{name}"))  # type: ignore[union-attr,operator]
    return made, given
