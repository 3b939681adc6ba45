"""DAVIS's front end, network and frame transformer through the project's own converter and code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.checkpoint import load_checkpoint
from seehear.dsp.logfreq import expand, linear_positions, warp, warped_positions
from seehear.metrics.separation import bss_eval
from seehear.models.davis import Davis, DavisConfig, paper_ave, paper_music
from seehear.models.davis.frontend import (
    FLOOR,
    compress_magnitude,
    expand_magnitude,
    picture_of,
    resynthesise,
    spectrum_of,
)
from seehear.sampling.flow import sample_flow
from seehear.tasks.separate.importing import import_davis
from tests.golden.compare import Array, Produced, Tolerance
from tests.golden.recipe import Recipe
from tests.golden.visah import describe

PARTIALS = ((1, 0.5), (2, 0.3), (3, 0.15), (5, 0.08), (8, 0.05))
SETTINGS: dict[str, tuple[DavisConfig, tuple[int, int], int]] = {
    "music": (paper_music(), (241, 242), 243),
    "ave": (paper_ave(), (245, 246), 247),
}
"""Configuration, seeds of the two sources, seed of the sampler's noise."""
PITCHES = (220.0, 523.25)
CASES: dict[str, tuple[float, int, int | None]] = {
    "t932": (932, 203, None),
    "t65": (65, 203, None),
    "flow500": (500.0, 203, None),
    "t932_v2": (932, 204, None),
    "t332_64frames": (332, 203, 64),
}
"""Time, seed of what is seen, columns if not all."""
WRAPPERS = {"clip": "parameters_clip_wrapper", "resnet": "parameters_resnet_wrapper"}


