"""Compare the project with stored outputs of the published systems.

    python -m tests.golden.run NAME [--spec SPEC.json --io IO.npz] [--expect SPEC2.json]
        [--seed-offset N] [--name-prefix STR] [--json]

Weights by rule go through the project's own converter, inputs through its own code; every array of
IO.npz and every number under `scalars` is compared, and what the project cannot produce is a failure.
Without --spec and --io the copies in this folder are used. Exit 0 only if all of it holds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seehear.errors import SeehearError
from tests.golden import (
    autoencoder,
    binaural,
    contrastive,
    davis,
    davis_sampling,
    flow_transformer,
    pseudobinaural,
    separation_metrics,
    visah,
    vocoder,
)
from tests.golden.compare import Line, Produced, compare
from tests.golden.recipe import Recipe

HERE = Path(__file__).parent
Producer = Callable[[Mapping[str, Any], Recipe, Path], Produced]

FIXTURES: dict[str, Producer] = {
    "visah_vision3": visah.vision3,
    "visah_metrics": visah.metrics,
    "bss_eval": separation_metrics.bss_eval_pairs,
    "davis_frontend": davis.frontend,
    "davis_unet": davis.unet,
    "davis_visual_temporal": davis.visual_temporal,
    "davis_ddim": davis_sampling.ddim,
    "davis_flow": davis_sampling.flow,
    "mono2binaural": pseudobinaural.mono2binaural,
    "apnet_stereo": pseudobinaural.apnet_stereo,
    "apnet_separation": pseudobinaural.apnet_separation,
    "pseudo_binaural_encode": binaural.pseudo_binaural_encode,
    "bigvgan": vocoder.bigvgan,
    "cavp": contrastive.cavp,
    "maa3_vae1d": autoencoder.vae1d,
    "maa3_moe": flow_transformer.moe,
    "maa3_sampler": flow_transformer.sampler,
}
"""Fixture -> function that makes its arrays and numbers with the project's code."""


def check(
    name: str,
    spec: Path | None = None,
    io: Path | None = None,
    expect: Path | None = None,
    recipe: Recipe | None = None,
) -> list[Line]:
    """Run one fixture.

    Args:
        name: of the fixture.
        spec: its description; default the copy in this folder.
        io: its arrays; default the copy in this folder.
        expect: description with the expected numbers, if another than `spec`.
        recipe: shifted seeds or names.

    Returns:
        One line for each array and number that is expected.

    Raises:
        FileNotFoundError: no such fixture.
    """
    recipe = recipe or Recipe()
    described = visah.read_spec(spec or HERE / name / "spec.json")
    expected = described if expect is None else visah.read_spec(expect)
    with np.load(io or HERE / name / "io.npz") as stored:
        arrays = {key: stored[key] for key in stored}
    produced = None
    if name in FIXTURES:
        with tempfile.TemporaryDirectory() as folder:
            given = replace(recipe, stored=arrays)
            produced = FIXTURES[name](described, given, Path(folder))
    statistics: dict[str, Any] = {}
    if produced is not None and recipe.is_stored and expect is None:
        # Further numbers of the spec hold for its own seeds only.
        statistics = {
            key: _common(expected.get(key, {}), produced.statistics[key])
            for key in produced.statistics
        }
    return compare(produced, arrays, expected.get("scalars", {}), statistics)


def _common(expected: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the spec's statistics that the project's code can tell at all."""
    return {
        key: _common(value, made[key]) if isinstance(value, Mapping) else value
        for key, value in expected.items()
        if key in made
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden.run", description=__doc__.split("\n")[0]
    )
    parser.add_argument("name")
    parser.add_argument("--spec", type=Path)
    parser.add_argument("--io", type=Path)
    parser.add_argument("--expect", type=Path)
    parser.add_argument("--seed-offset", type=int, default=0)
    parser.add_argument("--name-prefix", default="")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    recipe = Recipe(options.seed_offset, options.name_prefix)
    try:
        lines = check(options.name, options.spec, options.io, options.expect, recipe)
    except (FileNotFoundError, SeehearError) as error:
        print(f"{options.name}: {error}", file=sys.stderr)
        return 1
    failed = [line for line in lines if not line.holds]
    if options.json:
        holds = bool(lines) and not failed
        print(
            json.dumps(
                {"fixture": options.name, "holds": holds, "lines": [x.as_dict() for x in lines]}
            )
        )
    else:
        for line in lines:
            print(line)
        print(f"{options.name}: {len(lines) - len(failed)} of {len(lines)} hold")
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    raise SystemExit(main())
