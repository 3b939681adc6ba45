"""Configurations of `train generate`: one dataclass per kind of model. No torch here.

TOML files in `configs/generate` name their `kind`; the tables below say which dataclass reads the rest and
which function trains.
"""

from __future__ import annotations

OPTIONS: dict[str, str] = {
    "cavp": "seehear.tasks.generate.cavp_options:CAVPTrainConfig",
    "quick_cavp": "seehear.tasks.generate.cavp_options:CAVPTrainConfig",
    "melvae": "seehear.tasks.generate.codec_options:VAETrainConfig",
    "melwave": "seehear.tasks.generate.codec_options:VocoderTrainConfig",
    "bigvgan": "seehear.tasks.generate.codec_options:VocoderTrainConfig",
    "denoiser": "seehear.tasks.generate.denoiser_options:DenoiserTraining",
}
"""Kind -> `module:name` of the dataclass."""

TRAINERS: dict[str, str] = {
    "cavp": "seehear.tasks.generate.train_cavp:train_cavp",
    "quick_cavp": "seehear.tasks.generate.train_cavp:train_cavp",
    "melvae": "seehear.tasks.generate.train_vae:train_vae",
    "melwave": "seehear.tasks.generate.train_vocoder:train_vocoder",
    "bigvgan": "seehear.tasks.generate.train_vocoder:train_vocoder",
    "denoiser": "seehear.tasks.generate.train_denoiser:train_denoiser",
}
"""Kind -> `module:name` of a function (configuration, progress) -> report."""
