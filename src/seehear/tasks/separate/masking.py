"""Networks that give masks at once: one pass for all queries, one more with rivals for who is heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.checkpoint import Checkpoint
from seehear.dsp.masks import upper_centres
from seehear.dsp.window import WindowPlan
from seehear.errors import UsageError
from seehear.runtime import Runtime
from seehear.tasks.separate.listener import join_rows

FADE_S = 1.0
MARGIN_S = 0.25
GPU_BATCH = 8
MAX_PROBES = 60


@dataclass(frozen=True)
class MaskListener:
    """A band-mask network.

    Args:
        module: the network.
        runtime: device and number format.
    """

    module: Any
    runtime: Runtime
    takes_rivals: bool = True
    max_probes: int = MAX_PROBES
    max_asked: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def plan(self) -> WindowPlan:
        """Windows of the network's length with a cross-fade of 1 s and margins of 0.25 s."""
        config = self.module.config
        grid, rate = int(config.hop_length), config.sample_rate
        return WindowPlan(
            length=_multiple(config.window_s * rate, grid),
            fade=_multiple(FADE_S * rate, grid),
            margin=_multiple(MARGIN_S * rate, grid),
            grid=grid,
        )

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """See `Listener`."""
        return upper_centres(self.module.band_centres_hz.double().cpu().numpy())

    @property
    def batch_size(self) -> int:
        """One window on the CPU, where a kill should cost one window."""
        return GPU_BATCH if self.runtime.device.type == "cuda" else 1

    def listen(
        self, heard: Tensor, starts: Sequence[int], queries: Tensor, rivals: Tensor
    ) -> Tensor:
        """See `Listener`."""
        power = self.module.band_power(heard).float()  # [B, F, N]
        masks = self._masks(power, queries)
        among = None
        if len(rivals):
            shared = self._masks(power, torch.cat([queries, rivals]))[:, : len(queries)]
            among = (shared * power[:, None]).sum(dim=2)
        return join_rows(masks, power, among, self.module.band_centres_hz)

    def _masks(self, power: Tensor, queries: Tensor) -> Tensor:
        """Masks for band power [B, F, N] and queries [Q, D], without the residual's."""
        asked = queries.expand(len(power), -1, -1)
        present = torch.ones(asked.shape[:2], dtype=torch.bool, device=power.device)
        masks: Tensor = self.module.masks(power, asked, present)
        return masks[:, :-1].float()


def load_masking(
    checkpoint: Checkpoint, runtime: Runtime, steps: int | None, seed: int
) -> MaskListener:
    """The listener of a checkpoint.

    Raises:
        UsageError: a number of steps was given.
    """
    if steps is not None:
        raise UsageError(
            f"--steps is for models that draw sounds in steps, which {checkpoint.meta['id']} does "
            "not; leave it out or choose a DAVIS model"
        )
    return MaskListener(checkpoint.module, runtime)


def _multiple(samples: float, grid: int) -> int:
    return max(round(samples / grid), 1) * grid
