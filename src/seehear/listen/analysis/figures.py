"""What the analyses share: figures as dictionaries, pairs, per-clip tables, one left out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from seehear.errors import InputError
from seehear.listen.statistics.agreement import Concordance, Correlation, kendalls_w
from seehear.listen.statistics.crossed import crossed_mean, p_values, variance_components
from seehear.listen.statistics.friedman import friedman
from seehear.listen.statistics.interval import Interval, Values
from seehear.listen.statistics.pairwise_tests import PairTest, holm
from seehear.listen.tables import Tables

Figure = dict[str, Any]


def storable(value: Any) -> Any:
    """JSON knows neither NaN nor infinity, and nobody reads the tenth digit."""
    if isinstance(value, dict):
        return {key: storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.8g}") if math.isfinite(value) else None
    return value


def figure(interval: Interval) -> Figure:
    """An interval as a dictionary."""
    return {
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "confidence": interval.confidence,
        "method": interval.method,
        "participants": interval.num_participants,
        "clips": interval.num_clips,
        "answers": interval.num_answers,
    }


def attempt(missing: dict[str, str], name: str, compute: Callable[[], Any]) -> Any:
    """What `compute` gives, or None with the reason noted under `name`."""
    try:
        return compute()
    except InputError as error:
        missing[name] = str(error)
        return None


def pairs_of(versions: tuple[str, ...]) -> list[tuple[int, int]]:
    """Indices of all pairs, in the test's order."""
    return list(combinations(range(len(versions)), 2))


def participant_means(ratings: Values) -> Values:
    """One row per participant: mean over the clips whose versions were all answered [P, V]."""
    whole = np.isfinite(ratings).all(-1, keepdims=True)
    count = whole.sum(1)
    total = np.where(whole, ratings, 0.0).sum(1)
    means: Values = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means


def difference(values: Values) -> Figure:
    """Mean of a difference [P, C] with interval and p."""
    found = figure(crossed_mean(values))
    found["p"] = float(p_values(variance_components(values)))
    return found


def adjust(rows: list[dict[str, Any]], *path: str) -> None:
    """Add Holm's `p_holm` beside every `p` found at `path` in the rows."""
    cells = []
    for row in rows:
        cell: Any = row
        for key in path:
            cell = cell[key]
        cells.append(cell)
    for cell, p in zip(cells, holm([cell["p"] for cell in cells]), strict=True):
        cell["p_holm"] = float(p)


def pair_tests(found: list[PairTest] | tuple[PairTest, ...] | None) -> dict[tuple[int, int], Any]:
    """Tests by pair: p, corrected p and blocks."""
    return {
        (t.first, t.second): {"p": t.p, "p_adjusted": t.p_adjusted, "blocks": t.num_blocks}
        for t in found or ()
    }


def friedman_of(missing: dict[str, str], blocks: Values, name: str, said: str) -> Any:
    """Friedman's test as a dictionary, or None with the reason noted."""
    found = attempt(missing, name, lambda: friedman(blocks))
    if found is None:
        return None
    plain = dataclasses.asdict(found)
    del plain["pairs"]
    return {**plain, "blocks": said, "method": "Friedman, corrected for ties; F of Iman, Davenport"}


def concordance_of(missing: dict[str, str], means: Values) -> Any:
    """Kendall's W of the participants' own means."""
    found = attempt(missing, "kendall_w", lambda: kendalls_w(means))
    return None if found is None else plain(found)


def plain(found: Concordance | Correlation) -> dict[str, Any]:
    """A dataclass of numbers as a dictionary."""
    return dataclasses.asdict(found)


def left_out_range(values: Values) -> dict[str, float] | None:
    """Smallest and largest mean when any one participant is left out; None for one person."""
    present = np.isfinite(values)
    people = present.any(1)
    if people.sum() < 2:
        return None
    sums, counts = np.where(present, values, 0.0).sum(1), present.sum(1)
    means = ((sums.sum() - sums) / np.maximum(counts.sum() - counts, 1))[people]
    return {"lowest": float(means.min()), "highest": float(means.max())}


def clip_rows(table: Tables, values: Values, lowest: float, highest: float) -> list[dict[str, Any]]:
    """Main figure of every clip and version, intervals over participants only.

    Args:
        table: names.
        values: main figure per cell [P, C, V].
        lowest: smallest value that the figure can have.
        highest: largest value.
    """
    rows = []
    for c, clip in enumerate(table.clips):
        cells = {
            name: figure(crossed_mean(values[:, c : c + 1, v]).within(lowest, highest))
            for v, name in enumerate(table.versions)
        }
        rows.append({"clip": clip, "versions": cells})
    return rows
