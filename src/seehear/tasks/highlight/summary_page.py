"""The figures of an evaluation as a Markdown page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seehear.metrics.remix import ENV_POOL
from seehear.tasks.highlight.summary import DISTANCES

COLUMNS = {
    "mag": "MAG",
    "env_pooled": "ENV (pooled)",
    "env": "ENV (per clip)",
    "w_dis": "W-dis",
    "mag_matched": "MAG m.",
    "env_matched": "ENV m.",
    "w_dis_matched": "W-dis m.",
}
SEMANTIC = ("kld_", "image_audio_")


def page(summary: Mapping[str, Any]) -> str:
    """The figures as a Markdown page.

    Args:
        summary: as `summarise` returns it, with `model`, `manifest` and `timing` added.
    """
    lines = [
        "# Evaluation of highlight",
        "",
        f"Model: {summary['model'].get('id', 'none')}. Clips: {summary['clips']} of the split "
        f"`{summary['manifest']['split']}`; independent recordings: "
        + (", ".join(f"{n} {stem}" for stem, n in summary["recordings"].items()) or "unknown")
        + ".",
        f"Manifest hash {summary['manifest']['sha256'][:12]}. Distances are x 100 as published, "
        f"raw values are in summary.json; lower is better. Brackets: 95 % bootstrap over source "
        f"recordings. ENV (pooled) takes the mean inside the root over {ENV_POOL} clips, as "
        f"published. Matched: after the least-squares gain. All sound is scored in mono at "
        f"44.1 kHz.",
        "",
        "## Distances",
        "",
        *_distance_table(summary["methods"]),
        "",
        "## Below the input, per cent",
        "",
        *_reduction_table(summary["reduction"]),
    ]
    if summary["by_level"]:
        lines += ["", "## By level of difficulty", "", *_level_table(summary["by_level"])]
    for key, title in (("swapped", "Context of another scene"), ("blind", "No context at all")):
        if key in summary:
            lines += ["", f"## {title}", "", *_swap_table(summary[key])]
    if summary.get("timing"):
        lines += ["", "## Time", "", *_time_table(summary["timing"])]
    return "\n".join(lines) + "\n"


def _distance_table(methods: Mapping[str, Any]) -> list[str]:
    further = [n for n in next(iter(methods.values())) if n.startswith(SEMANTIC)]
    lines = _head(["method", *COLUMNS.values(), *further, "loudness, LU", "n"])
    for method, scores in methods.items():
        cells = [_bracket(scores.get(name), 100) for name in (*COLUMNS, *further)]
        cells.append(_bracket(scores.get("loudness_difference_lu"), 1))
        lines.append(_line([method, *cells, str(scores["num_clips"])]))
    return lines


def _reduction_table(reduction: Mapping[str, Any]) -> list[str]:
    lines = _head(["method", *COLUMNS.values()])
    for method, scores in reduction.items():
        lines.append(_line([method, *(_bracket(scores.get(name), 100, 1) for name in COLUMNS)]))
    return lines


def _level_table(levels: Mapping[str, Any]) -> list[str]:
    heads = [f"{name} {what}" for name in ("MAG", "ENV") for what in ("input", "model", "below, %")]
    lines = _head(["level", "n", *heads])
    for level, found in levels.items():
        cells = [level, str(found["input"]["num_clips"])]
        for name in ("mag", "env"):
            cells.append(_bracket(found["input"][name], 100))
            cells.append(_bracket(found.get("model", {}).get(name), 100))
            cells.append(_bracket(found.get("reduction", {}).get(name), 100, 1))
        lines.append(_line(cells))
    return lines


def _swap_table(found: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{found['num_clips']} clips, {found['num_runs']} runs; difference to the model with the "
        f"clip's own context, clip by clip; positive: worse.",
        "",
        *_head(["distance", "difference x 100", "worse by, %"]),
    ]
    for name in DISTANCES:
        difference = _bracket(found[name]["difference"], 100, 3)
        lines.append(_line([name, difference, _bracket(found[name].get("worse_by"), 100)]))
    return lines


def _time_table(timing: Mapping[str, Any]) -> list[str]:
    lines = _head(["stage", "seconds per clip", "times real time"])
    for stage, row in timing["stages"].items():
        speed = f"{row['real_time_factor']:.1f}" if row["real_time_factor"] else "-"
        lines.append(_line([stage, f"{row['mean_s']:.4f}", speed]))
    return [
        f"{timing['device']}, {timing['threads']} threads, {timing['precision']}; clips of "
        f"{timing['audio_s']:.1f} s on average; the first clip is left out.",
        "",
        *lines,
    ]


def _bracket(figure: Mapping[str, Any] | None, factor: float, digits: int = 2) -> str:
    if figure is None:
        return "-"
    text = f"{factor * figure['value']:.{digits}f}"
    if "low" not in figure:
        return text
    low, high = (f"{factor * figure[end]:.{digits}f}" for end in ("low", "high"))
    return f"{text} [{low}, {high}]"


def _head(cells: Sequence[str]) -> list[str]:
    return [_line(cells), _line(["---"] * len(cells))]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
