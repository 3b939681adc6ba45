"""Analysis of rankings: ranks, shares, Friedman and pairs, Bradley-Terry, Kendall's W."""

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
    storable,
)
from seehear.listen.analysis.strengths import strengths_of
from seehear.listen.config import ListeningTest
from seehear.listen.statistics.agreement import kendalls_w
from seehear.listen.statistics.bootstrap import crossed_bootstrap
from seehear.listen.statistics.crossed import crossed_mean
from seehear.listen.statistics.friedman import friedman
from seehear.listen.statistics.interval import Values
from seehear.listen.statistics.pairwise_tests import conover_pairs, wilcoxon_pairs
from seehear.listen.statistics.shares import crossed_share
from seehear.listen.tables import Tables


def analyse_ranking(test: ListeningTest, table: Tables, seed: int) -> dict[str, Any]:
    """All figures of a ranking; keys as in the package's text."""
    missing: dict[str, str] = {}
    ranks, count = table.ratings, len(table.versions)
    means = participant_means(ranks)
    trials = ranks.reshape(-1, count)
    versions = [_version(test, table, v, seed) for v in range(count)]
    tests = {
        "friedman": friedman_of(missing, means, "friedman", "mean ranks of each participant"),
        "friedman_trials": friedman_of(
            missing, trials, "friedman_trials", "every ranking, as if all were independent"
        ),
    }
    strengths = attempt(missing, "strengths", lambda: strengths_of(test, table))
    found = {
        "main": {"name": "mean rank", "lowest": 1, "highest": count, "better": "low"},
        "versions": versions,
        "pairs": _pairs(table, means, missing),
        "tests": {name: value for name, value in tests.items() if value},
        "strengths": strengths,
        "agreement": _agreement(missing, ranks, means),
        "clips": clip_rows(table, ranks, 1, count),
        "missing": missing,
    }
    return storable(found)


def _version(test: ListeningTest, table: Tables, v: int, seed: int) -> dict[str, Any]:
    ranks, count = table.ratings[..., v], len(table.versions)
    found: dict[str, Any] = {
        "name": table.versions[v],
        "main": figure(crossed_mean(ranks).within(1, count)),
        "bootstrap": figure(crossed_bootstrap(ranks, seed)),
        "without_any_one": left_out_range(ranks),
        "first": figure(crossed_share(_at_most(ranks, 1))),
    }
    if count > 2:
        found["top_two"] = figure(crossed_share(_at_most(ranks, 2)))
    if test.reference and table.versions[v] != test.reference:
        above = table.outcomes[..., v, table.versions.index(test.reference)]
        found["above_reference"] = figure(crossed_share(above))
    found["places"] = [int((ranks == place).sum()) for place in range(1, count + 1)]
    return found


def _at_most(ranks: Values, place: int) -> Values:
    return np.where(np.isfinite(ranks), (ranks <= place).astype(np.float64), np.nan)


def _pairs(table: Tables, means: Values, missing: dict[str, str]) -> list[dict[str, Any]]:
    whole = means[np.isfinite(means).all(1)]
    tested = {
        "nemenyi": pair_tests(_nemenyi(whole)),
        "conover": pair_tests(attempt(missing, "conover", lambda: conover_pairs(whole))),
        "wilcoxon": pair_tests(wilcoxon_pairs(means)),
    }
    rows = []
    for i, j in pairs_of(table.versions):
        rows.append(
            {
                "first": table.versions[i],
                "second": table.versions[j],
                "difference": difference(table.ratings[..., i] - table.ratings[..., j]),
                "preferred": figure(crossed_share(table.outcomes[..., i, j])),
                **{name: by_pair.get((i, j)) for name, by_pair in tested.items()},
            }
        )
    adjust(rows, "difference")
    return rows


def _nemenyi(whole: Values) -> tuple[Any, ...]:
    return friedman(whole).pairs if len(whole) > 1 else ()


def _agreement(missing: dict[str, str], ranks: Values, means: Values) -> dict[str, Any]:
    """W of mean ranks (do people agree in all), and of single clips (on what they just heard)."""
    per_clip = []
    for clip in range(ranks.shape[1]):
        rows = ranks[:, clip][np.isfinite(ranks[:, clip]).all(1)]
        if len(rows) > 1:
            per_clip.append(kendalls_w(rows).w if np.ptp(rows, axis=1).any() else 0.0)
    found: dict[str, Any] = {"kendall_w": concordance_of(missing, means)}
    if per_clip:
        found["kendall_w_clips"] = {
            "mean": float(np.mean(per_clip)),
            "lowest": float(min(per_clip)),
            "highest": float(max(per_clip)),
            "num_clips": len(per_clip),
        }
    return found
