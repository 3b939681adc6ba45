"""Models under test, asked about mixtures of sounds by vectors of words and pictures.

`published`: at the model's own rate; DAVIS window by window with the phase of the mixture, a band-mask
network with its masked mixture. `full`: at the mixtures' rate, through the whole of the file job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear import registry
from seehear.checkpoint import Checkpoint
from seehear.dsp.resample import resample
from seehear.errors import ModelError, UsageError
from seehear.features.concepts import ConceptEncoder, load_query_encoder
from seehear.features.sight import load_sight
from seehear.models.bandmask import BandMask
from seehear.models.davis import Davis
from seehear.runtime import Runtime
from seehear.tasks.separate.analyse import largest_shares, per_second
from seehear.tasks.separate.davis_answers import DavisAnswers
from seehear.tasks.separate.evaluate_options import EvaluateOptions
from seehear.tasks.separate.separator import load_separator
from seehear.types import Audio

Floats = NDArray[np.float64]


class MixAsker(Protocol):
    """A model under test."""

    @property
    def encoder(self) -> ConceptEncoder:
        """Makes its queries."""

    @property
    def sample_rate(self) -> int:
        """At which it is asked and scored, Hz."""

    @property
    def known(self) -> tuple[str, ...]:
        """Classes that the model was trained on, by its own account; none where it does not say."""

    def answer(self, mixture: Tensor, queries: Tensor) -> Floats:
        """Estimates [Q, T] for queries [Q, D] about a sum [T] of sounds, asked one by one."""

    def answer_together(self, mixture: Tensor, queries: Tensor) -> Floats:
        """Estimates [Q, T] for queries [Q, D], asked at once."""

    def shares(self, mixture: Tensor) -> Floats:
        """Largest share of the power of a second that each known class gets, [known]."""


@dataclass(frozen=True)
class MaskAsker:
    """A band-mask network at its own rate.

    Args:
        model: the network.
        encoder: makes its queries.
        known: see `MixAsker`.
    """

    model: BandMask
    encoder: ConceptEncoder
    known: tuple[str, ...] = ()

    @property
    def sample_rate(self) -> int:
        """See `MixAsker`."""
        return self.model.config.sample_rate

    def answer(self, mixture: Tensor, queries: Tensor) -> Floats:
        """See `MixAsker`."""
        return self._estimates(mixture.expand(len(queries), -1), queries[:, None])[:, 0]

    def answer_together(self, mixture: Tensor, queries: Tensor) -> Floats:
        """See `MixAsker`."""
        return self._estimates(mixture[None], queries[None])[0]

    def shares(self, mixture: Tensor) -> Floats:
        """See `MixAsker`."""
        names = [name.replace("_", " ") for name in self.known]
        if not names:
            return np.zeros(0)
        queries = self.encoder.encode_texts(names)[None].to(self._device)
        mask = torch.ones(queries.shape[:2], dtype=torch.bool, device=self._device)
        with torch.inference_mode():
            power = self.model.band_power(mixture[None].to(self._device)).float()  # [1, F, N]
            taken = (self.model.masks(power, queries, mask)[0, :-1] * power).sum(1)  # [K, N]
        rate = self.model.config.sample_rate / self.model.config.hop_length
        return largest_shares(
            per_second(taken.cpu().numpy(), rate), per_second(power[0].sum(0).cpu().numpy(), rate)
        )

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _estimates(self, mixtures: Tensor, queries: Tensor) -> Floats:
        """[B, T] and [B, Q, D] -> [B, Q, T]."""
        mask = torch.ones(queries.shape[:2], dtype=torch.bool, device=self._device)
        with torch.inference_mode():
            made = self.model.estimates(mixtures.to(self._device), queries.to(self._device), mask)[
                :, : queries.shape[1]
            ]
        return np.asarray(made.double().cpu().numpy())


@dataclass(frozen=True)
class DrawAsker:
    """A DAVIS model at its own rate.

    Args:
        model: the network with steps and seed.
        encoder: makes its queries.
        known: nothing; asking for everything known would cost as many times more.
    """

    model: DavisAnswers
    encoder: ConceptEncoder
    known: tuple[str, ...] = ()

    @property
    def sample_rate(self) -> int:
        """See `MixAsker`."""
        return self.model.model.config.sample_rate

    def answer(self, mixture: Tensor, queries: Tensor) -> Floats:
        """See `MixAsker`."""
        return self.model.answer(mixture, queries)

    def answer_together(self, mixture: Tensor, queries: Tensor) -> Floats:
        """The same: each sound is drawn on its own."""
        return self.answer(mixture, queries)

    def shares(self, mixture: Tensor) -> Floats:
        """Nothing is listened for."""
        return np.zeros(0)


@dataclass(frozen=True)
class JobAsker:
    """Any model through the file job.

    Args:
        separator: a `Separator`.
        inner: the same model at its own rate, for `shares`.
        sample_rate: of the mixtures, Hz.
    """

    separator: Any
    inner: MixAsker
    sample_rate: int

    @property
    def encoder(self) -> ConceptEncoder:
        """See `MixAsker`."""
        return self.inner.encoder

    @property
    def known(self) -> tuple[str, ...]:
        """See `MixAsker`."""
        return self.inner.known

    def answer(self, mixture: Tensor, queries: Tensor) -> Floats:
        """See `MixAsker`."""
        return np.concatenate([self.answer_together(mixture, query[None]) for query in queries])

    def answer_together(self, mixture: Tensor, queries: Tensor) -> Floats:
        """See `MixAsker`."""
        audio = Audio(mixture[None].float(), self.sample_rate)
        made: Tensor = self.separator.run(audio, queries)[: len(queries), 0]
        return np.asarray(made.double().numpy())

    def shares(self, mixture: Tensor) -> Floats:
        """See `MixAsker`."""
        return self.inner.shares(resample(mixture, self.sample_rate, self.inner.sample_rate))


def load_mix_asker(
    options: EvaluateOptions, runtime: Runtime, sample_rate: int
) -> tuple[MixAsker, Checkpoint]:
    """Model under test by the chosen protocol, with what is known about it.

    Args:
        options: of the evaluation.
        runtime: where the model runs.
        sample_rate: of the mixtures.

    Raises:
        ModelError: unknown model, one of another task, or one that knows no words.
        UsageError: steps for a model that draws nothing, or options for pairs.
    """
    if options.frames or options.words:
        raise UsageError(
            "--frames and --words are for pairs of clips; these mixtures have one picture a sound and "
            "are asked for by word anyway"
        )
    loaded = registry.load(options.model, "separate")
    module: Any = loaded.module.to(runtime.device)
    own = _at_own_rate(options, loaded, module, runtime)
    if options.protocol == "published":
        return own, loaded
    separator = load_separator(
        options.model, runtime, steps=options.steps or None, seed=options.seed
    )
    return JobAsker(separator, own, sample_rate), loaded


def _at_own_rate(
    options: EvaluateOptions, loaded: Checkpoint, module: Any, runtime: Runtime
) -> MixAsker:
    if isinstance(module, Davis):
        if module.config.frame_encoder.startswith("resnet:"):
            raise ModelError(
                f"{options.model} knows pictures only, and mixtures are asked for by word too; "
                f"evaluate it on pairs of clips (pairs-test.jsonl)"
            )
        answers = DavisAnswers(module, options.steps, options.seed)
        return DrawAsker(answers, load_sight(module.config.frame_encoder, runtime))
    if isinstance(module, BandMask):
        if options.steps:
            raise UsageError(f"--steps is for models that draw; {options.model} does not")
        encoder = load_query_encoder(module.config.query_encoder)
        return MaskAsker(module, encoder, tuple(loaded.meta.get("heard", ())))
    raise ModelError(f"{options.model} is a {loaded.name}, not a model that separates")
