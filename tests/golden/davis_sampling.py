"""DAVIS's two samplers with closed-form networks and recorded noise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.sampling.flow import flow_path, sample_flow
from seehear.sampling.gaussian import Step, sample_ddim, sigmoid_schedule
from seehear.sampling.guidance import keep_silence
from seehear.sampling.objective import flow_loss
from tests.golden.compare import Array, Produced, Tolerance
from tests.golden.recipe import Recipe
from tests.golden.visah import describe

SHAPE = (2, 1, 32, 24)
STEPS = 15
FLOW_STEPS = {"final": 2, "final_1steps": 1, "final_4steps": 4, "final_10steps": 10}


def ddim(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Four runs: with and without fresh noise, with and without the silence mask."""
    mixture = torch.from_numpy(recipe.stored["mix"])
    start = torch.from_numpy(recipe.normal(SHAPE, 222))
    noise = torch.from_numpy(recipe.normal((STEPS - 1, *SHAPE), 223))
    schedule = sigmoid_schedule()
    called: list[int] = []

    def denoise(x: Tensor, times: Tensor) -> Tensor:
        called.append(int(times[0]))
        return 0.3 * x + 0.1 * mixture + 0.2 * (int(times[0]) / 1000)

    arrays: dict[str, Array] = {
        "mix": mixture.numpy(),
        "initial_noise": start.numpy(),
        "betas": schedule.betas.numpy(),
        "alphas_cumprod": schedule.kept.numpy(),
    }
    statistics: dict[str, Any] = {}
    for eta in (0, 1):
        for name, guide in (("mask", keep_silence(mixture)), ("nomask", None)):
            states = [start]

            def watch(step: Step, states: list[Tensor] = states) -> None:
                states.append(step.state)

            final = sample_ddim(
                denoise,
                start,
                schedule,
                STEPS,
                float(eta),
                lambda number: noise[number],
                guide,
                watch,
            )
            trajectory = torch.stack(states, dim=1)
            arrays[f"eta{eta}_{name}_trajectory"] = trajectory.numpy()
            statistics[f"eta{eta}_{name}"] = {
                "final": describe(final),
                "trajectory": describe(trajectory),
            }
    wanted = list(spec.get("times_called", called[:STEPS]))
    if called != 4 * wanted:
        raise AssertionError(f"network called at {called[:STEPS]}, expected {wanted}")
    return Produced(
        arrays,
        statistics={"full_output_stats": statistics},
        tolerances={
            "^eta": Tolerance(1e-5, absolute=1e-4),
            "betas|alphas_cumprod": Tolerance(1e-6),
            r"^statistics\..*mean": Tolerance(1e-3, absolute=1e-5),
            "^statistics": Tolerance(1e-4),
            "": Tolerance(0.0),
        },
    )


def flow(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Euler runs of several lengths, and one training pair with its loss."""
    mixture = torch.from_numpy(recipe.stored["mix"])
    start = torch.from_numpy(recipe.normal(SHAPE, 232))

    def velocity(x: Tensor, times: Tensor) -> Tensor:
        return -0.5 * x + 0.8 * mixture + 0.1 * (1000 * float(times[0]) / 1000)

    target = torch.from_numpy(recipe.stored["train_target"])
    noise = torch.from_numpy(recipe.normal(SHAPE, 234))
    drawn = recipe.random(235).uniform(size=(2, 1, 1, 1)).astype(np.float32)
    times = torch.from_numpy(drawn).flatten()
    state, wanted = flow_path(target, noise, times)
    arrays = {
        "mix": mixture.numpy(),
        "initial_noise": start.numpy(),
        "train_target": target.numpy(),
        "train_x_t": state.numpy(),
        "train_t_passed": 1000 * times.numpy(),
        "train_loss": flow_loss(0.1 * state, wanted).reshape(1).numpy(),
    }
    for name, steps in FLOW_STEPS.items():
        arrays[name] = sample_flow(velocity, start, steps).numpy()
    return Produced(
        arrays,
        tolerances={
            "^final": Tolerance(1e-6, absolute=1e-6),
            "^train": Tolerance(1e-6),
            "": Tolerance(0.0),
        },
    )
