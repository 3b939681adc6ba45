"""Analysis of pairwise choices: shares, exact and crossed tests, Bradley-Terry, agreement."""

from __future__ import annotations

from typing import Any

import numpy as np

from seehear.errors import InputError
from seehear.listen.analysis.figures import (
    adjust,
    attempt,
    clip_rows,
    difference,
    figure,
    left_out_range,
    pairs_of,
    storable,
)
from seehear.listen.analysis.strengths import strengths_of
from seehear.listen.config import ListeningTest
from seehear.listen.statistics.bootstrap import crossed_bootstrap
from seehear.listen.statistics.interval import Values
from seehear.listen.statistics.shares import binomial_p, crossed_share
from seehear.listen.tables import Tables


def analyse_pairwise(test: ListeningTest, table: Tables, seed: int) -> dict[str, Any]:
    """All figures of a pairwise test; keys as in the package's text."""
    missing: dict[str, str] = {}
    won = _won(table.outcomes)
    versions = []
    for v, name in enumerate(table.versions):
        found = {
            "name": name,
            "main": figure(crossed_share(won[..., v])),
            "bootstrap": figure(crossed_bootstrap(won[..., v], seed)),
            "without_any_one": left_out_range(won[..., v]),
        }
        if test.reference and name != test.reference:
            above = table.outcomes[..., v, table.versions.index(test.reference)]
            found["above_reference"] = figure(crossed_share(above))
        versions.append(found)
    pairs = [_pair(table, i, j) for i, j in pairs_of(table.versions)]
    adjust(pairs, "difference")
    adjust(pairs, "binomial")
    analysis = {
        "main": {"name": "share preferred", "lowest": 0, "highest": 1, "better": "high"},
        "versions": versions,
        "pairs": pairs,
        "tests": {},
        "strengths": attempt(missing, "strengths", lambda: strengths_of(test, table)),
        "agreement": {"same_choice": attempt(missing, "same_choice", lambda: _same(table))},
        "clips": clip_rows(table, won, 0, 1),
        "missing": missing,
    }
    return storable(analysis)


def _won(outcomes: Values) -> Values:
    """Share of its comparisons that a version won in a cell [P, C, V]; NaN without any."""
    compared = np.isfinite(outcomes)
    count = compared.sum(-1)
    total = np.where(compared, outcomes, 0.0).sum(-1)
    won: Values = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return won


def _pair(table: Tables, i: int, j: int) -> dict[str, Any]:
    outcome = table.outcomes[..., i, j]
    wins, losses = int((outcome == 1).sum()), int((outcome == 0).sum())
    return {
        "first": table.versions[i],
        "second": table.versions[j],
        "wins": wins,
        "losses": losses,
        "none": int((outcome == 0.5).sum()),
        "preferred": figure(crossed_share(outcome)),
        # Of "as often as not": the distance of the share from one half.
        "difference": difference(outcome - 0.5),
        "binomial": {"p": binomial_p(wins, losses), "method": "exact, answers as independent"},
    }


def _same(table: Tables) -> dict[str, Any]:
    """How often two participants chose the same on the same page, and how often by chance.

    By chance: if everybody chose at random with the shares that all choices of the test have.

    Raises:
        InputError: no page was answered by two people.
    """
    upper = [table.outcomes[..., i, j] for i, j in pairs_of(table.versions)]
    pages = np.stack(upper, axis=-1).reshape(len(table.people), -1)
    counts = np.stack([(pages == choice).sum(0) for choice in (1.0, 0.5, 0.0)])
    answered = counts.sum(0)
    couples = (answered * (answered - 1)).sum()
    if not couples:
        raise InputError("no page was answered by two people, so nobody can agree")
    shares = counts.sum(1) / counts.sum()
    return {
        "share": float((counts * (counts - 1)).sum() / couples),
        "by_chance": float((shares**2).sum()),
        "pages": int((answered > 1).sum()),
    }
