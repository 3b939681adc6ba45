"""Reading weights that others published: names with tensors, nothing executed.

The only place that reads pickles, with torch's reader of plain weights; what is not a state dict is refused.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from seehear.errors import ModelError

# What `torch.load` raises for files that are no checkpoint: the unpickler trips over the first bytes that
# make no sense, with whatever exception that gives.
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
)


def read_state(checkpoint: Path, key: str = "state_dict") -> dict[str, Tensor]:
    """Tensors of a published checkpoint by their names there.

    Args:
        checkpoint: safetensors file, or a torch file with a state dict, bare or under `key`.
        key: where publishers keep it, `state_dict` mostly.

    Raises:
        ModelError: unreadable, or not a mapping of names to tensors.
    """
    if checkpoint.suffix == ".safetensors":
        try:
            raw: object = load_file(str(checkpoint))
        except (OSError, SafetensorError) as error:
            raise ModelError(f"cannot read {checkpoint}: {error}") from error
    else:
        try:
            raw = torch.load(checkpoint, map_location="cpu", weights_only=True)
        except UNREADABLE as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelError(f"{checkpoint} is not a readable checkpoint: {reason}") from error
    state = raw.get(key, raw) if isinstance(raw, Mapping) else None
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise ModelError(f"{checkpoint} holds no state dict; expected names with tensors")
    return dict(state)