def frontend(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Mixing, transform, warp, compression, the way back with an oracle network, and scores."""
    arrays: dict[str, Array] = {
        "warp_rows_256": (warped_positions(256, 512) / 511 * 2 - 1).numpy(),
        "unwarp_rows_512": (linear_positions(512, 256) / 255 * 2 - 1).numpy(),
    }
    scalars: dict[str, Any] = {}
    statistics: dict[str, Any] = {}
    phases: dict[str, Array] = {}
    for name, (config, seeds, noise_seed) in SETTINGS.items():
        sources = np.stack(
            [_source(recipe, config, s, hz) for s, hz in zip(seeds, PITCHES, strict=True)]
        )
        noise = torch.from_numpy(recipe.normal((1, 1, config.rows, config.columns), noise_seed))
        made = _pass(torch.from_numpy(sources), noise, config)
        arrays |= _slices(name, sources, made)
        mid = made["mag_mix"].shape[-1] // 2
        phases[f"{name}_phase_mix_cols"] = made["mag_mix"][0][:, [0, 1, mid, -1]].numpy()
        statistics |= {f"{name}_{key}": describe(value) for key, value in made.items()}
        scalars[name] = _scores(sources, made)
    return Produced(
        arrays,
        scalars,
        {"full_output_stats": statistics},
        tolerances={
            r"^scalars\..*wav_length": Tolerance(0.0),
            "^scalars": Tolerance(np.inf, absolute=0.01),
            r"^statistics\..*phase": Tolerance(np.inf),
            r"^statistics\..*(mean|min|max)$": Tolerance(1e-2, absolute=1e-3),
            "^statistics": Tolerance(1e-4),
            "wav": Tolerance(1e-3, absolute=1e-4),
            "": Tolerance(1e-5),
        },
        phases=phases,
    )


def _source(recipe: Recipe, config: DavisConfig, seed: int, hz: float) -> Array:
    """A harmonic tone that comes and goes, with a little noise."""
    random = recipe.random(seed)
    n = np.arange(config.num_samples) / config.sample_rate
    speed = random.uniform()
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * (0.3 + 0.2 * speed) * n)
    tone = np.zeros(config.num_samples)
    for multiple, level in PARTIALS:
        tone += level * np.sin(2 * np.pi * hz * multiple * n + 2 * np.pi * random.uniform())
    sound = 0.4 * envelope * tone + 0.02 * random.standard_normal(config.num_samples)
    if config.num_samples % 2:
        sound[-1] = 0.0
    return np.clip(sound, -1.0, 1.0).astype(np.float32)


def _pass(sources: Tensor, noise: Tensor, config: DavisConfig) -> dict[str, Tensor]:
    """Everything that the spec describes, by the spec's names."""
    mixture = sources.mean(dim=0, keepdim=True)
    compressed, spectrum = picture_of(mixture, config)
    made = {
        "mag_mix": spectrum.abs(),
        "phase_mix": spectrum.angle(),
        "warped_mix": warp(spectrum.abs() + FLOOR, config.rows, config.columns)[:, None],
        "z_mix": compressed,
    }
    for index in (1, 2):
        magnitude = spectrum_of(sources[index - 1 : index], config).abs()[:, None]
        target = compress_magnitude(magnitude, config)
        # The oracle's velocity leads from wherever the sampler is straight to the target.
        drawn = sample_flow(lambda x, t, z=target: (z - x) / (1 - t[0]), noise, 2)
        unwarped = expand_magnitude(drawn, config, spectrum.shape[-1])
        made[f"wav{index}"] = resynthesise(unwarped[:, 0], spectrum, config)[0]
        if index == 1:
            made["warped_target1"] = warp(magnitude, config.rows, config.columns)
            made["pred_warped_target1"] = expand(drawn, config.sigma)
            made["unwarped_pred1"] = unwarped
    made["wav_mix"] = resynthesise(spectrum.abs(), spectrum, config)[0]
    return made


def _slices(name: str, sources: Array, made: Mapping[str, Tensor]) -> dict[str, Array]:
    """The parts that are stored."""
    mid = made["mag_mix"].shape[-1] // 2
    columns = [0, 1, mid, -1]
    step = 1 if name == "music" else 8
    return {
        f"{name}_mag_mix_cols": made["mag_mix"][0][:, columns].numpy(),
        f"{name}_phase_mix_cols": made["phase_mix"][0][:, columns].numpy(),
        f"{name}_warped_mix_rows": made["warped_mix"][0, 0, ::16].numpy(),
        f"{name}_z_mix_step2": made["z_mix"][0, 0, ::4, ::2].numpy(),
        f"{name}_unwarped_pred1_rows": made["unwarped_pred1"][0, 0, ::32].numpy(),
        f"{name}_wav1": made["wav1"][::4].numpy(),
        f"{name}_wav2": made["wav2"][::4].numpy(),
        f"{name}_s1": sources[0, ::step],
        f"{name}_s2": sources[1, ::step],
    }


def _scores(sources: Array, made: Mapping[str, Tensor]) -> dict[str, float]:
    """The metric routine: original sources cut to the resynthesised length, mean of both."""
    estimates = torch.stack([made["wav1"], made["wav2"]]).numpy()
    length = estimates.shape[1]
    references = sources[:, :length]
    scores = bss_eval(references, estimates)
    mixture = np.stack([made["wav_mix"].numpy()] * 2)
    return {
        "SDR_mixture": float(bss_eval(references, mixture).sdr.mean()),
        "SDR": float(scores.sdr.mean()),
        "SIR": float(scores.sir.mean()),
        "SAR": float(scores.sar.mean()),
        "wav_length": length,
    }


def unet(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """The U-Net at several times, with another picture, and with fewer columns."""
    weights = recipe.weights(spec["parameters"])
    counts = _counts(weights, spec["parameters"])
    model = imported(weights, _stand_in(), folder)
    counts["unet_only"] = sum(p.numel() for p in model.unet.parameters())
    state = torch.from_numpy(recipe.normal((1, 1, 256, 256), 201))
    drawn = np.abs(recipe.random(202).standard_normal((1, 1, 256, 256)))
    mixture = torch.from_numpy(np.clip(0.25 * drawn, 0, 1).astype(np.float32))
    arrays: dict[str, Array] = {}
    statistics: dict[str, Any] = {}
    for case, (time, seed, columns) in CASES.items():
        seen = torch.from_numpy(recipe.normal((1, 512, 11), seed, 0.4)).mean(dim=2)
        caught: list[Tensor] = []
        handle = model.unet.middle2.register_forward_hook(
            lambda module, given, result, caught=caught: caught.append(result)
        )
        with torch.inference_mode():
            output = model.unet(
                state[..., :columns], torch.tensor([time]), mixture[..., :columns], seen
            )
        handle.remove()
        arrays |= _unet_slices(case, output[0, 0].numpy(), caught[0][0].numpy())
        statistics[case] = {"output": describe(output), "mid_block2": describe(caught[0])}
    tolerance = Tolerance(1e-4, element=1e-3)
    return Produced(
        arrays,
        statistics={"full_output_stats": statistics, "counts": counts},
        tolerances={
            r"^statistics\..*\.(mean|min|max)$": Tolerance(5e-3),
            "^statistics": Tolerance(1e-4),
            "": tolerance,
        },
    )


def _unet_slices(case: str, output: Array, middle: Array) -> dict[str, Array]:
    """The parts that are stored."""
    if case == "t932_v2":
        return {f"{case}_out_step4": output[::4, ::4]}
    if case == "t332_64frames":
        return {f"{case}_out": output[::2]}
    return {
        f"{case}_out_step2": output[::2, ::2],
        f"{case}_out_rows": output[[0, 1, 100, 255]],
        f"{case}_mid_block2_step8": middle[::8],
    }


def visual_temporal(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """The transformer over frames, as it goes with CLIP and as it goes with ResNet."""
    features = torch.from_numpy(recipe.normal((2, 11, 512), 211, 0.5))
    arrays: dict[str, Array] = {}
    counts: dict[str, Any] = {}
    for name, key in WRAPPERS.items():
        weights = recipe.weights(spec[key])
        counts[f"{name}_wrapper"] = _counts(weights, spec[key])
        model = imported(None, weights, folder / name)
        with torch.inference_mode():
            made = model.temporal(features).mT  # [B, N, D] -> [B, D, N]
            arrays[f"{name}_out"] = made.numpy()
            if name == "clip":
                arrays["clip_out_maxpool"] = made.amax(dim=2).numpy()
                arrays["clip_out_1frame"] = model.temporal(features[:1, :1]).mT.numpy()
    return Produced(
        arrays,
        statistics={"counts": counts},
        tolerances={
            "^statistics": Tolerance(1e-6),
            "": Tolerance(1e-4, absolute=1e-4),
        },
    )


def imported(unet: Mapping[str, Array] | None, frames: Mapping[str, Array], folder: Path) -> Davis:
    """Files as the authors publish them, through the converter; the part that is not at hand is zero."""
    folder.mkdir(exist_ok=True)
    for stem, weights in (("unet_best", unet or _blank()), ("frame_best", frames)):
        state = {name: torch.from_numpy(value) for name, value in weights.items()}
        torch.save(state, folder / f"{stem}.pth")
    import_davis(folder, folder / "imported")
    model = load_checkpoint(folder / "imported").module
    assert isinstance(model, Davis), "the importer made another kind of model"
    return model


def _blank() -> dict[str, Array]:
    """A U-Net of zeros under the published names, for the fixture that has none."""
    described = json.loads((Path(__file__).parent / "davis_unet" / "spec.json").read_text())
    return {row[0]: np.zeros(row[1], np.float32) for row in described["parameters"]}


def _stand_in() -> dict[str, Array]:
    """Zeros under the published names of the transformer over frames."""
    folder = Path(__file__).parent / "davis_visual_temporal"
    described = json.loads((folder / "spec.json").read_text())
    rows = described["parameters_clip_wrapper"]
    return {row[0]: np.zeros(row[1], np.float32) for row in rows}


def _counts(weights: Mapping[str, Array], rows: list[Any]) -> dict[str, float]:
    """Sums over what was filled, to tell a wrong rule from a wrong network."""
    return {
        "filled_weights_sum": float(sum(w.sum(dtype=np.float64) for w in weights.values())),
        "filled_weights_l2": float(
            np.sqrt(sum(np.square(w, dtype=np.float64).sum() for w in weights.values()))
        ),
        "parameters_total": sum(w.size for w in weights.values()),
        "state_dict_entries": len(rows),
    }
