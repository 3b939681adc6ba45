"""VisAH's fixtures through the project's own converter, network, loss and metrics."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seehear.checkpoint import load_checkpoint
from seehear.losses import spectral_terms
from seehear.metrics.remix import (
    envelope_power,
    magnitude_distance,
    pooled_envelope_distance,
    wasserstein_distance,
)
from seehear.models.visah import VisAH
from seehear.nn.context import Context, Tokens
from seehear.tasks.highlight.importing import import_visah
from tests.golden.compare import Array, Produced, Tolerance
from tests.golden.recipe import Recipe, sinusoid_table

CASES = {
    "short": (1, 65536, 101),
    "long": (1, 441000, 103),
    "batch2": (2, 65536, 105),
    "odd": (1, 50001, 107),
}
"""Batch, samples, seed of the mixture; the context's seed is the next one."""
SAMPLE_RATE = 44100
SIGNAL_SAMPLES = 88200


def vision3(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """The released vision variant: whole forward passes, bottleneck, context encoder."""
    weights = recipe.weights(spec["parameters"])
    checkpoint = folder / "published.ckpt"
    write_lightning(weights, spec["parameters"], checkpoint)
    counts = _counts(weights, spec["parameters"])
    weights.clear()
    import_visah(checkpoint, folder / "imported")
    checkpoint.unlink()
    model = load_checkpoint(folder / "imported").module
    assert isinstance(model, VisAH), "the importer made another kind of model"
    arrays: dict[str, Array] = {}
    statistics: dict[str, Any] = {}
    for case, (batch, length, seed) in CASES.items():
        mixture = recipe.normal((batch, 1, length), seed, 0.1)
        made = _run(model, torch.from_numpy(mixture), _context(recipe, batch, seed + 1))
        arrays |= _slices(case, made)
        statistics[case] = {name: describe(value) for name, value in made.items()}
    alone, numbers = _transformer_only(model, recipe)
    tolerance = {key: Tolerance.parse(text) for key, text in spec["tolerance"].items()}
    return Produced(
        arrays | alone,
        statistics={"full_output_stats": statistics | numbers, "counts": counts},
        tolerances={
            # A mean is the small difference of large sums: not an error, but no relative one.
            r"^statistics\..*\.(mean|min|max|.*change)$": Tolerance(5e-3),
            "^statistics": Tolerance(1e-4),
            "bottleneck|context_encoded|transformer": tolerance["bottleneck/context"],
            "": tolerance["output"],
        },
    )


def write_lightning(weights: Mapping[str, Array], rows: list[Any], path: Path) -> None:
    """A checkpoint as the authors publish it: prefix, position tables, windows of the loss."""
    state = {f"model.{name}": torch.from_numpy(value) for name, value in weights.items()}
    for name, shape, _, kind, _ in rows:
        if kind == "keep":
            state[f"model.{name}"] = torch.from_numpy(sinusoid_table(shape))
    for index, n_fft in enumerate((2048, 1024, 512)):
        state[f"loss.stft_losses.{index}.window"] = torch.hann_window(n_fft)
    torch.save({"epoch": 199, "global_step": 125800, "state_dict": state}, path)


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


def _context(recipe: Recipe, batch: int, seed: int) -> Context:
    values = torch.from_numpy(recipe.normal((batch, 10, 768), seed, 1 / np.sqrt(768)))
    return frames_context(values)


def frames_context(values: Tensor) -> Context:
    """One frame a second, all real."""
    batch, count, _ = values.shape
    times = torch.arange(count, dtype=torch.float32).expand(batch, count)
    return Context(frames=Tokens(values, times, torch.ones(batch, count, dtype=torch.bool)))


def _run(model: VisAH, mixture: Tensor, context: Context) -> dict[str, Tensor]:
    """Forward pass; intermediate tensors are caught on their way."""
    caught: dict[str, Tensor] = {}

    def catch(name: str, inputs: bool) -> Any:
        def hook(module: nn.Module, given: tuple[Any, ...], result: Any) -> None:
            caught[name] = given[0] if inputs else result

        return hook

    encoder = model.latent.context_encoder[-1]
    handles = [
        model.latent.register_forward_hook(catch("bottleneck_in", True)),
        model.latent.register_forward_hook(catch("bottleneck_out", False)),
        encoder.register_forward_hook(catch("context_encoded", False)),
    ]
    with torch.inference_mode():
        output, magnitude = model.highlight(mixture, context)
    for handle in handles:
        handle.remove()
    return {"output": output, "predicted_magnitude": magnitude, **caught}


def _slices(case: str, made: Mapping[str, Tensor]) -> dict[str, Array]:
    """The parts that are stored."""
    output, magnitude = made["output"][:, 0].numpy(), made["predicted_magnitude"][:, 0].numpy()
    before, after = made["bottleneck_in"].numpy(), made["bottleneck_out"].numpy()
    if case == "long":
        return {
            "long_out_head": output[0, :16384],
            "long_out_tail": output[0, -8192:],
            "long_out_stride": output[0, ::29],
            "long_bottleneck_in_ch0_767_step16": before[0, ::16, ::4],
            "long_bottleneck_out_ch0_767_step16": after[0, ::16, ::4],
            "long_magnitude_step": magnitude[0, ::64, ::16],
        }
    return {
        f"{case}_out": output,
        f"{case}_bottleneck_in": before[:, ::8],
        f"{case}_bottleneck_out": after[:, ::8],
        f"{case}_context_encoded": made["context_encoded"][..., ::4].numpy(),
        f"{case}_magnitude_step": magnitude[:, ::16, ::4],
    }


def _transformer_only(model: VisAH, recipe: Recipe) -> tuple[dict[str, Array], dict[str, Any]]:
    """The transformer on two clips and on the first alone: published, they are not the same."""
    x = torch.from_numpy(recipe.normal((2, 768, 24), 109))
    values = torch.from_numpy(recipe.normal((2, 10, 768), 110, 1 / np.sqrt(768)))
    with torch.inference_mode():
        both = model.latent(x, frames_context(values))
        first = model.latent(x[:1], frames_context(values[:1]))
        second = model.latent(x[1:], frames_context(values[1:]))
    numbers = {
        "b2": describe(both),
        "b1_first": describe(first),
        "max_abs_difference_first_clip_b2_vs_b1": float((both[:1] - first).abs().max()),
        "max_abs_difference_second_clip": float((both[1:] - second).abs().max()),
    }
    arrays = {"transformer_b2_out": both.numpy(), "transformer_b1_first_out": first.numpy()}
    return arrays, {"transformer_only": numbers}


def describe(values: Tensor) -> dict[str, float]:
    """Statistics as the specs give them."""
    wide = values.double()
    return {
        "mean": float(wide.mean()),
        "std": float(wide.std(correction=0)),
        "l2": float(wide.norm()),
        "min": float(wide.min()),
        "max": float(wide.max()),
    }


def metrics(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Training loss and the three distances, on a batch of two and on each item."""
    target = np.stack([_signal(recipe, 951, 330.0), _signal(recipe, 952, 880.0)])
    target = target.astype(np.float32)
    noise = recipe.random(953).standard_normal((1, SIGNAL_SAMPLES))
    prediction = np.stack([0.5 * target[0] + 0.02 * noise[0], 2.0 * target[1]]).astype(np.float32)
    p, q = torch.from_numpy(prediction), torch.from_numpy(target)
    return Produced(
        arrays={"target_step8": target[:, ::8], "prediction_step8": prediction[:, ::8]},
        scalars={
            "batch": _distances(p, q),
            "item0": _distances(p[:1], q[:1]),
            "item1": _distances(p[1:], q[1:]),
        },
        tolerances={"": Tolerance.parse(spec["tolerance"]["all"])},
    )


def _signal(recipe: Recipe, seed: int, hz: float) -> Array:
    """A tone in noise that comes and goes."""
    t = np.arange(SIGNAL_SAMPLES) / SAMPLE_RATE
    random = recipe.random(seed)
    gate = np.sin(2 * np.pi * 0.7 * t + 6 * random.uniform()) > -0.2
    sound = 0.2 * np.sin(2 * np.pi * hz * t) + 0.05 * random.standard_normal(SIGNAL_SAMPLES)
    return np.where(gate, sound, 0.0)


def _distances(estimate: Tensor, reference: Tensor) -> dict[str, float]:
    terms = spectral_terms(estimate, reference)
    powers = envelope_power(estimate, reference).tolist()
    return {
        "mr_stft_spectral_convergence_x0.1": float(terms.convergence),
        "mr_stft_log_magnitude_x0.1 (training loss)": float(terms.log_magnitude),
        "MAG": float(magnitude_distance(estimate, reference).mean()),
        "ENV": pooled_envelope_distance(powers, pool=len(powers)),
        "W_dis": float(wasserstein_distance(estimate, reference).mean()),
    }


def read_spec(path: Path) -> dict[str, Any]:
    """A fixture's description."""
    spec: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return spec
