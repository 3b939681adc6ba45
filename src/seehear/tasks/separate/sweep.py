"""`seehear evaluate separate --sweep NAME=V1,V2,...`: the same evaluation several times, one table, one plot.

sweep.csv, sweep.jsonl   one row per value and method
sweep.md                 the same for people
sweep.png                SDR (SI-SDR gain where SDR was left out) against the value, with intervals
V1/, V2/, ...            the single evaluations
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seehear.errors import MissingDependency, OutputError
from seehear.metrics.report import write_table, write_text
from seehear.tasks.separate.evaluate_options import EvaluateOptions, sweep_values
from seehear.train.loop import Progress

TABLE, PLOT, SUMMARY = "sweep", "sweep.png", "summary.json"
SHOWN = ("sdr", "sir", "sar", "si_sdr_gain")
Evaluate = Callable[[EvaluateOptions, Progress | None], dict[str, Any]]


def sweep(
    options: EvaluateOptions, evaluate: Evaluate, progress: Progress | None = None
) -> dict[str, Any]:
    """Evaluate for every value; values that were finished before are not evaluated again.

    Args:
        options: with `sweep`.
        evaluate: one evaluation.
        progress: handed on.

    Returns:
        `output`, `values`, `table`, `plot` ("" without matplotlib), `notes`.

    Raises:
        OutputError: the folder holds a sweep already, or cannot be written.
        SeehearError: as a single evaluation raises.
    """
    table = options.output / f"{TABLE}.csv"
    if table.exists() and not options.force:
        raise OutputError(f"{table} exists already; use --force or another folder")
    name, values = sweep_values(options.sweep)
    rows: list[dict[str, Any]] = []
    for number, value in enumerate(values):
        folder = options.output / _folder(name, value, number)
        changed: dict[str, Any] = {name: value}
        single = replace(options, sweep="", output=folder, **changed)
        if options.force or not (folder / SUMMARY).is_file():
            evaluate(single, _said(progress, f"{name} {value}"))
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        rows += _rows(name, value, summary)
    plot, notes = _plot(options.output / PLOT, name, rows)
    write_text(options.output / f"{TABLE}.md", sweep_page(name, rows, options))
    write_table(options.output / TABLE, rows)
    return {
        "output": str(options.output),
        "values": values,
        "table": str(table),
        "plot": plot,
        "notes": notes,
    }


def sweep_page(name: str, rows: Sequence[Mapping[str, Any]], options: EvaluateOptions) -> str:
    """Markdown table of a sweep."""
    shown = [score for score in SHOWN if any(score in row for row in rows)]
    lines = [
        f"# {name} varied",
        "",
        f"`{options.manifest.name}`, protocol {options.protocol}"
        + (f", model {options.model}" if name != "model" else "")
        + ". Brackets: 95 %, bootstrap over recordings. dB.",
        "",
        f"| {name} | method | n | " + " | ".join(shown) + " |",
        "|---" * (len(shown) + 3) + "|",
    ]
    for row in rows:
        cells = [
            f"{row[s]:.2f} ({row[f'{s}_low']:.2f}..{row[f'{s}_high']:.2f})" if s in row else "-"
            for s in shown
        ]
        lines.append(f"| {row[name]} | {row['method']} | {row['n']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _rows(name: str, value: int | str, summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for method, scores in summary["methods"].items():
        figures = {score: scores[score] for score in SHOWN if score in scores}
        if method == "mixture" or not figures:
            continue
        row: dict[str, Any] = {name: value, "method": method}
        row["n"] = next(iter(figures.values()))["num_clips"]
        for score, figure in figures.items():
            row |= {score: figure["value"]}
            row |= {f"{score}_low": figure["low"], f"{score}_high": figure["high"]}
        rows.append(row)
    return rows


def _folder(name: str, value: int | str, number: int) -> str:
    if name != "model":
        return f"{name}-{value}"
    # Folders of checkpoints are often all called `checkpoint`.
    return f"model-{number}-{Path(str(value)).name}"


def _said(progress: Progress | None, prefix: str) -> Progress | None:
    if progress is None:
        return None
    return lambda done, total, note: progress(done, total, f"{prefix}: {note}")


def _plot(path: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Write the plot; its path, or a note why there is none."""
    try:
        draw_sweep(path, name, rows)
    except MissingDependency as error:
        return "", [str(error)]
    return str(path), []


def draw_sweep(path: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw a score against the value, a line per method.

    Args:
        path: of the picture.
        name: of what is varied.
        rows: as in the table.

    Raises:
        MissingDependency: matplotlib is not installed.
        OutputError: the picture cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependency("matplotlib", "report", "the plot of a sweep") from error
    score = next(s for s in ("sdr", "si_sdr_gain") if any(s in row for row in rows))
    figure = Figure(figsize=(5.0, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method and score in row]
        at = [row[name] for row in own]
        middle = [row[score] for row in own]
        reach = [
            [row[score] - row[f"{score}_low"] for row in own],
            [row[f"{score}_high"] - row[score] for row in own],
        ]
        places = list(range(len(at))) if name == "model" else at
        axes.errorbar(places, middle, yerr=reach, marker="o", capsize=3, label=method)
        if name == "model":
            axes.set_xticks(places, [str(value) for value in at])
    axes.set_xlabel(name)
    axes.set_ylabel({"sdr": "SDR, dB", "si_sdr_gain": "SI-SDR gain, dB"}[score])
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path, dpi=120, metadata={"Software": None})
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
