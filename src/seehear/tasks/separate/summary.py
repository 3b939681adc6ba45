"""From per-sound scores to figures with intervals and to a page for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from seehear.data.mix_manifest import MixRow
from seehear.metrics.report import RecordingBootstrap
from seehear.tasks.separate.scoring import Record

SCORES = (
    *("si_sdr_gain", "si_sdr", "sdr_gain", "sdr", "sir", "sir_gain", "sar"),
    *("wrong_query_gain", "right"),
)
LOOKS = ("photo", "click", "box")
"""Methods that point with a picture."""


class Figures:
    """Means with intervals, drawn over recordings.

    Args:
        rows: mixtures of the evaluation.
        seed: of the bootstrap.
    """

    def __init__(self, rows: Sequence[MixRow], seed: int) -> None:
        self._rows = {row.id: row for row in rows}
        self._seed = seed

    def mean(self, records: Sequence[Record], score: str) -> dict[str, Any] | None:
        """Mean of a score with its interval; None where no record has it."""
        kept = [r for r in records if math.isfinite(r.get(score, math.nan))]
        if not kept:
            return None
        bootstrap = RecordingBootstrap([self._sources(r) for r in kept], seed=self._seed)
        return _plain(asdict(bootstrap.mean([r[score] for r in kept])))

    def scores(self, records: Sequence[Record]) -> dict[str, Any]:
        """All scores of a list of records."""
        found = {score: self.mean(records, score) for score in SCORES}
        return {name: value for name, value in found.items() if value is not None}

    def recordings(self, records: Sequence[Record]) -> int:
        """Independent recordings of the sounds that were asked for."""
        stems = [self._rows[r["id"]].stems[r["sound"]] for r in records]
        return len({name for stem in stems for name in stem.recordings})

    def _sources(self, record: Record) -> dict[str, tuple[str, ...]]:
        stems = self._rows[record["id"]].stems
        own = stems[record["sound"]]
        others = [i for k, s in enumerate(stems) if k != record["sound"] for i in s.recordings]
        sources = {"asked": own.recordings, "others": tuple(others)}
        if record["method"] in LOOKS and own.picture_id:
            sources["picture"] = (own.picture_id,)
        return sources


def summarise(records: Sequence[Record], rows: Sequence[MixRow], seed: int) -> dict[str, Any]:
    """All figures of an evaluation.

    Returns:
        `methods`: method -> score -> figure; `classes`: class -> figures of the text query;
        `photo_against_text` (also click, box): class -> SI-SDR gain of both on the same sounds, and the
        difference.
    """
    figures = Figures(rows, seed)
    methods = sorted({r["method"] for r in records})
    text = [r for r in records if r["method"] == "text"]
    by_class = {}
    for label in sorted({r["label"] for r in text}):
        own = [r for r in text if r["label"] == label]
        by_class[label] = {
            "recordings_asked": figures.recordings(own),
            **{name: figures.mean(own, name) for name in ("si_sdr_gain", "sdr_gain", "right")},
        }
    return {
        "mixtures": len(rows),
        "sounds": len(text),
        "recordings": len({i for row in rows for s in row.stems for i in s.recordings}),
        "methods": {m: figures.scores([r for r in records if r["method"] == m]) for m in methods},
        "classes": by_class,
        **{f"{look}_against_text": _against_text(records, figures, look) for look in LOOKS},
    }


def _against_text(records: Sequence[Record], figures: Figures, look: str) -> dict[str, Any]:
    text = {(r["id"], r["sound"]): r for r in records if r["method"] == "text"}
    looked = [r for r in records if r["method"] == look]
    found = {}
    for label in [*sorted({r["label"] for r in looked}), "all"]:
        own = [r for r in looked if label in (r["label"], "all")]
        if not own:
            continue
        pairs = [
            {**r, "difference": r["si_sdr_gain"] - text[r["id"], r["sound"]]["si_sdr_gain"]}
            for r in own
        ]
        found[label] = {
            look: figures.mean(own, "si_sdr_gain"),
            "text": figures.mean([text[r["id"], r["sound"]] for r in own], "si_sdr_gain"),
            "difference": figures.mean(pairs, "difference"),
        }
    return found


def _plain(interval: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in interval.items()}


def page(summary: Mapping[str, Any]) -> str:
    """Markdown tables of a summary."""
    lines = [
        f"# Separation of {summary['sounds']} sounds in {summary['mixtures']} mixtures",
        "",
        f"Model {summary['model']['id']}, {summary['recordings']} independent recordings; intervals: "
        "95 %, bootstrap over recordings. dB.",
        "",
        "| asked by | n | " + " | ".join(SCORES) + " |",
        "|---" * (len(SCORES) + 2) + "|",
    ]
    for method, scores in summary["methods"].items():
        cells = [_cell(scores.get(name)) for name in SCORES]
        lines.append(f"| {method} | {scores['si_sdr_gain']['num_clips']} | {' | '.join(cells)} |")
    lines += [
        "",
        "| class (text) | n | recordings | SI-SDR gain | SDR gain | right |",
        "|---" * 6 + "|",
    ]
    ordered = sorted(summary["classes"].items(), key=lambda item: -item[1]["si_sdr_gain"]["value"])
    for label, scores in ordered:
        gain = scores["si_sdr_gain"]
        cells = [_cell(gain), _cell(scores["sdr_gain"]), _cell(scores["right"])]
        known = scores["recordings_asked"]
        lines.append(f"| {label} | {gain['num_clips']} | {known} | {' | '.join(cells)} |")
    for look in LOOKS:
        rows = summary[f"{look}_against_text"]
        if rows:
            lines += ["", f"| class | n | {look} | text | difference |", "|---" * 5 + "|"]
        for label, row in rows.items():
            cells = [_cell(row[name]) for name in (look, "text", "difference")]
            lines.append(f"| {label} | {row[look]['num_clips']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "-"
    return f"{figure['value']:.2f} ({figure['low']:.2f}..{figure['high']:.2f})"
