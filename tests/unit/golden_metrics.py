"""Inputs and expected numbers of the golden fixture `visah_metrics`, for losses and metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

FIXTURE = Path(__file__).resolve().parents[2].parent / "shared" / "golden" / "visah_metrics"
NUM_SAMPLES = 88200


def load() -> tuple[Tensor, Tensor, dict[str, Any]]:
    """Prediction and target [2, T] with the expected scalars; skips without the fixture."""
    if not FIXTURE.is_dir():
        pytest.skip("the golden fixture visah_metrics is not beside the repository")
    scalars = json.loads((FIXTURE / "spec.json").read_text())["scalars"]
    target = np.stack([_signal(951, 330), _signal(952, 880)]).astype(np.float32)
    noise = np.random.RandomState(953).standard_normal((1, NUM_SAMPLES))
    prediction = np.stack([0.5 * target[0] + 0.02 * noise[0], 2 * target[1]]).astype(np.float32)
    stored = np.load(FIXTURE / "io.npz")
    for made, name in ((target, "target_step8"), (prediction, "prediction_step8")):
        assert np.allclose(made[:, ::8], stored[name], atol=1e-7), f"{name} is not reproduced"
    return torch.from_numpy(prediction), torch.from_numpy(target), scalars


def _signal(seed: int, hz: float) -> np.ndarray[Any, Any]:
    t = np.arange(NUM_SAMPLES) / 44100
    random = np.random.RandomState(seed)
    gate = np.where(np.sin(2 * np.pi * 0.7 * t + 6 * random.uniform()) > -0.2, 1, 0)
    return gate * (0.2 * np.sin(2 * np.pi * hz * t) + 0.05 * random.standard_normal(NUM_SAMPLES))
