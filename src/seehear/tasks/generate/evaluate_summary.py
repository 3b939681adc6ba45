"""From scores of clips to figures with intervals, and to a page for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from seehear.metrics.generation import SPLITS, frechet_distance, inception_score
from seehear.metrics.report import Interval, RecordingBootstrap
from seehear.tasks.generate.contenders import REFERENCE
from seehear.tasks.generate.scoring import Record, Scored

MEANS = (
    *("within", "onset_f1", "right", "cavp", "v2s_r1", "s2v_r1", "mel_l1", "mr_stft"),
    *("syllabic", "pitched", "clap_text", "clap_right", "kl"),
)
COLUMNS: dict[str, str] = {
    "onset_ms": "onset error, median ms",
    "within": "onsets within 50 ms",
    "onset_f1": "onset F1",
    "right": "class right",
    "real_right": "class right, real sounds",
    "cavp": "CAVP",
    "v2s_r1": "picture finds sound",
    "s2v_r1": "sound finds picture",
    "mel_l1": "mel L1",
    "mr_stft": "MR-STFT",
    "syllabic": "syllabic",
    "pitched": "pitched",
    "clap_text": "CLAP",
    "clap_right": "CLAP right",
    "kl": "KL",
    "frechet": "FD",
    "inception": "IS",
}


def summarise(scored: Mapping[str, Scored], seed: int) -> dict[str, Any]:
    """Figures of all contenders.

    Args:
        scored: contender -> its scores.
        seed: of the bootstrap.

    Returns:
        `contenders`: name -> score -> figure with a 95 % interval over recordings; `frechet` and
        `inception` have none. `classes`: class -> clips and the model's figures.
    """
    truth = scored[REFERENCE].heard
    contenders = {}
    for name, found in scored.items():
        figures = figures_of(found.records, seed)
        if found.heard is not None and truth is not None:
            distance = frechet_distance(truth.embeddings, found.heard.embeddings)
            score = inception_score(found.heard.probabilities)
            figures["frechet"] = {"value": round(distance, 4), "sounds": len(found.records)}
            figures["inception"] = {
                "value": round(score.mean, 4),
                "std": round(score.std, 4),
                "splits": min(SPLITS, len(found.records)),
            }
        contenders[name] = figures
    return {"contenders": contenders}


def figures_of(records: Sequence[Record], seed: int) -> dict[str, Any]:
    """Figures of some clips' records."""
    sources = [{"recording": [record["recording"]]} for record in records]
    bootstrap = RecordingBootstrap(sources, seed=seed)
    figures: dict[str, Any] = {}
    lists = [record["onset_ms"] for record in records]
    if any(lists):
        figures["onset_ms"] = _plain(bootstrap.median(lists)) | {"onsets": sum(map(len, lists))}
    for name in MEANS:
        kept = [r for r in records if math.isfinite(r.get(name, math.nan))]
        if kept:
            own = bootstrap
            if len(kept) < len(records):
                own = RecordingBootstrap([{"": [r["recording"]]} for r in kept], seed=seed)
            figures[name] = _plain(own.mean([r[name] for r in kept]))
    return figures


def by_class(
    records: Sequence[Record], reference: Sequence[Record], seed: int
) -> dict[str, dict[str, Any]]:
    """Class -> figures of its clips, and `real_right`: the classifier on the references."""
    found: dict[str, dict[str, Any]] = {}
    for label in sorted({record["label"] for record in records}):
        own = [r for r in records if r["label"] == label]
        row = {"clips": len(own), **figures_of(own, seed)}
        real = figures_of([r for r in reference if r["label"] == label], seed)
        if "right" in real:
            row["real_right"] = real["right"]
        found[label] = row
    return found


def _plain(interval: Interval) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(interval).items()}


def page(summary: Mapping[str, Any]) -> str:
    """Markdown tables of a summary."""
    model, drawn = summary["model"], summary["drawn"]
    shown = [key for key in COLUMNS if any(key in row for row in summary["contenders"].values())]
    lines = [
        f"# Sounds for {summary['clips']} silent clips of {summary['classes']} classes",
        "",
        f"Model {model['id']}, {drawn['steps']} steps, guidance {drawn['guidance']:g}, seed "
        f"{drawn['seed']}; {summary['recordings']} independent recordings; intervals: 95 %, bootstrap "
        f"over recordings. All sounds low-passed at {summary['band_hz']:g} Hz and at the level of the "
        f"reference. Retrieval in galleries of {summary['gallery']}, chance "
        f"{summary['chance']['retrieval']:.4f}; classes by chance {summary['chance']['class']:.4f}.",
        "",
        *(f"{note}." for note in summary["notes"]),
        "",
        "| sound | " + " | ".join(COLUMNS[key] for key in shown) + " |",
        "|---" * (len(shown) + 1) + "|",
    ]
    for name, figures in summary["contenders"].items():
        lines.append(f"| {name} | " + " | ".join(cell(figures.get(key)) for key in shown) + " |")
    rows = summary["by_class"].values()
    wanted = ("onset_ms", "within", "right", "real_right", "cavp")
    some = [key for key in wanted if any(key in row for row in rows)]
    heads = " | ".join(COLUMNS[key] for key in some)
    lines += ["", f"| class (model) | clips | {heads} |", "|---" * (len(some) + 2) + "|"]
    for label, figures in summary["by_class"].items():
        cells = " | ".join(cell(figures.get(key)) for key in some)
        lines.append(f"| {label} | {figures['clips']} | {cells} |")
    if summary.get("transfer"):
        lines += ["", *_transfer(summary["transfer"])]
    return "\n".join(lines) + "\n"


def _transfer(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = [key for key in rows[0] if key not in ("amount", "clips")]
    lines = [
        f"Transfer of another clip's sound, {rows[0]['clips']} clips:",
        "",
        "| amount | " + " | ".join(name.replace("_", " ") for name in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for row in rows:
        cells = " | ".join(cell(row[name]) for name in names)
        lines.append(f"| {row['amount']:g} | {cells} |")
    return lines


def cell(figure: Mapping[str, Any] | None) -> str:
    """A figure in a table."""
    if figure is None:
        return "-"
    value = figure["value"]
    digits = 1 if abs(value) >= 20 else 3
    if "low" not in figure:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({figure['low']:.{digits}f}..{figure['high']:.{digits}f})"
