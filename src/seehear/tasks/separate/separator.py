"""A loaded separation model with its query encoder: windows and queries in, masks out.

What a window gives is an array [Q, F + 4, N]: the masks of Q queries on the network's bands, one band
for everything above them (`dsp/masks.py`), then three rows per column (`POWERS`): the power given to
the query, the power given to it when all other known things are asked for too, and the mixture's. They
tell what is heard, without another pass over the sound. A network that is asked for something
absent gives it what is most like it; only among rivals does it let go.
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
POWERS = slice(-3, None)
"""Rows of a window's result with powers: given to the query, given among rivals, of the mixture."""
NUM_POWERS = 3
RIVAL_SIMILARITY = 0.25
"""A known thing that is more like a query than this is what is asked for, or part of it."""
PRESENT_SHARE = 0.02
"""A query counts as heard when in some second it gets more of the power than this among rivals.

Low, because silence in place of a faint sound is worse than a wrong guess: on 30 validation mixtures of two
sounds at equal loudness, 5 % of what was there fell below it, and 41 % of what was not.
"""
UNSURE_SHARE = 1e-3
"""The same for models that do not say which things they know: there are no rivals to ask for."""
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
    def known(self) -> tuple[str, ...]:
        """Things that the model was trained on, by its own account; none for random weights."""
        return tuple(self.checkpoint.meta.get("heard", ()))

    @property
    def present_share(self) -> float:
        """Share of a second's power above which a query counts as heard."""
        return PRESENT_SHARE if self.known else UNSURE_SHARE

    @property
    def classes(self) -> list[str]:
        """Things that may be listed: those the model was trained on, else all of the encoder."""
        return [name for name in self.known or self.encoder.classes if name != NO_THING]

    def class_vectors(self) -> Tensor:
        """Queries of `classes`, [classes, D]."""
        return self.encoder.encode_texts([name.replace("_", " ") for name in self.classes])

    def window_bytes(self, num_queries: int) -> int:
        """Size of a finished window on disk."""
        columns = self.plan.length // self.config.hop_length + 1
        return 4 * num_queries * (len(self.centres_hz) + NUM_POWERS) * columns

    def rivals(self, queries: Tensor) -> Tensor:
        """Vectors of known things that none of the queries [Q, D] is about, [R, D]."""
        if not self.known:
            return queries[:0]
        vectors = self.class_vectors()
        likeness = self.encoder.similarity(vectors[:, None], queries[None])  # [K, Q]
        return vectors[likeness.amax(dim=1) < RIVAL_SIMILARITY]

    def run_windows(self, waveforms: Sequence[Window], queries: Tensor) -> list[Window]:
        """Ask for all queries together in a batch of windows of one length.

        Args:
            waveforms: float32 [L] each, at the network's rate.
            queries: [Q, D].

        Returns:
            Per window float32 [Q, F + 4, N], see above.
        """
        heard = torch.from_numpy(np.stack(waveforms)).to(self.runtime.device)
        queries = queries.to(self.runtime.device)
        rivals = self.rivals(queries)
        module: Any = self.checkpoint.module
        with self.runtime.inference():
            power = module.band_power(heard).float()  # [B, F, N]
            masks = self._masks(power, queries)
            taken = (masks * power[:, None]).sum(dim=2, keepdim=True)
            among = taken
            if len(rivals):
                shared = self._masks(power, torch.cat([queries, rivals]))[:, : len(queries)]
                among = (shared * power[:, None]).sum(dim=2, keepdim=True)
            total = power.sum(dim=1)[:, None, None].expand_as(taken)
            extended = with_upper_band(masks, power[:, None], module.band_centres_hz)
            rows = torch.cat([extended, taken, among, total], dim=2)
        return list(rows.cpu().numpy())

    def _masks(self, power: Tensor, queries: Tensor) -> Tensor:
        """Masks for band power [B, F, N] and queries [Q, D], without the residual's."""
        module: Any = self.checkpoint.module
        asked = queries.expand(len(power), -1, -1)
        present = torch.ones(asked.shape[:2], dtype=torch.bool, device=power.device)
        return module.masks(power, asked, present)[:, :-1].float()

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
