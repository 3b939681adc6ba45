"""Configurations of `train generate`: one dataclass per kind of model. No torch here.

TOML files in `configs/generate` name their `kind`; the tables below say which dataclass reads the rest and
which function trains.
"""

from __future__ import annotations

OPTIONS: dict[str, str] = {
    "denoiser": "seehear.tasks.generate.denoiser_options:DenoiserTraining",
}
"""Kind -> `module:name` of the dataclass."""

TRAINERS: dict[str, str] = {
    "denoiser": "seehear.tasks.generate.train_denoiser:train_denoiser",
}
"""Kind -> `module:name` of a function (configuration, progress) -> report."""
