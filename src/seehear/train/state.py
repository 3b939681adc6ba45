"""What a stopped run needs to go on: weights, optimiser moments, average, step. No pickles.

One safetensors file holds all tensors, its metadata the plain numbers. There is no random state:
every step seeds itself from the run's seed and its own number (see `loop.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from seehear.errors import ModelError
from seehear.train.optim import WeightAverage

FILE = "state.safetensors"


def save_state(
    folder: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage | None,
    numbers: dict[str, Any],
) -> None:
    """Write the state to a temporary name and rename it."""
    tensors = {f"model/{k}": v for k, v in model.state_dict().items()}
    for index, slots in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in slots.items()}
    if average is not None:
        tensors |= {f"average/{k}": v for k, v in average.values.items()}
    # Clones: tensors that share memory are refused by the format.
    plain = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{FILE}.part"
    save_file(plain, str(part), metadata={"numbers": json.dumps(numbers)})
    part.replace(folder / FILE)


def load_state(
    folder: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: WeightAverage | None,
) -> dict[str, Any] | None:
    """Put a saved state back; None if the folder has none.

    Returns:
        The plain numbers given to `save_state`.

    Raises:
        ModelError: the file is damaged or belongs to another model.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), framework="pt") as stream:
            numbers: dict[str, Any] = json.loads(stream.metadata()["numbers"])
            tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelError(f"{path} is damaged: {error}; start the run anew") from error
    try:
        model.load_state_dict(_under(tensors, "model/"))
    except RuntimeError as error:
        raise ModelError(f"{path} belongs to another model; use a new run folder") from error
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in _under(tensors, "optimiser/").items():
        index, _, name = key.partition("/")
        slots.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
    if average is not None:
        for key, value in _under(tensors, "average/").items():
            average.values[key].copy_(value)
    return numbers


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
