"""What a network is told about the picture and the words beside the sound it hears.

Either part may be absent. Times are seconds from the start of the window that the network hears, so
a network can know *when* a frame is seen; the mask tells real rows (True) from padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Tokens:
    """A batch of feature sequences with times.

    Args:
        values: [B, N, D] float.
        times: [B, N] float, seconds from the window's start.
        mask: [B, N] bool, True where the row is real.
    """

    values: Tensor
    times: Tensor
    mask: Tensor

    def __post_init__(self) -> None:
        if (
            self.values.ndim != 3
            or not self.times.shape == self.mask.shape == self.values.shape[:2]
        ):
            raise ValueError(
                f"tokens need values [B, N, D] with times and mask [B, N], not "
                f"{tuple(self.values.shape)}, {tuple(self.times.shape)}, {tuple(self.mask.shape)}"
            )

    def to(self, device: torch.device) -> Tokens:
        """The same tokens on another device."""
        return Tokens(self.values.to(device), self.times.to(device), self.mask.to(device))


@dataclass(frozen=True)
class Context:
    """Picture and words of a batch of windows.

    Args:
        frames: features of frames, or None.
        captions: features of captions, or None.
    """

    frames: Tokens | None = None
    captions: Tokens | None = None

    def to(self, device: torch.device) -> Context:
        """The same context on another device."""
        return Context(
            self.frames.to(device) if self.frames else None,
            self.captions.to(device) if self.captions else None,
        )
