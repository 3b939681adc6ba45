"""A loaded network that says from which direction each band comes (`models/bearings.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.checkpoint import Checkpoint
from seehear.dsp.masks import upper_centres, with_upper_band
from seehear.dsp.segments import Segment
from seehear.dsp.window import WindowPlan
from seehear.features.concepts import ConceptEncoder, load_query_encoder
from seehear.features.places import detailed_maps
from seehear.runtime import Runtime
from seehear.tasks.spatialize.engine import Kept, keep_shares
from seehear.tasks.spatialize.looking import Sight, frame_numbers

FADE_S = 0.5
MARGIN_S = 0.25
GPU_BATCH = 8


@dataclass(frozen=True)
class BearingsEngine:
    """See `engine.ShareEngine`.

    Args:
        checkpoint: the network with what is known about it.
        runtime: device and number format.
        encoder: of frames.
    """

    checkpoint: Checkpoint
    runtime: Runtime
    encoder: ConceptEncoder

    @property
    def _config(self) -> Any:
        return self.checkpoint.module.config

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return int(self._config.sample_rate)

    @property
    def plan(self) -> WindowPlan:
        """Windows of the network's length with a cross-fade of 0.5 s and margins of 0.25 s."""
        grid = int(self._config.hop_length)
        return WindowPlan(
            length=_multiple(self._config.window_s * self.sample_rate, grid),
            fade=_multiple(FADE_S * self.sample_rate, grid),
            margin=_multiple(MARGIN_S * self.sample_rate, grid),
            grid=grid,
        )

    @property
    def batch_size(self) -> int:
        """One on the CPU, where a kill should cost one window."""
        return GPU_BATCH if self.runtime.device.type == "cuda" else 1

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width, height."""
        return int(self._config.frame_width), int(self._config.frame_height)

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return float(self._config.frame_rate)

    @property
    def columns_per_s(self) -> float:
        """Columns per second."""
        return float(self.sample_rate / self._config.hop_length)

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """Bands of the network and the one above."""
        module: Any = self.checkpoint.module
        return upper_centres(module.band_centres_hz.double().cpu().numpy())

    @property
    def positions(self) -> NDArray[np.float64]:
        """Directions across the picture."""
        module: Any = self.checkpoint.module
        return np.asarray(module.positions.double().cpu().numpy())

    def encode(self, frames: Tensor) -> Tensor:
        """Maps of frames where there is something to be seen, [N, D, h, w]."""
        return detailed_maps(self.encoder, frames)

    def run(self, segments: Sequence[Segment], sight: Sight) -> list[Kept]:
        """Shares of a batch of windows; see `engine.ShareEngine`."""
        waveforms = [segment.waveform for segment in segments if segment.waveform is not None]
        maps, times, seen = self._views([segment.span for segment in segments], sight)
        device = self.runtime.device
        heard = torch.from_numpy(np.stack(waveforms)).to(device)
        module: Any = self.checkpoint.module
        with self.runtime.inference():
            shares = module.shares(heard, maps.to(device), times.to(device), seen.to(device))
            power = module.band_power(heard).float()[:, None]  # [B, 1, F, N]
            extended = with_upper_band(shares.float(), power, module.band_centres_hz)
        return [keep_shares(window) for window in extended.cpu().numpy()]

    def _views(
        self, spans: Sequence[tuple[int, int]], sight: Sight
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Maps [B, S, D, h, w], seconds [B, S] from each window's start, which are there [B, S]."""
        numbers = [frame_numbers(span, self.sample_rate, self.frame_rate) for span in spans]
        together = sight.of(range(numbers[0][0], max(n[-1] for n in numbers) + 1))
        longest = max(map(len, numbers))
        maps = together.new_zeros(len(spans), longest, *together.shape[1:])
        times = torch.zeros(len(spans), longest)
        seen = torch.zeros(len(spans), longest, dtype=torch.bool)
        for row, (span, each) in enumerate(zip(spans, numbers, strict=True)):
            count, first = len(each), each[0] - numbers[0][0]
            maps[row, :count] = together[first : first + count]
            begin_s = span[0] / self.sample_rate
            times[row, :count] = torch.tensor([k / self.frame_rate - begin_s for k in each])
            seen[row, :count] = True
        return maps, times, seen

    def window_bytes(self) -> int:
        """Size of a finished window on disk."""
        columns = self.plan.length // self._config.hop_length + 1
        return int((len(self.positions) + 1) * len(self.centres_hz) * columns)

    def describe(self) -> dict[str, Any]:
        """Model and encoder for the receipt."""
        return {
            "id": self.checkpoint.meta["id"],
            "sha256": self.checkpoint.sha256,
            "licence": self.checkpoint.meta["licence"],
            "frame_encoder": {
                "id": self.encoder.id,
                "sha256": self.encoder.sha256,
                "licence": self.encoder.licence,
            },
        }


def load_bearings(checkpoint: Checkpoint, runtime: Runtime) -> BearingsEngine:
    """Make a loaded network ready, with the encoder that its configuration names."""
    module: Any = checkpoint.module
    encoder = load_query_encoder(module.config.frame_encoder)
    module.to(runtime.device)
    return BearingsEngine(checkpoint, runtime, encoder)


def _multiple(samples: float, grid: int) -> int:
    return max(round(samples / grid), 1) * grid
