"""From the per-clip table to the figures of an evaluation; `summary_page` writes them for people.

Every figure has its interval (95 %, bootstrap over recordings, see `metrics/report.py`) and n. Only
the pooled ENV has none: the published average takes a root over batches of clips in list order,
which resampling would tear apart.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from seehear.data.manifest import ClipRow
from seehear.metrics.remix import ENV_POOL, pooled_envelope_distance
from seehear.metrics.report import Interval, RecordingBootstrap
from seehear.tasks.highlight.scoring import LEVELS, Record

DISTANCES = ("mag", "env", "w_dis", "mag_matched", "env_matched", "w_dis_matched")
POOLED = {"env_pooled": "env_power", "env_matched_pooled": "env_power_matched"}
NOT_SCORES = ("id", "method", "level", "as_written", "seed", "donor", "focus", "duration_s")


class Figures:
    """Computes figures for sets of clips; bootstrap weights are shared by all of them.

    Args:
        rows: clips of the evaluation.
        seed: of the bootstrap.
    """

    def __init__(self, rows: Sequence[ClipRow], seed: int = 0) -> None:
        self._sources = {row.id: row.sources for row in rows}
        self._seed = seed
        self._known: dict[tuple[str, ...], RecordingBootstrap] = {}

    def bootstrap(self, ids: Sequence[str]) -> RecordingBootstrap:
        """Weights for a list of clips."""
        key = tuple(ids)
        if key not in self._known:
            self._known[key] = RecordingBootstrap([self._sources[i] for i in ids], seed=self._seed)
        return self._known[key]

    def method(self, records: Sequence[Record]) -> dict[str, Any]:
        """Mean of every score of one method (one record per clip), with pooled ENV."""
        found: dict[str, Any] = {"num_clips": len(records)}
        for name in _score_names(records):
            finite = [r for r in records if math.isfinite(r.get(name, math.nan))]
            if finite:
                interval = self.bootstrap([r["id"] for r in finite]).mean([r[name] for r in finite])
                found[name] = _figure(interval)
        for name, power in POOLED.items():
            value = pooled_envelope_distance([r[power] for r in records])
            found[name] = {"value": value, "x100": 100 * value, "pool": ENV_POOL}
        return found

    def reduction(self, records: Sequence[Record], base: Sequence[Record]) -> dict[str, Any]:
        """How far each distance lies below that of the same clips in `base`, as a fraction.

        A distance that is 0 in `base` cannot be reduced and is left out.
        """
        bootstrap = self.bootstrap([r["id"] for r in records])
        found: dict[str, Any] = {}
        for name in DISTANCES:
            ours, theirs = _column(records, name), _column(base, name)
            if any(theirs):
                found[name] = _plain(bootstrap.reduction(ours, theirs))
        for name, power in POOLED.items():
            ours, theirs = _column(records, power), _column(base, power)
            if any(theirs):
                ratio = pooled_envelope_distance(ours) / pooled_envelope_distance(theirs)
                found[name] = {"value": 1 - ratio}
        return found

    def swapped(self, records: Sequence[Record], model: Sequence[Record]) -> dict[str, Any]:
        """What another scene's context does: difference to the model's own score, clip by clip.

        The seeds of a clip are averaged first, so a clip counts once.
        """
        by_clip: dict[str, list[Record]] = {}
        for record in records:
            by_clip.setdefault(record["id"], []).append(record)
        own = [record for record in model if record["id"] in by_clip]
        ids = [record["id"] for record in own]
        bootstrap = self.bootstrap(ids)
        found: dict[str, Any] = {"num_clips": len(ids), "num_runs": len(records)}
        for name in DISTANCES:
            swapped = [float(np.mean(_column(by_clip[i], name))) for i in ids]
            base = _column(own, name)
            found[name] = {"difference": _figure(bootstrap.paired_difference(swapped, base))}
            if any(base):
                less = bootstrap.reduction(swapped, base)
                found[name]["worse_by"] = {
                    "value": -less.value,
                    "low": -less.high,
                    "high": -less.low,
                }
        return found


def summarise(records: Sequence[Record], rows: Sequence[ClipRow], seed: int = 0) -> dict[str, Any]:
    """All figures of an evaluation.

    Args:
        records: rows of the table, as `scoring.score_clip` yields them.
        rows: clips of the evaluation, in list order.
        seed: of the bootstrap.

    Returns:
        JSON-ready: `clips`, `recordings`, `methods`, `reduction` against the input, `by_level`,
        and, where they were run, `swapped` and `blind`.
    """
    figures = Figures(rows, seed)
    written = [r for r in records if r["as_written"]]
    by_method = _group(written, "method")
    found: dict[str, Any] = {
        "clips": len(rows),
        "recordings": {
            stem: len({name for row in rows for name in row.sources.get(stem, ())})
            for stem in dict.fromkeys(stem for row in rows for stem in row.sources)
        },
        "methods": {
            name: figures.method(group)
            for name, group in by_method.items()
            if name != "model_swapped"
        },
        "reduction": {
            name: figures.reduction(group, _same_clips(by_method["input"], group))
            for name, group in by_method.items()
            if name not in ("input", "model_swapped")
        },
        "by_level": _by_level(figures, records),
    }
    if "model_swapped" in by_method:
        found["swapped"] = figures.swapped(by_method["model_swapped"], by_method["model"])
    if "model_blind" in by_method:
        found["blind"] = figures.swapped(by_method["model_blind"], by_method["model"])
    return found


def _by_level(figures: Figures, records: Sequence[Record]) -> dict[str, Any]:
    """Input and model at low, moderate and high: every clip at each, or the clips written so."""
    forced = [r for r in records if not r["as_written"]]
    found: dict[str, Any] = {}
    for level in LEVELS:
        chosen = _group([r for r in forced or records if r["level"] == level], "method")
        if "input" not in chosen:
            continue
        found[level] = {"input": figures.method(chosen["input"])}
        if "model" in chosen:
            found[level]["model"] = figures.method(chosen["model"])
            found[level]["reduction"] = figures.reduction(chosen["model"], chosen["input"])
    return found


def _group(records: Sequence[Record], key: str) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record[key], []).append(record)
    return groups


def _same_clips(records: Sequence[Record], like: Sequence[Record]) -> list[Record]:
    by_id = {record["id"]: record for record in records}
    return [by_id[record["id"]] for record in like]


def _score_names(records: Sequence[Record]) -> list[str]:
    names = dict.fromkeys(name for record in records for name in record)
    return [name for name in names if name not in (*NOT_SCORES, *POOLED.values())]


def _column(records: Sequence[Record], name: str) -> list[float]:
    return [float(record[name]) for record in records]


def _plain(interval: Interval) -> dict[str, Any]:
    return dataclasses.asdict(interval)


def _figure(interval: Interval) -> dict[str, Any]:
    return {**_plain(interval), "x100": 100 * interval.value}
