"""Answers of a DAVIS model at its own front end: mixture and queries in, waveforms out.

This is the published way of evaluation: one window at the model's rate, the generated magnitudes with the
phase of the mixture, the inverse transform clipped to -1..1. Where all sounds of a mixture are asked for, they
can also get phases of their own (`models/davis/phases.py`). The file job does neither (`infer.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.models.davis import Davis
from seehear.models.davis.frontend import resynthesise
from seehear.models.davis.phases import resynthesise_together
from seehear.tasks.separate.generate import estimate_magnitudes, shared_noise

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DavisAnswers:
    """A model with how it is run.

    Args:
        model: in eval mode.
        steps: network calls per query, 0 = those of its configuration.
        seed: of the noise that all answers share.
    """

    model: Davis
    steps: int = 0
    seed: int = 0

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def windows(self, mixtures: Tensor, frames: Tensor) -> Tensor:
        """Answers for whole windows, each sound on its own.

        Args:
            mixtures: [B, L] at the model's rate.
            frames: features [B, S, N, D] of what is asked for.

        Returns:
            float32 [B, S, hop * (columns - 1)] on the CPU: a little shorter than the window.
        """
        return self._with_mixture_phase(*self._draw(mixtures, frames))

    def windows_both_ways(self, mixtures: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Answers as `windows` gives them, and all together with phases of their own.

        Args: as in `windows`; all sounds of the mixtures have to be asked for.
        """
        made, spectrum = self._draw(mixtures, frames)
        joint = resynthesise_together(made, spectrum, self.model.config).float().cpu()
        return self._with_mixture_phase(made, spectrum), joint

    def _draw(self, mixtures: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """See `estimate_magnitudes`."""
        with torch.inference_mode():
            asked = frames.to(self.device)
            seen = self.model.look(asked.flatten(0, 1)).reshape(*asked.shape[:2], -1)
            noise = shared_noise(self.model, self.seed)
            heard = mixtures.to(self.device)
            return estimate_magnitudes(self.model, heard, seen, noise, self.steps or None)

    def _with_mixture_phase(self, made: Tensor, spectrum: Tensor) -> Tensor:
        phase = spectrum[:, None].expand_as(made)
        return resynthesise(made, phase, self.model.config).float().cpu()

    def answer(self, mixture: Tensor, queries: Tensor) -> Floats:
        """Answers [Q, T] to queries [Q, D] about a sum [T] of two sounds, of any length.

        The network is used to the mean of two sounds and gives them undivided. Windows meet without a
        cross-fade; the last one is filled up with silence.
        """
        config = self.model.config
        step = config.hop_length * (config.window_columns - 1)
        count = -(-len(mixture) // step)
        padded = torch.nn.functional.pad(0.5 * mixture, (0, count * step + config.num_samples))
        parts = [padded[n * step : n * step + config.num_samples] for n in range(count)]
        asked = queries[None, :, None].expand(count, -1, -1, -1)
        made = self.windows(torch.stack(parts), asked)  # [count, Q, step]
        whole = made.transpose(0, 1).flatten(1)[:, : len(mixture)]
        return np.asarray(whole.double().numpy())
