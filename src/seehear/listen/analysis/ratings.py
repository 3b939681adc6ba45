"""Analysis of ratings (MOS and MUSHRA): means, differences, boxes, intraclass correlation."""

from __future__ import annotations

from typing import Any

import numpy as np

from seehear.listen.analysis.figures import (
    adjust,
    attempt,
    clip_rows,
    concordance_of,
    difference,
    figure,
    friedman_of,
    left_out_range,
    pair_tests,
    pairs_of,
    participant_means,
    plain,
    storable,
)
from seehear.listen.config import ListeningTest
from seehear.listen.statistics.agreement import icc
from seehear.listen.statistics.bootstrap import crossed_bootstrap
from seehear.listen.statistics.crossed import crossed_mean
from seehear.listen.statistics.interval import Values
from seehear.listen.statistics.pairwise_tests import wilcoxon_pairs
from seehear.listen.tables import Tables


def analyse_ratings(test: ListeningTest, table: Tables, seed: int) -> dict[str, Any]:
    """All figures of a rating test; keys as in the package's text."""
    missing: dict[str, str] = {}
    scale = test.scale
    lowest, highest = (scale.minimum, scale.maximum) if scale else (0.0, 100.0)
    means = participant_means(table.ratings)
    versions = [_version(table, v, seed, lowest, highest) for v in range(len(table.versions))]
    tests = {
        "friedman": friedman_of(missing, means, "friedman", "mean rating of each participant")
        if len(table.versions) > 1
        else None
    }
    found = {
        "main": {"name": "mean rating", "lowest": lowest, "highest": highest, "better": "high"},
        "versions": versions,
        "pairs": _pairs(table, means) if len(table.versions) > 1 else [],
        "tests": {name: value for name, value in tests.items() if value},
        "strengths": None,
        "agreement": _agreement(missing, table, means),
        "clips": clip_rows(table, table.ratings, lowest, highest),
        "missing": missing,
    }
    return storable(found)


def _version(table: Tables, v: int, seed: int, lowest: float, highest: float) -> dict[str, Any]:
    values = table.ratings[..., v]
    return {
        "name": table.versions[v],
        "main": figure(crossed_mean(values).within(lowest, highest)),
        "bootstrap": figure(crossed_bootstrap(values, seed)),
        "without_any_one": left_out_range(values),
        "box": _box(values[np.isfinite(values)]),
    }


def _box(values: Values) -> dict[str, Any] | None:
    """Quartiles of all answers, whiskers to the last answer within 1.5 boxes (Tukey 1977)."""
    if not values.size:
        return None
    lower, median, upper = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    reach = 1.5 * (upper - lower)
    inside = values[(values >= lower - reach) & (values <= upper + reach)]
    outside = np.sort(values[(values < lower - reach) | (values > upper + reach)])
    return {
        "median": median,
        "lower_quartile": lower,
        "upper_quartile": upper,
        "low_whisker": float(inside.min()),
        "high_whisker": float(inside.max()),
        "outside": [float(x) for x in outside],
        "deviation": float(values.std(ddof=1)) if values.size > 1 else None,
    }


def _pairs(table: Tables, means: Values) -> list[dict[str, Any]]:
    wilcoxon = pair_tests(wilcoxon_pairs(means))
    rows = [
        {
            "first": table.versions[i],
            "second": table.versions[j],
            "difference": difference(table.ratings[..., i] - table.ratings[..., j]),
            "wilcoxon": wilcoxon[i, j],
        }
        for i, j in pairs_of(table.versions)
    ]
    adjust(rows, "difference")
    return rows


def _agreement(missing: dict[str, str], table: Tables, means: Values) -> dict[str, Any]:
    """ICC over all things rated (each version of each clip), W of the participants' means."""
    things = table.ratings.reshape(len(table.people), -1)
    found = attempt(missing, "icc", lambda: icc(things))
    told: dict[str, Any] = {
        "icc": None if found is None else {form: plain(one) for form, one in found.items()}
    }
    if len(table.versions) > 1:
        told["kendall_w"] = concordance_of(missing, means)
    return told
