"""Mono2Binaural, the pyramid and their metrics through the project's own converter and code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seehear.checkpoint import load_checkpoint
from seehear.metrics.spatial import Padding, peak_normalised, published_distances
from seehear.models.pseudobinaural import APNet, Mono2Binaural, Mono2BinauralConfig, rearranged
from seehear.models.pseudobinaural.spectra import apply_mask, to_spectrum
from seehear.models.pseudobinaural.windows import levels_of, spatialised, window_starts
from seehear.tasks.spatialize.importing import import_apnet, import_mono2binaural
from tests.golden.compare import Array, Produced, Tolerance
from tests.golden.recipe import Recipe
from tests.golden.visah import describe, read_spec

SAMPLE_RATE = 16000
WINDOW = 10080
SLIDING_S = 2.0
FIRST_PICTURE = 320
COLUMNS = [0, 1, 31, 62, 63]
PADDINGS: tuple[tuple[str, Padding], ...] = (("", "reflect"), ("constpad_", "constant"))
NAMES = {"STFT": "stft", "ENV": "env", "Mag": "mag", "D_phase": "d_phase", "SNR": "snr_db"}
TOLERANCES = {
    r"^statistics\..*(mean|min|max)$": Tolerance(1e-3, absolute=1e-3),
    "^statistics": Tolerance(1e-4),
    "indices": Tolerance(0.0),
    "^scalars": Tolerance(1e-5),
    "mask|sliding": Tolerance(1e-4, absolute=1e-4),
    "": Tolerance(1e-4),
}
Rows = Sequence[Any]


def mono2binaural(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Networks, mask, a run over two seconds and the metrics of both evaluations."""
    weights = {part: recipe.weights(spec[f"parameters_{part}"]) for part in ("visual", "audio")}
    model = imported(weights, folder, import_mono2binaural)
    arrays, statistics, layers = _forward(model, recipe)
    run, frames = _slide(model, recipe)
    arrays |= {
        "sliding_out": run["sliding_out"].numpy(),
        "constpad_sliding_out": _ends(run["constpad_sliding_out"].numpy()),
    }
    statistics |= {name: describe(value) for name, value in run.items()}
    scores, pairs = _metrics(recipe)
    counts = {part: _counts(w, spec[f"parameters_{part}"]) for part, w in weights.items()}
    return Produced(
        arrays | pairs,
        {"frame_indices_used": frames, "metrics": scores},
        {"full_output_stats": statistics, "layer_output_stats_audio": layers, "counts": counts},
        tolerances=TOLERANCES,
    )


