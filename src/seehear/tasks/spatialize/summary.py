"""From per-pair scores to figures with intervals and to a page for people. All of it is simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from seehear.data.pair_manifest import PairRow
from seehear.metrics.report import RecordingBootstrap
from seehear.tasks.spatialize.scoring import METHODS, Record

DISTANCES = ("stft_peak", "env_peak", "stft", "env", "stft_matched", "env_matched")
ANGLES = ((0, 10), (10, 20), (20, 30), (30, 45), (45, 60))
ASIDE_DEG = 10.0
"""A single source nearer to the middle has no side to get right."""
Keep = Callable[[Record], bool]


class Figures:
    """Means and ratios with intervals, drawn over recordings and pictures.

    Args:
        rows: pairs of the evaluation.
        records: scores of all of them.
        seed: of the bootstrap.
    """

    def __init__(self, rows: Sequence[PairRow], records: Sequence[Record], seed: int) -> None:
        self._rows = {row.id: row for row in rows}
        self._records, self._seed = records, seed
        self._mono = {(r["id"], r["head"]): r for r in records if r["method"] == "mono"}

    def pick(self, method: str, keep: Keep) -> list[Record]:
        """Records of a method that fulfil a condition."""
        return [r for r in self._records if r["method"] == method and keep(r)]

    def against_mono(self, method: str, score: str, keep: Keep) -> dict[str, Any] | None:
        """Mean score over the mean score of mono, on the same pairs."""
        own = self.pick(method, keep)
        if not own:
            return None
        base = [self._mono[r["id"], r["head"]][score] for r in own]
        found = self._bootstrap(own).reduction([r[score] for r in own], base)
        figure = asdict(found)
        return _plain(
            {**figure, "value": 1 - found.value, "low": 1 - found.high, "high": 1 - found.low}
        )

    def mean(self, method: str, score: str, keep: Keep) -> dict[str, Any] | None:
        """Mean of a score."""
        own = [r for r in self.pick(method, keep) if r.get(score) is not None]
        if not own:
            return None
        return _plain(asdict(self._bootstrap(own).mean([r[score] for r in own])))

    def median(self, method: str, score: str, keep: Keep) -> float | None:
        """Median of a score."""
        own = [r[score] for r in self.pick(method, keep) if r.get(score) is not None]
        return round(float(np.median(own)), 3) if own else None

    def _bootstrap(self, records: Sequence[Record]) -> RecordingBootstrap:
        sources = []
        for record in records:
            row = self._rows[record["id"]]
            pictures = tuple(source.picture_id for source in row.sources)
            sources.append({"sound": row.recordings(), "picture": pictures})
        return RecordingBootstrap(sources, seed=self._seed)


def summarise(records: Sequence[Record], rows: Sequence[PairRow], seed: int) -> dict[str, Any]:
    """All figures of an evaluation.

    Returns:
        `methods`: method -> figures over all pairs and heads; `heads`, `sources`, `backdrops`,
        `angles`: the same for parts of them.
    """
    figures = Figures(rows, records, seed)
    methods = [m for m in METHODS if any(r["method"] == m for r in records)]
    heads = sorted({r["head"] for r in records})
    return {
        "simulated": True,
        "pairs": len(rows),
        "recordings": len({name for row in rows for name in row.recordings()}),
        "pictures": len({source.picture_id for row in rows for source in row.sources}),
        "methods": _table(figures, methods, lambda _: True),
        "heads": {h: _table(figures, methods, _has("head", h)) for h in heads},
        "sources": {
            str(n): _table(figures, methods, _has("sources", n))
            for n in sorted({len(row.sources) for row in rows})
        },
        "backdrops": {
            b: _table(figures, methods, _has("backdrop", b))
            for b in sorted({row.backdrop for row in rows})
        },
        "angles": {
            f"{low}-{high}": _table(figures, methods, _between(low, high)) for low, high in ANGLES
        },
    }


def _table(figures: Figures, methods: Sequence[str], keep: Keep) -> dict[str, Any]:
    return {m: made for m in methods if (made := _figures(figures, m, keep))}


def _figures(figures: Figures, method: str, keep: Keep) -> dict[str, Any] | None:
    """Distances as they are and against mono; sides and angles of single sources."""
    count = len(figures.pick(method, keep))
    if not count:
        return None

    def single(record: Record) -> bool:
        return keep(record) and record["sources"] == 1

    def aside(record: Record) -> bool:
        return single(record) and abs(record["azimuth_deg"]) > ASIDE_DEG

    means = ("snr_db_peak", "d_phase")
    return {
        "n": count,
        **{name: figures.mean(method, name, keep) for name in (*DISTANCES, *means)},
        **{f"{name}_ratio": figures.against_mono(method, name, keep) for name in DISTANCES},
        "ild_error_db_median": figures.median(method, "ild_error_db", keep),
        "itd_error_us_median": figures.median(method, "itd_error_us", keep),
        "one_source_side": figures.mean(method, "side_agrees", aside),
        "one_source_ild_error_db_median": figures.median(method, "ild_error_db", single),
        "one_source_azimuth_error_deg_median": figures.median(method, "azimuth_error_deg", single),
    }


def _has(name: str, value: Any) -> Keep:
    return lambda record: bool(record[name] == value)


def _between(low: float, high: float) -> Keep:
    def keep(record: Record) -> bool:
        angle = record["azimuth_deg"]
        return angle is not None and low <= abs(angle) < high + (high == ANGLES[-1][1])

    return keep


def _plain(interval: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in interval.items()}


def page(summary: Mapping[str, Any]) -> str:
    """Markdown tables of a summary."""
    lines = [
        f"# {summary['pairs']} simulated pairs",
        "",
        f"Model {summary['model']['id']}; {summary['recordings']} independent recordings, "
        f"{summary['pictures']} pictures; heads {', '.join(summary['heads'])}. Simulated throughout. "
        "Intervals: 95 %, bootstrap over recordings and pictures. Ratios are to mono on the same pairs.",
    ]
    groups = {
        "all": {"": summary["methods"]},
        **{name: summary[name] for name in ("heads", "sources", "backdrops", "angles")},
    }
    for title, parts in groups.items():
        lines += ["", f"## {title}", "", _HEAD, "|---" * (_HEAD.count("|") - 1) + "|"]
        for part, methods in parts.items():
            lines += [_line(part, method, values) for method, values in methods.items()]
    return "\n".join(lines) + "\n"


_HEAD = (
    "| part | method | n | STFT | STFT / mono | ENV | ENV / mono | SNR dB | D_phase | side, one source "
    "| ILD error dB, median | of one source | azimuth error deg, median |"
)


def _line(part: str, method: str, values: Mapping[str, Any]) -> str:
    cells = [
        part,
        method,
        str(values["n"]),
        _cell(values["stft_peak"], 4),
        _cell(values["stft_peak_ratio"]),
        _cell(values["env_peak"], 4),
        _cell(values["env_peak_ratio"]),
        _cell(values["snr_db_peak"]),
        _cell(values["d_phase"]),
        _cell(values["one_source_side"]),
        _number(values["ild_error_db_median"]),
        _number(values["one_source_ild_error_db_median"]),
        _number(values["one_source_azimuth_error_deg_median"]),
    ]
    return f"| {' | '.join(cells)} |"


def _cell(figure: Mapping[str, Any] | None, digits: int = 3) -> str:
    if figure is None:
        return "-"
    value, low, high = (f"{figure[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
