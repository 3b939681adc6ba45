"""Networks that draw the spectrogram of each wanted sound in steps: DAVIS and DAVIS-Flow.

Every query of a window is drawn from the same noise, and the noise belongs to the sound's clock: two
windows see the same where they overlap. What is drawn are magnitudes on the network's log-frequency
rows; their ratios to the mixture's there, made to add up to at most one, are the masks. Ratios rather
than the magnitudes themselves: the warp's losses are in both and cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seehear.checkpoint import Checkpoint
from seehear.dsp.bands import expansion
from seehear.dsp.logfreq import expand, warped_positions
from seehear.dsp.masks import ratio_masks, upper_centres
from seehear.dsp.window import WindowPlan
from seehear.errors import UsageError
from seehear.models.davis import Davis
from seehear.models.davis.fast import faster
from seehear.models.davis.frontend import Picture, picture_of
from seehear.runtime import Runtime
from seehear.sampling.gaussian import STEPS
from seehear.tasks.separate.generate import ClockNoise, Network, draw_queries
from seehear.tasks.separate.listener import join_rows

FADES = 12
"""A window is this many cross-fades long, and twice as many margins."""
GPU_BATCH = 4
MAX_PROBES = 2
MAX_ASKED = 8
SOURCES = 2
"""Of a mixture in training, which is their mean: what is drawn is this many times too loud."""
MAX_FLOW_STEPS = 1000


@dataclass(frozen=True)
class DrawingListener:
    """A DAVIS model.

    Args:
        module: the network.
        network: the same function, arranged for the device.
        runtime: device and number format.
        steps: network calls per query.
        seed: of the noise.
    """

    module: Davis
    network: Network
    runtime: Runtime
    steps: int
    seed: int
    # Asking for everything known would cost as many times more.
    takes_rivals: bool = False
    max_probes: int = MAX_PROBES
    max_asked: int | None = MAX_ASKED

    @property
    def plan(self) -> WindowPlan:
        """Windows whose transform has the columns that the network was trained with."""
        config = self.module.config
        grid, columns = config.hop_length, config.window_columns - 1
        fade, margin = max(columns // FADES, 1), max(columns // (2 * FADES), 1)
        return WindowPlan(columns * grid, fade * grid, margin * grid, grid)

    @cached_property
    def rows_hz(self) -> Tensor:
        """Frequencies of the picture's rows, float64 [F]."""
        config = self.module.config
        rows = warped_positions(config.rows, config.bins)
        return rows * (config.sample_rate / config.n_fft)

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """See `Listener`."""
        return upper_centres(self.rows_hz.numpy())

    @property
    def batch_size(self) -> int:
        """One window on the CPU, where a kill should cost one window."""
        return GPU_BATCH if self.runtime.device.type == "cuda" else 1

    @property
    def facts(self) -> dict[str, Any]:
        """See `Listener`."""
        return {"process": self.module.config.process, "steps": self.steps}

    def listen(
        self, heard: Tensor, starts: Sequence[int], queries: Tensor, rivals: Tensor
    ) -> Tensor:
        """See `Listener`."""
        columns = 1 + heard.shape[1] // self.plan.grid
        # A short sound is heard in a whole window: the network knows one length.
        whole = functional.pad(heard, (0, max(self.plan.length - heard.shape[1], 0)))
        with torch.autocast(heard.device.type, enabled=False):
            seen = self.module.look(queries.float()[:, None])  # [Q, D]
            picture = picture_of(whole, self.module.config)
        drawn = draw_queries(
            self.module,
            picture.compressed,
            seen.expand(len(heard), -1, -1),
            self.noise.at(starts),
            self.steps,
            network=self.network,
        )
        with torch.autocast(heard.device.type, enabled=False):
            rows = self._rows(drawn.float(), picture)
        return rows[..., :columns]

    @cached_property
    def noise(self) -> ClockNoise:
        """The same for windows that overlap: it repeats from one window to the next."""
        config = self.module.config
        # Columns of the picture per column of the transform.
        step = (config.columns - 1) / (config.window_columns - 1)
        period = round(self.plan.hop / self.plan.grid * step)
        shape = (config.rows, config.columns)
        return ClockNoise(self.seed, shape, period, self.plan.hop, self.runtime.device)

    def _rows(self, drawn: Tensor, picture: Picture) -> Tensor:
        """Pictures [B, Q, F, T] of the queries -> rows of masks and powers."""
        sigma = self.module.config.sigma
        magnitudes = expand(drawn, sigma) / SOURCES
        mixture = expand(picture.compressed[:, 0], sigma)  # [B, F, T]
        pairs = zip(magnitudes, mixture, strict=True)
        masks = torch.stack([ratio_masks(made, whole) for made, whole in pairs])
        size = (masks.shape[2], picture.spectrum.shape[-1])
        if masks.shape[3] != size[1]:
            masks = functional.interpolate(masks, size, mode="bilinear", align_corners=True)
        return join_rows(masks, self._power(picture.spectrum), None, self.rows_hz.to(masks))

    def _power(self, spectrum: Tensor) -> Tensor:
        """Power of the mixture per row: complex [B, bins, N] -> [B, F, N]."""
        config = self.module.config
        power = torch.view_as_real(spectrum * (4.0 / config.n_fft)).square().sum(-1)
        gather = expansion(self.rows_hz, config.n_fft, config.sample_rate).T
        return gather.to(power) @ power


def load_drawing(
    checkpoint: Checkpoint, runtime: Runtime, steps: int | None, seed: int
) -> DrawingListener:
    """The listener of a checkpoint.

    Raises:
        UsageError: more steps than the process has.
    """
    module: Any = checkpoint.module
    most = MAX_FLOW_STEPS if module.config.process == "flow" else STEPS
    count = module.config.steps if steps is None else steps
    if count > most:
        raise UsageError(f"--steps must be at most {most} for {checkpoint.meta['id']}, not {count}")
    network = faster(module, runtime.autocast_dtype or torch.float32)
    return DrawingListener(module, network, runtime, count, seed)
