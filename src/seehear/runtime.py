"""Device and number format of a run, seeds, and versions for receipts.

Threads are limited by the environment (`OMP_NUM_THREADS`) only: an explicit call that sets the
thread count makes batched LU wrong in some builds (docs/decisions/0006-threads.md).
"""

from __future__ import annotations

import contextlib
import platform
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

import numpy as np
import torch

from seehear.errors import UsageError

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True)
class Runtime:
    """Where and in which number format models run.

    Args:
        device: torch device.
        autocast_dtype: None for float32, else the dtype of autocast regions.
    """

    device: torch.device
    autocast_dtype: torch.dtype | None = None

    @contextlib.contextmanager
    def inference(self) -> Iterator[None]:
        """Context of a forward pass: no gradients, autocast if asked for."""
        with torch.inference_mode():
            if self.autocast_dtype is None:
                yield
            else:
                with torch.autocast(self.device.type, dtype=self.autocast_dtype):
                    yield


def choose_runtime(device: str = "auto", precision: Precision = "auto") -> Runtime:
    """Turn the options `--device` and `--precision` into a runtime.

    Args:
        device: `auto`, `cpu`, `cuda` or `cuda:N`; `auto` takes CUDA where it works.
        precision: `auto` is bf16 on CUDA and fp32 on the CPU, because a result should not change
            with the processor it happens to run on.

    Raises:
        UsageError: the device does not exist here or the name is unknown.
    """
    has_cuda = torch.cuda.is_available()
    if device == "auto":
        device = "cuda" if has_cuda else "cpu"
    name, _, index = device.partition(":")
    if name not in ("cpu", "cuda") or (index and not index.isdigit()):
        raise UsageError(f"--device must be auto, cpu, cuda or cuda:N, not {device!r}")
    if name == "cuda" and (not has_cuda or int(index or 0) >= torch.cuda.device_count()):
        raise UsageError(f"this machine has no CUDA device {device!r}; try --device cpu")
    chosen = torch.device(device)
    low = precision == "bf16" or (precision == "auto" and chosen.type == "cuda")
    return Runtime(chosen, torch.bfloat16 if low else None)


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def versions() -> dict[str, str]:
    """Versions of this package and of what its numbers depend on."""
    names = ("seehear", "torch", "numpy", "av", "soxr")
    found = {name: metadata.version(name) for name in names}
    return {"python": platform.python_version(), **found}


class Stopwatch:
    """Seconds spent per stage, for receipts and benchmarks."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - began
