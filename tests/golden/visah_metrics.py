"""VisAH's training loss and its metrics MAG, ENV and W-dis on two recipes of two clips."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from seehear.losses import spectral_terms
from seehear.metrics.remix import (
    envelope_power,
    magnitude_distance,
    pooled_envelope_distance,
    wasserstein_distance,
)
from tests.golden.fixture import Array, Fixture, Produced, Request, Tolerance, as_array
from tests.golden.rules import float32

SAMPLES, RATE = 88200, 44100
# (seed, Hz) of the two target clips, and the seed of the noise in the first prediction.
TARGETS = ((951, 330), (952, 880))
NOISE_SEED = 953


def produce(request: Request) -> Produced:
    """Inputs by recipe, then every number for the batch and for each clip."""
    target, prediction = inputs(request.seed_offset)
    produced = Produced(
        arrays={
            "target_step8": as_array(target[:, ::8]),
            "prediction_step8": as_array(prediction[:, ::8]),
        }
    )
    produced.scalars["batch"] = scores(prediction, target)
    for clip in range(2):
        part = slice(clip, clip + 1)
        produced.scalars[f"item{clip}"] = scores(prediction[part], target[part])
    return produced


def inputs(offset: int) -> tuple[Tensor, Tensor]:
    """Target and prediction, [2, T] each."""
    target = float32(np.stack([signal(seed + offset, hertz) for seed, hertz in TARGETS]))
    noise = np.random.RandomState(NOISE_SEED + offset).standard_normal((1, SAMPLES))
    first = 0.5 * target[:1].numpy() + 0.02 * noise
    prediction = float32(np.concatenate([first, 2 * target[1:].numpy()]))
    return target, prediction


def signal(seed: int, hertz: float) -> Array:
    """A gated tone with noise."""
    t = np.arange(SAMPLES) / RATE
    rng = np.random.RandomState(seed)
    gate = np.sin(2 * np.pi * 0.7 * t + 6 * rng.uniform()) > -0.2
    tone = 0.2 * np.sin(2 * np.pi * hertz * t)
    return gate * (tone + 0.05 * rng.standard_normal(SAMPLES))


def scores(prediction: Tensor, target: Tensor) -> dict[str, float]:
    """The five numbers under the fixture's names."""
    terms = spectral_terms(prediction, target)
    powers = [float(power) for power in envelope_power(prediction, target)]
    return {
        "mr_stft_spectral_convergence_x0.1": float(terms.convergence),
        "mr_stft_log_magnitude_x0.1 (training loss)": float(terms.log_magnitude),
        "MAG": float(magnitude_distance(prediction, target).mean()),
        "ENV": pooled_envelope_distance(powers, pool=len(powers)),
        "W_dis": float(wasserstein_distance(prediction, target).mean()),
    }


def tolerance(_name: str) -> Tolerance:
    """After the spec: relative 1e-5."""
    return Tolerance(1e-5)


FIXTURE = Fixture(produce, tolerance)
