"""From scores of sounds to scores of pairs, figures with intervals, and a page for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from seehear.metrics.report import RecordingBootstrap

Record = dict[str, Any]
SCORES = (
    *("sdr", "sir", "sar", "si_sdr", "si_sdr_gain"),
    *("clap_text", "clap_other", "clap_right"),
)


def pair_records(records: Sequence[Record]) -> list[Record]:
    """One record per pair and method: means over its sounds; a silent pair has no scores."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record["id"], record["method"]), []).append(record)
    made = []
    for (name, method), sounds in groups.items():
        silent = any(sound["silent"] for sound in sounds)
        row: Record = {
            "id": name,
            "method": method,
            "labels": "+".join(sound["label"] for sound in sounds),
            "recordings": "+".join(sound["recording"] for sound in sounds),
            "silent": silent,
        }
        for score in SCORES:
            values = [sound[score] for sound in sounds if score in sound]
            if len(values) == len(sounds) and not silent:
                row[score] = sum(values) / len(values)
        made.append(row)
    return made


def summarise_pairs(pairs: Sequence[Record], seed: int) -> dict[str, Any]:
    """Figures of an evaluation.

    Args:
        pairs: from `pair_records`.
        seed: of the bootstrap.

    Returns:
        `pairs`, `recordings`; `methods`: method -> score -> figure with a 95 % interval, drawn over
        recordings, and `silent`, the pairs that were left out.
    """
    methods: dict[str, Any] = {}
    for method in dict.fromkeys(pair["method"] for pair in pairs):
        own = [pair for pair in pairs if pair["method"] == method]
        figures: dict[str, Any] = {"silent": sum(pair["silent"] for pair in own)}
        for score in SCORES:
            figure = mean_of(own, score, seed)
            if figure is not None:
                figures[score] = figure
        methods[method] = figures
    return {
        "pairs": len({pair["id"] for pair in pairs}),
        "recordings": len({name for pair in pairs for name in pair["recordings"].split("+")}),
        "methods": methods,
    }


def class_means(records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Class -> number of its sounds, and the mean score of them by method.

    The score is `sdr`, or `si_sdr_gain` where SDR was left out; silent pairs are left out.
    """
    found: dict[str, dict[str, Any]] = {}
    score = "sdr" if any("sdr" in record for record in records) else "si_sdr_gain"
    for label in sorted({record["label"] for record in records}):
        row: dict[str, Any] = {"score": score}
        own = [r for r in records if r["label"] == label and not r["silent"]]
        for method in dict.fromkeys(record["method"] for record in records):
            values = [r[score] for r in own if r["method"] == method]
            if values:
                row |= {"n": len(values), method: round(sum(values) / len(values), 4)}
        found[label] = row
    return found


def mean_of(pairs: Sequence[Record], score: str, seed: int) -> dict[str, Any] | None:
    """Mean of a score over the pairs that have it, with its interval; None where none has."""
    kept = [pair for pair in pairs if math.isfinite(pair.get(score, math.nan))]
    if not kept:
        return None
    # Two places of a pair draw from the same recordings, so they are one group.
    sources = [{"clips": tuple(pair["recordings"].split("+"))} for pair in kept]
    figure = asdict(RecordingBootstrap(sources, seed=seed).mean([pair[score] for pair in kept]))
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in figure.items()}


def pair_page(summary: Mapping[str, Any]) -> str:
    """Markdown page of a summary."""
    shown = [s for s in SCORES if any(s in row for row in summary["methods"].values())]
    model = summary["model"]
    lines = [
        f"# Separation of {summary['pairs']} pairs of clips",
        "",
        f"Model {model['id']}, asked by {model['frames']} frames of each clip "
        f"({model['frame_encoder']}); protocol {summary['options']['protocol']}; "
        f"{summary['recordings']} recordings. Brackets: 95 %, bootstrap over recordings. dB; means over "
        "pairs of means over sounds. Pairs with a silent clip or answer are left out of a row and counted.",
        "",
        "| | n | silent | " + " | ".join(shown) + " |",
        "|---" * (len(shown) + 3) + "|",
    ]
    for method, scores in summary["methods"].items():
        cells = [_cell(scores.get(name)) for name in shown]
        count = summary["pairs"] - scores["silent"]
        lines.append(f"| {method} | {count} | {scores['silent']} | {' | '.join(cells)} |")
    lines += [f"\n{note}." for note in summary["notes"]]
    methods = list(summary["methods"])
    name = next((row["score"] for row in summary["classes"].values()), "sdr")
    lines += ["", f"| {name} by class | n | " + " | ".join(methods) + " |"]
    lines += ["|---" * (len(methods) + 2) + "|"]
    for label, row in summary["classes"].items():
        cells = [f"{row[m]:.2f}" if m in row else "-" for m in methods]
        lines.append(f"| {label} | {row.get('n', 0)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "-"
    return f"{figure['value']:.2f} ({figure['low']:.2f}..{figure['high']:.2f})"
