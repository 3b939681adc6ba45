"""Models under test, asked about pairs of clips by the frames of each.

`published`: one window from the middle of each clip, at the model's own rate. DAVIS answers with generated
magnitudes and the phase of the mixture (`alone`, as published), or with phases found for all sounds together
(`joint`); a band-mask network with its masked mixture.
`full`: the same seconds at the clips' own rate, through the whole of the file job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from seehear import registry
from seehear.checkpoint import Checkpoint
from seehear.data.thing_clips import ClipSource
from seehear.data.thing_manifest import ThingClip
from seehear.dsp.resample import resample
from seehear.errors import ModelError, UsageError
from seehear.features.concepts import ConceptEncoder, load_query_encoder
from seehear.features.sight import load_sight
from seehear.models.bandmask import BandMask
from seehear.models.davis import Davis
from seehear.runtime import Runtime
from seehear.tasks.separate.davis_answers import DavisAnswers
from seehear.tasks.separate.davis_data import cut_window
from seehear.tasks.separate.evaluate_options import EvaluateOptions
from seehear.tasks.separate.separator import Separator, load_separator
from seehear.types import Audio

Floats = NDArray[np.float64]
WINDOW_S = 65535 / 11025
"""Length of a mixture for models without a window of their own: that of MUSIC."""


@dataclass(frozen=True)
class Window:
    """What is cut out of a clip.

    Args:
        sample_rate: Hz.
        num_samples: samples.
    """

    sample_rate: int
    num_samples: int

    @property
    def window_s(self) -> float:
        """Seconds."""
        return self.num_samples / self.sample_rate


@dataclass(frozen=True)
class Heard:
    """A mixture with its sounds.

    Args:
        stems: float32 [S, L].
        sample_rate: Hz.
    """

    stems: Tensor
    sample_rate: int

    @property
    def mixture(self) -> Tensor:
        """Mean of the sounds, [L]."""
        return self.stems.mean(0)


class PairAsker(Protocol):
    """A model under test."""

    @property
    def checkpoint(self) -> Checkpoint:
        """The model with what is known about it."""

    @property
    def encoder(self) -> ConceptEncoder:
        """Encoder of frames."""

    @property
    def window_s(self) -> float:
        """Seconds of a mixture."""

    def cut(self, source: ClipSource, clips: list[ThingClip]) -> Heard:
        """The middle of each clip."""

    def answers(self, heard: Heard, frames: Tensor) -> dict[str, Floats]:
        """Estimates [S, L' <= L] by method, for features of frames [S, N, D]."""


@dataclass(frozen=True)
class DavisPairs:
    """A DAVIS model by the published protocol."""

    checkpoint: Checkpoint
    encoder: ConceptEncoder
    model: DavisAnswers

    @property
    def window_s(self) -> float:
        """See `PairAsker`."""
        return self.model.model.config.window_s

    def cut(self, source: ClipSource, clips: list[ThingClip]) -> Heard:
        """See `PairAsker`."""
        return _cut(source, clips, self.model.model.config)

    def answers(self, heard: Heard, frames: Tensor) -> dict[str, Floats]:
        """See `PairAsker`; with the phase of the mixture (`alone`, as published) or their own."""
        alone, joint = self.model.windows_both_ways(heard.mixture[None], frames[None])
        return {
            name: np.asarray(made[0].double().numpy())
            for name, made in (("alone", alone), ("joint", joint))
        }


@dataclass(frozen=True)
class MaskPairs:
    """A band-mask network at its own rate."""

    checkpoint: Checkpoint
    encoder: ConceptEncoder
    model: BandMask
    window_s: float = WINDOW_S

    def cut(self, source: ClipSource, clips: list[ThingClip]) -> Heard:
        """See `PairAsker`."""
        rate = self.model.config.sample_rate
        return _cut(source, clips, Window(rate, round(self.window_s * rate)))

    def answers(self, heard: Heard, frames: Tensor) -> dict[str, Floats]:
        """See `PairAsker`; asked one by one, and both at once."""
        queries = one_vector(frames)
        device = next(self.model.parameters()).device
        mixture, asked = heard.mixture[None].to(device), queries.to(device)
        one = torch.ones(len(asked), 1, dtype=torch.bool, device=device)
        with torch.inference_mode():
            alone = self.model.estimates(mixture.expand(len(asked), -1), asked[:, None], one)[:, 0]
            joint = self.model.estimates(mixture, asked[None], one.T)[0, : len(asked)]
        return {
            name: made.double().cpu().numpy() for name, made in (("alone", alone), ("joint", joint))
        }


@dataclass(frozen=True)
class JobPairs:
    """Any model through the file job."""

    separator: Separator
    window_s: float

    @property
    def checkpoint(self) -> Checkpoint:
        """See `PairAsker`."""
        return self.separator.checkpoint

    @property
    def encoder(self) -> ConceptEncoder:
        """See `PairAsker`."""
        return self.separator.encoder

    def cut(self, source: ClipSource, clips: list[ThingClip]) -> Heard:
        """See `PairAsker`; at the highest of the clips' rates."""
        parts = []
        for clip in clips:
            length = source.duration_s(clip)
            start_s = max((length - self.window_s) / 2, 0.0)
            parts.append(source.sound(clip, start_s, self.window_s))
        rate = max(part.sample_rate for part in parts)
        wanted = round(self.window_s * rate)
        stems = [resample(part.waveform, part.sample_rate, rate)[0] for part in parts]
        repeated = [np.resize(stem.numpy(), wanted) for stem in stems]
        return Heard(torch.from_numpy(np.stack(repeated)).clamp(-1.0, 1.0), rate)

    def answers(self, heard: Heard, frames: Tensor) -> dict[str, Floats]:
        """See `PairAsker`; asked one by one, and both at once."""
        audio = Audio(heard.mixture[None], heard.sample_rate)
        queries = one_vector(frames, unit=isinstance(self.checkpoint.module, BandMask))
        alone = [self.separator.run(audio, query[None])[0, 0] for query in queries]
        joint = self.separator.run(audio, queries)[: len(queries), 0]
        return {
            name: np.asarray(made.double().numpy())
            for name, made in (("alone", torch.stack(alone)), ("joint", joint))
        }


def one_vector(frames: Tensor, unit: bool = True) -> Tensor:
    """Mean of the frames of each sound: [S, N, D] -> [S, D], of length 1 if wanted."""
    mean = frames.mean(1)
    return functional.normalize(mean, dim=1) if unit else mean


def load_asker(options: EvaluateOptions, runtime: Runtime) -> PairAsker:
    """Model under test by the chosen protocol.

    Raises:
        ModelError: unknown model, or one of another task.
        UsageError: steps for a model that draws nothing.
    """
    if options.protocol == "full":
        separator = load_separator(
            options.model, runtime, steps=options.steps or None, seed=options.seed
        )
        return JobPairs(separator, _window_s(separator.config))
    loaded = registry.load(options.model, "separate")
    module: Any = loaded.module.to(runtime.device)
    if isinstance(module, Davis):
        encoder = load_sight(module.config.frame_encoder, runtime)
        return DavisPairs(loaded, encoder, DavisAnswers(module, options.steps, options.seed))
    if isinstance(module, BandMask):
        if options.steps:
            raise UsageError(f"--steps is for models that draw; {options.model} does not")
        return MaskPairs(loaded, load_query_encoder(module.config.query_encoder), module)
    raise ModelError(f"{options.model} is a {loaded.name}, not a model that separates")


def _window_s(config: Any) -> float:
    """Published windows belong to DAVIS; band-mask networks take any length."""
    return float(config.window_s) if hasattr(config, "num_samples") else WINDOW_S


def _cut(source: ClipSource, clips: list[ThingClip], window: Any) -> Heard:
    waves = [cut_window(source, clip, source.duration_s(clip) / 2, window) for clip in clips]
    return Heard(torch.from_numpy(np.stack(waves)), window.sample_rate)
