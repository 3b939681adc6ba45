"""A loaded separation model with its query encoder: windows and queries in, masks out.

What a window gives is an array [Q, F + 4, N]: the masks of Q queries on the network's bands, one band
for everything above them (`dsp/masks.py`), then three rows per column (`POWERS`): the power given to
the query, the power given to it when all other known things are asked for too, and the mixture's. They
tell what is heard, without another pass over the sound. A network that is asked for something
absent gives it what is most like it; only among rivals does it let go.

How a network comes to masks is the matter of its `Listener`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear import registry
from seehear.checkpoint import Checkpoint
from seehear.dsp.window import WindowPlan
from seehear.errors import ModelError
from seehear.features.concepts import ConceptEncoder, load_query_encoder
from seehear.features.sight import load_sight
from seehear.runtime import Runtime
from seehear.tasks.separate.drawing import load_drawing
from seehear.tasks.separate.listener import Listener
from seehear.tasks.separate.masking import load_masking
from seehear.types import Audio

Window = NDArray[np.float32]


class Kind(NamedTuple):
    """How models of one name are run.

    Args:
        encoder: (configuration, runtime) -> encoder of queries.
        load: (checkpoint, runtime, steps or None, seed) -> listener.
    """

    encoder: Callable[[Any, Runtime], ConceptEncoder]
    load: Callable[[Checkpoint, Runtime, int | None, int], Listener]


KINDS = {
    "bandmask": Kind(
        lambda config, runtime: load_query_encoder(config.query_encoder), load_masking
    ),
    "davis": Kind(lambda config, runtime: load_sight(config.frame_encoder, runtime), load_drawing),
}
POWERS = slice(-3, None)
"""Rows of a window's result with powers: given to the query, given among rivals, of the mixture."""
NUM_POWERS = 3
RIVAL_SIMILARITY = 0.25
"""A known thing that is more like a query than this is what is asked for, or part of it."""
PRESENT_SHARE = 0.02
"""A query counts as heard when in some second it gets more of the power than this among rivals.

Low, because silence in place of a faint sound is worse than a wrong guess: on 30 validation mixtures of two
sounds at equal loudness, nothing that was there fell below it, and half of what was not.
"""
UNSURE_SHARE = 1e-3
"""The same for models without rivals: those that do not say what they know, or are not asked for it."""
# Classes of the encoder that are not things with a sound.
NO_THING = "background"


@dataclass(frozen=True)
class Separator:
    """A separation model, ready to run.

    Args:
        checkpoint: the network with what is known about it.
        runtime: device and number format.
        encoder: the space of its queries.
        listener: runs the network.
    """

    checkpoint: Checkpoint
    runtime: Runtime
    encoder: ConceptEncoder
    listener: Listener

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
    def transform_s(self) -> float:
        """Length of the network's own transform, seconds."""
        return float(self.config.n_fft / self.sample_rate)

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """Centres of the mask bands with the one above, [F + 1]."""
        return self.listener.centres_hz

    @property
    def plan(self) -> WindowPlan:
        """Windows of the network's length."""
        return self.listener.plan

    @property
    def batch_size(self) -> int:
        """Windows per call of `run_windows`."""
        return self.listener.batch_size

    @property
    def max_probes(self) -> int:
        """Windows in which sources are looked for."""
        return self.listener.max_probes

    @property
    def known(self) -> tuple[str, ...]:
        """Things that the model was trained on, by its own account; none for random weights."""
        return tuple(self.checkpoint.meta.get("heard", ()))

    @property
    def present_share(self) -> float:
        """Share of a second's power above which a query counts as heard."""
        sure = self.known and self.listener.takes_rivals
        return PRESENT_SHARE if sure else UNSURE_SHARE

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
        if not self.known or not self.listener.takes_rivals:
            return queries[:0]
        vectors = self.class_vectors()
        likeness = self.encoder.similarity(vectors[:, None], queries[None])  # [K, Q]
        return vectors[likeness.amax(dim=1) < RIVAL_SIMILARITY]

    def run_windows(
        self, waveforms: Sequence[Window], queries: Tensor, starts: Sequence[int] | None = None
    ) -> list[Window]:
        """Ask for all queries together in a batch of windows of one length.

        Args:
            waveforms: float32 [L] each, at the network's rate.
            queries: [Q, D].
            starts: first sample of each window on the sound's clock; default 0.

        Returns:
            Per window float32 [Q, F + 4, N], see above.
        """
        heard = torch.from_numpy(np.stack(waveforms)).to(self.runtime.device)
        queries = queries.to(self.runtime.device)
        begun = [0] * len(heard) if starts is None else starts
        with self.runtime.inference():
            rows = self.listener.listen(heard, begun, queries, self.rivals(queries))
        return list(rows.float().cpu().numpy())

    def describe(self) -> dict[str, Any]:
        """Model and encoder for the receipt: ids, hashes, licences."""
        return {
            "id": self.checkpoint.meta["id"],
            "sha256": self.checkpoint.sha256,
            "licence": self.checkpoint.meta["licence"],
            **self.listener.facts,
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


def load_separator(
    model: str, runtime: Runtime, steps: int | None = None, seed: int = 0
) -> Separator:
    """Load a separation model and the encoder of its queries.

    Args:
        model: id or checkpoint folder.
        runtime: device and number format.
        steps: network calls per query, for models that draw; default the model's own.
        seed: of what such models draw from.

    Raises:
        ModelError: unknown model, or one of another task.
        UsageError: a number of steps that the model cannot take.
    """
    checkpoint = registry.load(model, "separate")
    if checkpoint.name not in KINDS:
        raise ModelError(f"{model} is a {checkpoint.name} model; separate needs one of its own")
    kind = KINDS[checkpoint.name]
    checkpoint.module.to(runtime.device)
    listener = kind.load(checkpoint, runtime, steps, seed)
    encoder = kind.encoder(checkpoint.module.config, runtime)
    return Separator(checkpoint, runtime, encoder, listener)
