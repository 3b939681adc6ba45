"""Table of models: name in a checkpoint -> configuration class, module class, tiny variant.

Models are named by paper (or, for our own, by what they compute). Everything here is a string until
it is asked for, so importing this table costs nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seehear.config import from_dict
from seehear.errors import ModelError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ModelEntry:
    """Where the parts of one model are, each as `module:name`.

    Args:
        config: frozen dataclass with the published values as defaults.
        model: `nn.Module` whose only constructor argument is that dataclass (kept as `.config`).
        tiny: function without arguments that returns a small seeded model for tests.
        variants: further ones by name.
    """

    config: str
    model: str
    tiny: str
    variants: Mapping[str, str] = field(default_factory=dict)


MODELS: dict[str, ModelEntry] = {
    "visah": ModelEntry(
        "seehear.models.visah:VisAHConfig",
        "seehear.models.visah:VisAH",
        "seehear.models.visah:tiny_visah",
    ),
    "bandgain": ModelEntry(
        "seehear.models.bandgain:BandGainConfig",
        "seehear.models.bandgain:BandGain",
        "seehear.models.bandgain:tiny_bandgain",
    ),
    "glance": ModelEntry(
        "seehear.models.glance:GlanceConfig",
        "seehear.models.glance:Glance",
        "seehear.models.glance:tiny_glance",
    ),
    "bandmask": ModelEntry(
        "seehear.models.bandmask:BandMaskConfig",
        "seehear.models.bandmask:BandMask",
        "seehear.models.bandmask:tiny_bandmask",
    ),
    "concepts": ModelEntry(
        "seehear.models.concepts:ConceptsConfig",
        "seehear.models.concepts:Concepts",
        "seehear.models.concepts:tiny_concepts",
    ),
    "bearings": ModelEntry(
        "seehear.models.bearings:BearingsConfig",
        "seehear.models.bearings:Bearings",
        "seehear.models.bearings:tiny_bearings",
    ),
    "davis": ModelEntry(
        "seehear.models.davis:DavisConfig",
        "seehear.models.davis:Davis",
        "seehear.models.davis:tiny_davis",
        {"diffusion": "seehear.models.davis:tiny_diffusion"},
    ),
    "mono2binaural": ModelEntry(
        "seehear.models.pseudobinaural:Mono2BinauralConfig",
        "seehear.models.pseudobinaural:Mono2Binaural",
        "seehear.models.pseudobinaural:tiny_mono2binaural",
    ),
    "apnet": ModelEntry(
        "seehear.models.pseudobinaural:APNetConfig",
        "seehear.models.pseudobinaural:APNet",
        "seehear.models.pseudobinaural:tiny_apnet",
    ),
    "bigvgan": ModelEntry(
        "seehear.models.visualaudio.bigvgan:BigVGANConfig",
        "seehear.models.visualaudio.bigvgan:BigVGAN",
        "seehear.models.visualaudio.bigvgan:tiny_bigvgan",
    ),
    "melwave": ModelEntry(
        "seehear.models.visualaudio.spectral_vocoder:MelWaveConfig",
        "seehear.models.visualaudio.spectral_vocoder:MelWave",
        "seehear.models.visualaudio.spectral_vocoder:tiny_melwave",
    ),
    "melvae": ModelEntry(
        "seehear.models.visualaudio.vae:MelVAEConfig",
        "seehear.models.visualaudio.vae:MelVAE",
        "seehear.models.visualaudio.vae:tiny_vae",
    ),
    "denoiser": ModelEntry(
        "seehear.models.visualaudio.denoiser:DenoiserConfig",
        "seehear.models.visualaudio.denoiser:Denoiser",
        "seehear.models.visualaudio.denoiser:tiny_denoiser",
    ),
    "cavp": ModelEntry(
        "seehear.models.visualaudio.cavp:CAVPConfig",
        "seehear.models.visualaudio.cavp:CAVP",
        "seehear.models.visualaudio.cavp:tiny_cavp",
    ),
    "quick_cavp": ModelEntry(
        "seehear.models.visualaudio.quick_cavp:QuickCAVPConfig",
        "seehear.models.visualaudio.quick_cavp:QuickCAVP",
        "seehear.models.visualaudio.quick_cavp:tiny_quick_cavp",
    ),
}


def entry(name: str) -> ModelEntry:
    """Look up a model by name.

    Raises:
        ModelError: no such model; the message lists the known ones.
    """
    if name not in MODELS:
        raise ModelError(f"no model is called {name!r}; known: {', '.join(sorted(MODELS))}")
    return MODELS[name]


def build_config(name: str, values: Mapping[str, Any]) -> Any:
    """Configuration dataclass of a model from plain values (strict)."""
    return from_dict(_load(entry(name).config), values, where=f"config of {name}")


def build_model(name: str, config: Any) -> nn.Module:
    """Construct a model with freshly initialised weights."""
    module: nn.Module = _load(entry(name).model)(config)
    return module


def build_tiny(name: str) -> nn.Module:
    """Construct the small seeded variant of a model that tests and dry runs use.

    Args:
        name: of the model; with a colon and the name of a variant, another one.
    """
    model, _, variant = name.partition(":")
    row = entry(model)
    if variant and variant not in row.variants:
        raise ModelError(f"{model} has no tiny variant called {variant!r}")
    module: nn.Module = _load(row.variants[variant] if variant else row.tiny)()
    return module


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
