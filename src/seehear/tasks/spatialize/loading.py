"""From the options to who hears where sounds are."""

from __future__ import annotations

from collections.abc import Callable

from seehear import registry
from seehear.checkpoint import Checkpoint
from seehear.errors import ModelError
from seehear.runtime import Runtime
from seehear.tasks import PARTS, resolve
from seehear.tasks.parts import Parts
from seehear.tasks.spatialize.bearings import load_bearings
from seehear.tasks.spatialize.difference import AnyEngine, load_difference

KINDS: dict[str, Callable[[Checkpoint, Runtime], AnyEngine]] = {
    "bearings": load_bearings,
    "mono2binaural": load_difference,
    "apnet": load_difference,
}


def load_engine(model: str, runtime: Runtime) -> AnyEngine:
    """Load a model of this task.

    Args:
        model: id or checkpoint folder.
        runtime: device and number format.

    Raises:
        ModelError: unknown model, or one of another task.
    """
    checkpoint = registry.load(model, "spatialize")
    if checkpoint.name not in KINDS:
        raise ModelError(f"{model} is a {checkpoint.name} model; spatialize needs one of its own")
    return KINDS[checkpoint.name](checkpoint, runtime)


def load_parts(model: str, runtime: Runtime, seed: int) -> Parts:
    """Load a model of `separate` that finds the sources of a file."""
    parts: Parts = resolve(PARTS)(model, runtime, seed)
    return parts
