"""PseudoBinaural's three ways from mono to a pair of ears, in the compatible mode."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seehear.dsp.ambisonics import RING8, decoder, spherical_harmonics
from seehear.dsp.binaural import ild_db
from seehear.dsp.published_ring import (
    AZIMUTHS,
    NUM_ELEVATIONS,
    level_of_sum,
    listed_directions,
    published_ambidirect,
    published_ambisonic,
    published_direct,
    published_field,
    published_harmonics,
    published_nearest,
)
from tests.golden.compare import Array, Produced, Tolerance
from tests.golden.recipe import Recipe
from tests.golden.visah import describe

LENGTH = 10080
TAPS = 200
SCENE = ((50.0, 10.0), (-20.0, -15.0), (-55.0, 0.0))
HARMONICS = ([0, 30, -75, 135, -180, 90], [0, 10, -40, 60, 5, 90])


def pseudo_binaural_encode(spec: Mapping[str, Any], recipe: Recipe, folder: Path) -> Produced:
    """Single sources all around, a scene of three, and the harmonics underneath."""
    places = np.array(spec["scalars"]["positions_azimuth_elevation_deg"], np.float64)
    mono = _mono(recipe)
    responses = _responses(recipe)
    ring, closest = published_nearest(RING8), published_nearest(places[:, 0], places[:, 1])
    sound = torch.from_numpy(mono).double()[None]
    fields = [published_field(sound, azimuth, elevation) for azimuth, elevation in places]
    made = {
        "amb_out": torch.stack([published_ambisonic(x, responses[ring]) for x in fields]),
        "direct_out": torch.stack([published_direct(sound, responses[[k]]) for k in closest]),
        "ambidirect_out": torch.stack([published_ambidirect(x) for x in fields]),
    }
    scene, numbers = _scene(recipe, responses, ring)
    arrays = {
        "amb_out_step4": made["amb_out"][..., ::4],
        "amb_out_0_full": made["amb_out"][int(np.flatnonzero((places == [30, 0]).all(axis=1))[0])],
        "direct_out_step16": made["direct_out"][..., ::16],
        "ambidirect_out_step32": made["ambidirect_out"][..., ::32],
        "encode_gains": spherical_harmonics(places[:, 0], places[:, 1], 1),
        "decode_matrix": decoder(RING8, 0.0, 1, "projection"),
        "pinv_matrix": decoder(RING8, 0.0, 1, "pinv").T,
        **_slices(scene),
    }
    azimuth, elevation = listed_directions()
    listed = np.stack([azimuth, elevation], axis=1)
    return Produced(
        {
            "mono": mono,
            "closest_hrir_index": closest,
            "speaker_hrir_index": ring,
            **_restated(responses, ring, closest),
            **{name: values.numpy() for name, values in arrays.items()},
            **{
                f"sh_order3_{scaling}": published_harmonics(*HARMONICS, 3, scaling).numpy()
                for scaling in ("SN3D", "N3D", "MAX_N")
            },
            **_measured(recipe, fields, sound),
        },
        {
            "positions_azimuth_elevation_deg": places.tolist(),
            "ild_db_by_position": ild_db(*made["amb_out"].unbind(1)).tolist(),
            "closest_hrir_azimuth_elevation": listed[closest].tolist(),
            "speaker_hrir_azimuth_elevation": listed[ring].tolist(),
            "realset_speaker_hrir_azimuth_elevation": listed[ring].tolist(),
            **numbers,
        },
        {"full_output_stats": _statistics({**made, **scene, "hrir": _as_listed(responses)})},
        {
            r"^statistics\..*\.mean$": Tolerance(1e-3, absolute=1e-6),
            "^statistics": Tolerance(1e-5),
            "^scalars": Tolerance(1e-6),
            "": Tolerance(np.inf, absolute=1e-6),
        },
    )


def _mono(recipe: Recipe) -> Array:
    n = np.arange(LENGTH) / 16000
    noise = 0.1 * recipe.random(502).standard_normal(LENGTH)
    swell = 1 + 0.7 * np.sin(2 * np.pi * 2 * n)
    return (noise * swell + 0.1 * np.sin(2 * np.pi * 300 * n)).astype(np.float32)


def _responses(recipe: Recipe) -> Tensor:
    """The synthetic head, float64 [1150, 2, 200]."""
    draw, n = recipe.random(501), np.arange(TAPS)
    made = np.zeros((len(AZIMUTHS) * NUM_ELEVATIONS, 2, TAPS), np.float32)
    for index, (azimuth, elevation) in enumerate(zip(*listed_directions(), strict=True)):
        side, around = np.sin(np.radians(azimuth)), np.cos(np.radians(elevation))
        for ear, sign in enumerate((-1, 1)):
            delay = 30 - 12 * sign * side + 0.002 * (elevation % 360)
            tail = 0.3 * (0.25 + 0.1 * sign * side * around) * draw.standard_normal(TAPS)
            late = np.where(n > delay, np.exp(-(n - delay) / 12), 0.0)
            peak = (0.6 + 0.35 * sign * side) * np.exp(-0.5 * ((n - delay) / 1.5) ** 2)
            made[index, ear] = 0.3 * (peak + tail * late)
    return torch.from_numpy(made).double()


def _scene(recipe: Recipe, responses: Tensor, ring: Array) -> tuple[dict[str, Tensor], Any]:
    """Three sources at once; also by what the pair is divided."""
    sounds = [torch.from_numpy(recipe.normal((LENGTH,), 503 + k, 0.1)).double() for k in range(3)]
    sources = torch.stack(sounds)
    azimuth, elevation = zip(*SCENE, strict=True)
    field = published_field(sources, list(azimuth), list(elevation))
    pair = published_ambisonic(field, responses[ring])
    nearest = published_nearest(list(azimuth), list(elevation))
    made = {
        "scene_ambisonic": pair,
        "scene_normalised": pair / level_of_sum(pair),
        "scene_direct": published_direct(sources, responses[nearest]),
        "scene_pseudoinv": published_ambisonic(field, responses[ring], "pinv"),
        "scene_feeds_projection": decoder(RING8, 0.0, 1, "projection") @ field,
        "scene_feeds_pinv": decoder(RING8, 0.0, 1, "pinv") @ field,
    }
    return made, {"scene_normaliser": level_of_sum(pair)}


def _slices(scene: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        "scene_ambisonic": scene["scene_ambisonic"],
        **{
            f"scene_{name}_step4": scene[f"scene_{name}"][:, ::4]
            for name in ("normalised", "direct", "pseudoinv")
        },
        **{
            f"scene_feeds_{name}_step32": scene[f"scene_feeds_{name}"][:, ::32].T
            for name in ("projection", "pinv")
        },
    }


def _restated(responses: Tensor, ring: Array, closest: Array) -> dict[str, Array]:
    """Parts of the synthetic head that are stored."""
    used = np.unique(np.concatenate([ring, closest]))
    head = responses.numpy()
    taps = head[:, :, [0, 20, 40]].reshape(len(AZIMUTHS), NUM_ELEVATIONS, 2, 3)
    return {
        "hrir_left_speakers": head[ring, 0],
        "hrir_right_speakers": head[ring, 1],
        "hrir_used_index": used,
        "hrir_used_left": head[used, 0],
        "hrir_used_right": head[used, 1],
        "hrir_all_tap_0_20_40": taps.transpose(2, 0, 1, 3),
    }


def _measured(recipe: Recipe, fields: list[Tensor], sound: Tensor) -> dict[str, Array]:
    """The runs with the measured head, whose responses are not stored and not ours to ship.

    They are estimated from the stored samples and must explain all of them: 600 taps for the 16 068 samples
    of the ambisonic way, 200 for the 308 of each direct one. Only causal convolutions of 200 taps with the
    right gains, silent in the first 199 samples, leave no more than rounding.
    """
    made: dict[str, Array] = {}
    plain = sound[0].numpy()
    if "realset_amb_out_step16" in recipe.stored:
        expected = recipe.stored["realset_amb_out_step16"].astype(np.float64)
        past = np.stack(
            [np.concatenate([_past(x[c].numpy(), 16) for c in (0, 1, 3)], axis=1) for x in fields]
        )
        made["realset_amb_out_step16"] = _explained(past, expected)
    if "realset_direct_out_step32" in recipe.stored:
        expected = recipe.stored["realset_direct_out_step32"].astype(np.float64)
        past = _past(plain, 32)[None]
        made["realset_direct_out_step32"] = np.concatenate(
            [_explained(past, place[None]) for place in expected]
        )
    return made


def _past(sound: Array, step: int) -> Array:
    """What 200 taps see at every `step`-th sample but the silent ones, [n, 200]."""
    seen = np.lib.stride_tricks.sliding_window_view(sound, TAPS)[:, ::-1]
    first = -(TAPS - 1) % step  # window k ends at sample k + 199
    return seen[first::step]


def _explained(past: Array, expected: Array) -> Array:
    """Least-squares fit of [P, 2, n] by [P, n', taps], silence where nothing was seen."""
    silent = expected.shape[2] - past.shape[1]
    wanted = expected[:, :, silent:].transpose(0, 2, 1).reshape(-1, 2)
    taps = np.linalg.lstsq(past.reshape(len(wanted), -1), wanted, rcond=None)[0]
    made = np.zeros_like(expected)
    made[:, :, silent:] = (past @ taps).transpose(0, 2, 1)
    return made


def _as_listed(responses: Tensor) -> Tensor:
    """Ear, azimuth, elevation, tap."""
    return responses.transpose(0, 1).reshape(2, len(AZIMUTHS), NUM_ELEVATIONS, TAPS)


def _statistics(made: Mapping[str, Tensor]) -> dict[str, Any]:
    """Of the complete outputs; feeds and harmonics have none."""
    return {name: {**describe(x), "shape": list(x.shape)} for name, x in made.items()}