def apnet_stereo(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """The stereo path: a picture and the sum of both ears."""
    pairs = np.stack([_pair(recipe, 403 + k, WINDOW) for k in (0, 1)])
    pictures = torch.stack([_picture(recipe, 401 + k) for k in (0, 1)])
    mix = torch.from_numpy(pairs).sum(dim=1)
    return _pyramids(spec, recipe, folder, mix, lambda model: model.look(pictures), {})


def apnet_separation(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """The separation path: two pictures rearranged into one map, two sounds mixed."""
    pictures = [torch.stack([_picture(recipe, s + k) for k in (0, 1)]) for s in (411, 413)]
    parts = [
        torch.from_numpy(np.stack([_pair(recipe, seed + 2 * k, WINDOW)[ear] for k in (0, 1)]))
        for seed, ear in ((415, 0), (416, 1))
    ]
    config = Mono2BinauralConfig()
    mix = sum(part / levels_of(part, config)[:, None] for part in parts)
    assert isinstance(mix, Tensor)
    seen: dict[str, Tensor] = {}

    def look(model: APNet) -> Tensor:
        seen["rearranged_visual"] = rearranged(*(model.look(p) for p in pictures))
        return seen["rearranged_visual"]

    return _pyramids(spec, recipe, folder, mix, look, seen, normalise=False)


def _pyramids(
    spec: Mapping[str, Any],
    recipe: Recipe,
    folder: Path,
    mix: Tensor,
    look: Any,
    seen: Mapping[str, Tensor],
    normalise: bool = True,
) -> Produced:
    """Both fusions on one batch."""
    listed = {"visual": _visual_rows(), "audio": spec["parameters_audio"]}
    made: dict[str, Tensor] = {}
    layers: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    for kind in ("apnet", "assoconv"):
        rows = {**listed, "fusion": spec[f"parameters_{kind}"]}
        weights = {part: recipe.weights(r) for part, r in rows.items()}
        counts |= {part: _counts(weights[part], rows[part]) for part in listed}
        counts[kind] = _counts(weights["fusion"], rows["fusion"])
        model = imported(weights, folder / kind, import_apnet)
        assert isinstance(model, APNet), "the importer made another kind of model"
        config = model.config
        if normalise:
            mix = mix / levels_of(mix, config)[:, None]
        spectrum = to_spectrum(mix, config)
        with torch.inference_mode(), _Watch(model) as watch:
            visual = look(model)
            decoded = model.audio(spectrum, visual)
            masks = model.pyramid(decoded.features, visual)
        left, right = (apply_mask(mask, spectrum)[..., :-1, :] for mask in masks)
        if kind == "assoconv":
            made |= {"asso_pred_left": left, "asso_pred_right": right}
            continue
        layers = watch.told
        made |= {"pred_left": left, "pred_right": right, "mask_prediction": decoded.mask}
        made |= {"binaural_spectrogram": apply_mask(decoded.mask, spectrum)[..., :-1, :]}
        made |= {"mix": spectrum, "visual": visual, **seen}
        made |= {f"upfeature{i + 1}": value for i, value in enumerate(decoded.features)}
    arrays = {
        "mask_step4": made["mask_prediction"][:, :, ::4, ::2],
        "difference_step4": made["binaural_spectrogram"][:, :, ::4, ::2],
        "pred_left_step2": made["pred_left"][:, :, ::2, ::2],
        "pred_right_step2": made["pred_right"][:, :, ::2, ::2],
        "asso_left_step4": made["asso_pred_left"][:, :, ::4, ::4],
        "asso_right_step4": made["asso_pred_right"][:, :, ::4, ::4],
    }
    if "rearranged_visual" in made:
        arrays["rearranged_visual_step"] = made["rearranged_visual"][:, ::16]
    statistics = {name: describe(value) for name, value in made.items()}
    return Produced(
        {name: value.numpy() for name, value in arrays.items()},
        {},
        {"full_output_stats": statistics, "layer_output_stats": layers, "counts": counts},
        tolerances=TOLERANCES,
    )


class _Watch:
    """Statistics of every layer's output under the published names, while a network runs."""

    def __init__(self, model: Mono2Binaural, prefix: bool = True) -> None:
        audio, fusion = ("audio.", "apnet.") if prefix else ("", "")
        self._named: dict[str, nn.Module] = {
            **{f"{audio}audionet_convlayer{i + 1}": x for i, x in enumerate(model.audio.down)},
            **{f"{audio}audionet_upconvlayer{i + 1}": x for i, x in enumerate(model.audio.up)},
        }
        if isinstance(model, APNet):
            pyramid = model.pyramid
            self._named |= {f"{fusion}fusion{i + 1}": x for i, x in enumerate(pyramid.fuse)}
            self._named |= {f"{fusion}fusion_upconv{i + 1}": x for i, x in enumerate(pyramid.up)}
            self._named |= {f"{fusion}lastconv_{s}": getattr(pyramid, s) for s in ("left", "right")}
        self._look = (f"{audio}conv1x1", model.audio.look_norm)
        self.told: dict[str, Any] = {}

    def __enter__(self) -> _Watch:
        def catch(name: str, activate: bool) -> Any:
            def hook(module: nn.Module, given: Any, result: Tensor) -> None:
                self.told[name] = describe(torch.relu(result) if activate else result)

            return hook

        self._handles = [m.register_forward_hook(catch(n, False)) for n, m in self._named.items()]
        name, module = self._look
        self._handles.append(module.register_forward_hook(catch(name, True)))
        return self

    def __exit__(self, *raised: object) -> None:
        for handle in self._handles:
            handle.remove()


def _forward(
    model: Mono2Binaural, recipe: Recipe
) -> tuple[dict[str, Array], dict[str, Any], dict[str, Any]]:
    """Two windows, normalised as pairs, with mirrored and with silent ends."""
    pictures = torch.stack([_picture(recipe, seed) for seed in (301, 302)])
    pairs = [torch.from_numpy(_pair(recipe, seed, WINDOW)) for seed in (303, 304)]
    mix = torch.stack([pair.sum(dim=0) / _pair_level(pair, model.config) for pair in pairs])
    made: dict[str, Tensor] = {}
    layers: dict[str, Any] = {}
    with torch.inference_mode():
        made["visual_feature"] = model.look(pictures)
        for prefix, padding in PADDINGS:
            spectrum = to_spectrum(mix, replace(model.config, padding=padding))
            with _Watch(model, prefix=False) as watch:
                mask = model.audio(spectrum, made["visual_feature"]).mask
            layers = watch.told  # Those of silent ends, the last, are what the spec tells.
            made[f"{prefix}mask"] = mask
            made[f"{prefix}mix_spectrogram"] = spectrum
            made[f"{prefix}difference_spectrogram"] = apply_mask(mask, spectrum)[..., :-1, :]
    columns = made["constpad_difference_spectrogram"][:, :, ::4][..., COLUMNS]
    arrays = {
        "visual_feature_step": made["visual_feature"][:, ::8],
        "mask_step2": made["mask"][:, :, ::2, ::2],
        "difference_spectrogram_step2": made["difference_spectrogram"][:, :, ::2, ::2],
        "mix_spectrogram_step4": made["mix_spectrogram"][:, :, ::4, ::4],
        "constpad_difference_spectrogram_cols": columns,
    }
    told = {name: describe(value) for name, value in made.items()}
    return {name: value.numpy() for name, value in arrays.items()}, told, layers


def _slide(model: Mono2Binaural, recipe: Recipe) -> tuple[dict[str, Tensor], list[int]]:
    """The demonstration of 2.5D: levels of the pair, and the last window's stale sum."""
    pair = torch.from_numpy(_pair(recipe, 311, int(SLIDING_S * SAMPLE_RATE)))
    config = model.config
    starts = window_starts(pair.shape[-1], config)
    numbers = [_picture_number(s, pair.shape[-1]) for s in starts[:-1]]
    numbers.append(round((SLIDING_S - config.window_s / 2 + 0.05) * config.frame_rate))
    levels = torch.tensor([_pair_level(pair[:, s : s + WINDOW], config) for s in starts])
    distinct = sorted(set(numbers))
    made = {}
    with torch.inference_mode():
        pictures = [_picture(recipe, FIRST_PICTURE + number) for number in distinct]
        maps = model.look(torch.stack(pictures))
        which = [distinct.index(number) for number in numbers]
        for prefix, padding in PADDINGS:
            padded = replace(config, padding=padding)
            made[f"{prefix}sliding_out"] = spatialised(
                model, padded, pair.sum(dim=0), maps, which, levels, stale_tail=True
            )
    return made, numbers


def _picture_number(start: int, num_samples: int) -> int:
    """Number of the picture nearest to a window's centre, as published."""
    centre = (start + WINDOW / 2) / num_samples * SLIDING_S
    return round((centre + 0.05) * 10)


def _metrics(recipe: Recipe) -> tuple[dict[str, Any], dict[str, Array]]:
    """Two pairs of files, raw and peak-normalised, with mirrored and with silent ends."""
    first, other = _pair(recipe, 351, 32000), _pair(recipe, 352, 32000)
    second = _pair(recipe, 353, 48000, 0.03)
    noise = recipe.random(354).standard_normal((2, 48000))
    pairs = {
        "pair1": (first, (first + 0.3 * other[::-1]).astype(np.float32)),
        "pair2": (second, (0.5 * second[::-1] + 0.02 * noise).astype(np.float32)),
    }
    told: dict[str, Any] = {}
    for name, (truth, guess) in pairs.items():
        reference, estimate = torch.from_numpy(truth)[None], torch.from_numpy(guess)[None]
        for _, padding in PADDINGS:
            raw = published_distances(estimate, reference, padding)
            peak = published_distances(
                peak_normalised(estimate), peak_normalised(reference), padding
            )
            told[f"{name}_{padding}"] = {
                "2.5D_raw": _named(raw, ("STFT", "ENV")),
                "2.5D_peak_normalised": _named(peak, ("STFT", "ENV")),
                "PB_raw": _named(raw, tuple(NAMES)),
                "PB_peak_normalised": _named(peak, tuple(NAMES)),
            }
    return told, {
        f"metric_{name}_pred_step16": guess[:, ::16] for name, (_, guess) in pairs.items()
    }


def _named(values: Mapping[str, Tensor], names: tuple[str, ...]) -> dict[str, float]:
    return {name: float(values[NAMES[name]]) for name in names}


def _pair(recipe: Recipe, seed: int, count: int, scale: float = 0.1) -> Array:
    """Two related noises that swell, with a tone at both ears."""
    random = recipe.random(seed)
    a, b = random.standard_normal(count), random.standard_normal(count)
    t = np.arange(count) / SAMPLE_RATE
    swell = 1 + 0.8 * np.sin(2 * np.pi * 1.3 * t)
    left = swell * (0.8 * a + 0.3 * b) + np.sin(2 * np.pi * 440 * t)
    right = swell * (0.3 * a + 0.7 * b) + 0.6 * np.sin(2 * np.pi * 440 * t + 0.7)
    return (scale * np.stack([left, right])).astype(np.float32)


def _picture(recipe: Recipe, seed: int) -> Tensor:
    """A picture of 7 x 14 coloured squares, uint8 [3, 224, 448]."""
    squares = recipe.random(seed).randint(0, 256, (7, 14, 3)).astype(np.uint8)
    large = squares.repeat(32, axis=0).repeat(32, axis=1)
    return torch.from_numpy(large).movedim(-1, 0).contiguous()


def _pair_level(pair: Tensor, config: Mono2BinauralConfig) -> float:
    """What 2.5D divides a window by: the level of both ears."""
    return float(levels_of(pair.flatten(), config))


def _ends(sound: Array) -> Array:
    return np.concatenate([sound[:, :2000], sound[:, -2000:]], axis=1)


def imported(weights: Mapping[str, Mapping[str, Array]], folder: Path, convert: Any) -> Any:
    """Files as the authors publish them, through the converter."""
    published = folder / "published"
    published.mkdir(parents=True)
    for part, filled in weights.items():
        state = {name: torch.from_numpy(value) for name, value in filled.items()}
        torch.save(state, published / f"{part}_best.pth")
    convert(published, folder / "imported")
    return load_checkpoint(folder / "imported").module


def _visual_rows() -> Rows:
    rows: Rows = read_spec(Path(__file__).parent / "mono2binaural" / "spec.json")[
        "parameters_visual"
    ]
    return rows


def _counts(weights: Mapping[str, Array], rows: Rows) -> dict[str, float]:
    """Sums over what was filled, to tell a wrong rule from a wrong network."""
    learned = sum(w.size for n, w in weights.items() if "running" not in n)
    return {
        "filled_weights_sum": float(sum(w.sum(dtype=np.float64) for w in weights.values())),
        "filled_weights_l2": float(
            np.sqrt(sum(np.square(w, dtype=np.float64).sum() for w in weights.values()))
        ),
        "parameters_total": learned,
        "state_dict_entries": len(rows),
    }
