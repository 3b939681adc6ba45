"""Bradley-Terry strengths of a test, with both kinds of intervals, as dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np

from seehear.listen.analysis.figures import pairs_of
from seehear.listen.config import ListeningTest
from seehear.listen.statistics.bradley_terry import (
    Contrast,
    contrast,
    contributions,
    counts_of,
    fit_strengths,
)
from seehear.listen.statistics.pairwise_tests import holm
from seehear.listen.tables import Tables

METHOD = (
    "Bradley-Terry by maximum likelihood, no preference as half a win each; intervals with "
    "participants and clips as crossed random effects (sandwich), beside them those of the Hessian"
)


def strengths_of(test: ListeningTest, table: Tables) -> dict[str, Any]:
    """Log strengths against the mean of all, and against each other.

    Raises:
        InputError: versions that were never compared with the others.
    """
    wins, ties = counts_of(table.outcomes)
    fitted = fit_strengths(wins, ties)
    moved = contributions(fitted, table.outcomes)
    count = len(table.versions)
    versions = []
    for v, name in enumerate(table.versions):
        weights = np.eye(count)[v] - 1 / count
        versions.append({"name": name, **_plain(contrast(fitted, moved, weights))})
    pairs: list[dict[str, Any]] = []
    for i, j in pairs_of(table.versions):
        weights = np.eye(count)[i] - np.eye(count)[j]
        found = contrast(fitted, moved, weights)
        pairs.append(
            {
                "first": table.versions[i],
                "second": table.versions[j],
                **_plain(found),
                "chance": fitted.chance(i, j),
                "chance_low": _chance(found.low),
                "chance_high": _chance(found.high),
            }
        )
    for pair, p in zip(pairs, holm([pair["p"] for pair in pairs]), strict=True):
        pair["p_holm"] = float(p)
    told: dict[str, Any] = {
        "method": METHOD,
        "comparisons": fitted.num_comparisons,
        "prior": fitted.prior,
        "versions": versions,
        "pairs": pairs,
    }
    if ties.any():
        davidson = fit_strengths(wins, ties, how="davidson")
        told["davidson"] = {
            "tie": davidson.tie,
            "versions": dict(zip(table.versions, davidson.log_strength.tolist(), strict=True)),
        }
    return told


def _plain(found: Contrast) -> dict[str, float]:
    return {
        "log_strength": found.value,
        "low": found.low,
        "high": found.high,
        "low_independent": found.low_independent,
        "high_independent": found.high_independent,
        "p": found.p,
    }


def _chance(gap: float) -> float:
    return float(1 / (1 + np.exp(-gap)))
