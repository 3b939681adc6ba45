"""A loaded separation model with its query encoder: windows and queries in, masks out.

What a window gives is an array [Q, F + 3, N]: the masks of Q queries on the network's bands, one band
for everything above them (`dsp/masks.py`), then per column the power given to the query and the
mixture's power. The last two rows tell what was heard, without another pass over the sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear import registry
from seehear.checkpoint import Checkpoint
from seehear.dsp.masks import upper_centres, with_upper_band
from seehear.dsp.window import WindowPlan
from seehear.errors import ModelError
from seehear.features.concepts import ConceptEncoder, load_query_encoder
from seehear.runtime import Runtime
from seehear.types import Audio

Window = NDArray[np.float32]
Kind = Literal["bands"]

KINDS: dict[str, Kind] = {"bandmask": "bands"}
FADE_S = 1.0
MARGIN_S = 0.25
GPU_BATCH = 8
EXTRA_ROWS = 3
# Classes of the encoder that are not things with a sound.
NO_THING = "background"


@dataclass(frozen=True)
class Separator:
    """A separation model, ready to run.

    Args:
        checkpoint: the network with what is known about it.
        runtime: device and number format.
        encoder: the space of its queries.
    """

    checkpoint: Checkpoint
    runtime: Runtime
    encoder: ConceptEncoder

    @property
    def config(self) -> Any:
        """Configuration of the network."""
        return self.checkpoint.module.config

    @property
    def sample_rate(self) -> int:
        """Rate at which the network hears, Hz."""
        return int(self.config.sample_rate)

    @property
    def columns_per_s(self) -> float:
        """Columns of the masks per second."""
        return float(self.sample_rate / self.config.hop_length)

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """Centres of the mask bands with the one above, [F + 1]."""
        module: Any = self.checkpoint.module
        return upper_centres(module.band_centres_hz.double().cpu().numpy())

    @property
    def plan(self) -> WindowPlan:
        """Windows of the network's length with a cross-fade of 1 s and margins of 0.25 s."""
        grid = int(self.config.hop_length)
        return WindowPlan(
            length=_multiple(self.config.window_s * self.sample_rate, grid),
            fade=_multiple(FADE_S * self.sample_rate, grid),
            margin=_multiple(MARGIN_S * self.sample_rate, grid),
            grid=grid,
        )

    @property
    def batch_size(self) -> int:
        """Windows per forward pass: one on the CPU, where a kill should cost one window."""
        return GPU_BATCH if self.runtime.device.type == "cuda" else 1

    @property
    def classes(self) -> list[str]:
        """Things that may be listed: those the model was trained on, else all of the encoder."""
        known = self.checkpoint.meta.get("heard") or self.encoder.classes
        return [name for name in known if name != NO_THING]

    def class_vectors(self) -> Tensor:
        """Queries of `classes`, [classes, D]."""
        return self.encoder.encode_texts([name.replace("_", " ") for name in self.classes])

    def window_bytes(self, num_queries: int) -> int:
        """Size of a finished window on disk."""
        columns = self.plan.length // self.config.hop_length + 1
        return 4 * num_queries * (len(self.centres_hz) + EXTRA_ROWS - 1) * columns

    def run_windows(self, waveforms: Sequence[Window], queries: Tensor) -> list[Window]:
        """Ask for all queries together in a batch of windows of one length.

        Args:
            waveforms: float32 [L] each, at the network's rate.
            queries: [Q, D].

        Returns:
            Per window float32 [Q, F + 3, N], see above.
        """
        heard = torch.from_numpy(np.stack(waveforms))
        return list(self.ask(heard, queries.expand(len(heard), -1, -1)))

    def ask(self, heard: Tensor, queries: Tensor) -> Window:
        """Masks and powers for a batch: [B, L] and [B, Q, D] -> [B, Q, F + 3, N]."""
        module: Any = self.checkpoint.module
        device = self.runtime.device
        heard, queries = heard.to(device), queries.to(device)
        present = torch.ones(queries.shape[:2], dtype=torch.bool, device=device)
        with self.runtime.inference():
            masks = module(heard, queries, present)[:, :-1].float()  # [B, Q, F, N]
            power = module.band_power(heard).float()[:, None]  # [B, 1, F, N]
            taken = (masks * power).sum(dim=2, keepdim=True)
            total = power.sum(dim=2, keepdim=True).expand_as(taken)
            extended = with_upper_band(masks, power, module.band_centres_hz)
            rows = torch.cat([extended, taken, total], dim=2)
        return rows.cpu().numpy()

    def describe(self) -> dict[str, Any]:
        """Model and encoder for the receipt: ids, hashes, licences."""
        return {
            "id": self.checkpoint.meta["id"],
            "sha256": self.checkpoint.sha256,
            "licence": self.checkpoint.meta["licence"],
            "query_encoder": {
                "id": self.encoder.id,
                "sha256": self.encoder.sha256,
                "licence": self.encoder.licence,
            },
        }

    def run(self, audio: Audio, queries: Tensor) -> Tensor:
        """Separate sound in memory; see `render.separate_audio`."""
        from seehear.tasks.separate.render import separate_audio

        return separate_audio(self, audio, queries)


def load_separator(model: str, runtime: Runtime) -> Separator:
    """Load a separation model and the encoder of its queries.

    Args:
        model: id or checkpoint folder.
        runtime: device and number format.

    Raises:
        ModelError: unknown model, or one of another task.
    """
    checkpoint = registry.load(model, "separate")
    if checkpoint.name not in KINDS:
        raise ModelError(f"{model} is a {checkpoint.name} model; separate needs one of its own")
    encoder = load_query_encoder(checkpoint.module.config.query_encoder)
    checkpoint.module.to(runtime.device)
    return Separator(checkpoint, runtime, encoder)


def _multiple(samples: float, grid: int) -> int:
    return max(round(samples / grid), 1) * grid
