"""BigVGAN and its mel front ends through the project's own converter and code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.checkpoint import load_checkpoint
from seehear.dsp.mel import log_mel
from seehear.models.visualaudio.antialias import TAPS, kaiser_sinc
from seehear.models.visualaudio.bigvgan import BigVGAN, released
from seehear.tasks.generate.import_bigvgan import import_bigvgan
from tests.golden.compare import Array, Produced, Tolerance
from tests.golden.recipe import Recipe
from tests.golden.visah import describe

SEEDS = {"snake": (601, 611), "snakebeta": (602, 612), "snakebeta_linear_rb2": (603, 613)}
"""Seeds of the spectrogram and of what the first activation gets."""
FRONT_ENDS = (
    "bigvgan_22khz_80band",
    "bigvgan_v2_22khz_80band_256x",
    "bigvgan_v2_24khz_100band_256x",
    "bigvgan_v2_44khz_128band_512x",
)
COLUMNS = 32
SILENT_FROM = 16384 - 3000


def bigvgan(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Generators of three small settings, one activation each, and the front ends."""
    resampler = kaiser_sinc(0.25, 0.3, TAPS).numpy()
    arrays: dict[str, Array] = {"resample_filter_up": resampler, "resample_filter_down": resampler}
    statistics: dict[str, Any] = {}
    for name, (seed, activation_seed) in SEEDS.items():
        model = imported(spec, recipe, name, folder)
        mel = torch.from_numpy(recipe.normal((1, 80, COLUMNS), seed, 2.0) - np.float32(5))
        with torch.inference_mode():
            wave, layers = _run(model, mel)
            both = model(torch.cat([mel, mel.flip(2)]))
            given = recipe.normal((1, model.config.channels // 2, 37), activation_seed)
            first = model.blocks[0].activations[0](torch.from_numpy(given))  # type: ignore[index,operator,union-attr]
        arrays |= {
            f"{name}_wave": wave.numpy(),
            f"{name}_wave_batch_item1": both[1:].numpy(),
            f"{name}_activation0_out": first.numpy(),
        }
        statistics[name] = {
            "wave": describe(wave),
            "clipped_fraction": float((wave.abs() >= 1).float().mean()),
            "layers": layers,
        }
    sound = _sound(recipe)
    arrays["mel_input"] = sound.numpy()
    for name in FRONT_ENDS:
        mel = log_mel(sound, released(name).mel)
        arrays[f"mel_{name}"] = mel.numpy()
        statistics[f"mel_{name}"] = describe(mel[None])
    return Produced(
        arrays,
        statistics={"full_output_stats": statistics},
        tolerances={
            "mel_bigvgan": Tolerance(1e-4, absolute=1e-3),
            "activation0": Tolerance(1e-4, absolute=1e-5),
            "^statistics": Tolerance(1e-3, absolute=1e-3),
            "": Tolerance(1e-4, absolute=1e-4),
        },
    )


def imported(spec: Mapping[str, Any], recipe: Recipe, name: str, folder: Path) -> BigVGAN:
    """Write weights by rule as a release, import them and load the result."""
    settings = {
        "sampling_rate": 22050,
        "hop_size": int(np.prod(spec["constructor"][name]["upsample_rates"])),
    }
    release = folder / name
    release.mkdir()
    config = json.dumps({**spec["constructor"][name], **settings})
    (release / "config.json").write_text(config, encoding="utf-8")
    weights = recipe.weights(spec[f"parameters_{name}"])
    state = {key: torch.from_numpy(value) for key, value in weights.items()}
    torch.save({"generator": state}, release / "generator.pt")
    import_bigvgan(release / "generator.pt", release / "ours")
    model = load_checkpoint(release / "ours").module
    assert isinstance(model, BigVGAN)
    return model.eval()


def _run(model: BigVGAN, mel: Tensor) -> tuple[Tensor, dict[str, Any]]:
    """The sound and what the layers give on the way, under their published names."""
    layers: dict[str, Any] = {}
    hooks = []
    named = {
        "conv_pre": model.entry,
        "activation_post": model.last_activation,
        "conv_post": model.exit,
    }
    named |= {f"ups.{n}": up for n, up in enumerate(model.ups)}
    named |= {f"resblocks.{n}": block for n, block in enumerate(model.blocks)}

    def note(name: str) -> Any:
        def keep(module: Any, given: Any, made: Tensor) -> None:
            layers[name] = describe(made)

        return keep

    for name, module in named.items():
        hooks.append(module.register_forward_hook(note(name)))
    wave = model(mel)
    for hook in hooks:
        hook.remove()
    return wave, layers


def _sound(recipe: Recipe) -> Tensor:
    """A rising tone in noise with silence at its end."""
    n = np.arange(16384)
    tone = 0.3 * np.sin(2 * np.pi * 0.01 * n * (1 + n / 16384))
    sound = (tone + 0.05 * recipe.random(621).standard_normal(16384)).astype(np.float32)
    sound[SILENT_FROM:] = 0
    return torch.from_numpy(sound)
