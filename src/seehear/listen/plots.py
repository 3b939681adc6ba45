"""Plots of a report with matplotlib: PNG and SVG, without dates, the same bytes for the same answers.

Colours are few and fixed, so that the page can replace them by its own in the dark.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seehear.errors import MissingDependency

INK, SOFT, ACCENT, PAPER = "#1f2329", "#8b929c", "#2a62c4", "#fefefe"
"""Used in plots; `report_page.inline` turns each into a variable of the page."""
ROW = 0.42
"""Inches of height for one version."""
Axes = Any


def draw_all(folder: Path, made: Mapping[str, Any]) -> dict[str, str]:
    """Draw what the kind of test has; writes NAME.png and NAME.svg.

    Args:
        folder: made if missing.
        made: as `report.build` returns it.

    Returns:
        Name of the plot -> SVG text, in the page's order.

    Raises:
        MissingDependency: matplotlib is not installed.
    """
    results = made["results"]
    wanted: dict[str, Callable[[Axes, Mapping[str, Any]], None]] = {"main": draw_main}
    rows: dict[str, float] = {"main": len(results["versions"])}
    if any("box" in row for row in results["versions"]):
        wanted["boxes"], rows["boxes"] = draw_boxes, rows["main"]
    if any("places" in row for row in results["versions"]):
        wanted["places"], rows["places"] = draw_places, rows["main"]
    if made["test"]["kind"] == "pairwise":
        wanted["choices"], rows["choices"] = draw_choices, len(results["pairs"])
    if results["strengths"]:
        wanted["strengths"], rows["strengths"] = draw_strengths, rows["main"]
    if len(results["clips"]) > 1:
        wanted["clips"], rows["clips"] = draw_clips, len(results["clips"])
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _draw(folder, name, made, draw, rows[name]) for name, draw in wanted.items()}


def _draw(
    folder: Path,
    name: str,
    made: Mapping[str, Any],
    draw: Callable[[Axes, Mapping[str, Any]], None],
    rows: float,
) -> str:
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependency("matplotlib", "listen", "the report's plots") from error
    settings = {
        "svg.hashsalt": name, "svg.fonttype": "none", "font.family": "DejaVu Sans",
        "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": SOFT,
        "xtick.color": INK, "ytick.color": INK, "text.parse_math": False,
    }  # fmt: skip
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(6.6, 1.1 + ROW * rows), layout="constrained", facecolor=PAPER)
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(facecolor=PAPER)
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes, made)
        text = io.StringIO()
        figure.savefig(folder / f"{name}.png", dpi=150, metadata={"Software": None})
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = re.sub(r"[ \t]+\n", "\n", text.getvalue())
    (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
    return svg


def _rows(axes: Axes, names: Sequence[str]) -> range:
    """One line per name, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, axis="x", color=SOFT, alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)
    return range(len(names))


def _interval(axes: Axes, y: float, found: Mapping[str, Any], colour: str, hollow: bool) -> None:
    """A dot with its interval; nothing where there is no value."""
    if found["value"] is None:
        return
    if found["low"] is not None and found["high"] is not None:
        axes.plot([found["low"], found["high"]], [y, y], color=colour, linewidth=1.6)
    face = PAPER if hollow else colour
    axes.plot([found["value"]], [y], "o", color=colour, markerfacecolor=face, markersize=5.5)


def draw_main(axes: Axes, made: Mapping[str, Any]) -> None:
    """The main figure of each version; hollow: without screening."""
    results, everybody = made["results"], made["everybody"]
    main = results["main"]
    screened = bool(made["screening"]["left_out"])
    for y in _rows(axes, [row["name"] for row in results["versions"]]):
        if screened:
            _interval(axes, y + 0.2, everybody["versions"][y]["main"], SOFT, hollow=True)
        _interval(axes, y, results["versions"][y]["main"], ACCENT, hollow=False)
    _scale(axes, main)
    note = " (hollow: without screening)" if screened else ""
    axes.set_xlabel(f"{main['name']}, 95 % interval{note}")


def _scale(axes: Axes, main: Mapping[str, Any]) -> None:
    """Axis over the whole range of the figure, better to the right."""
    margin = 0.03 * (main["highest"] - main["lowest"])
    ends = (main["lowest"] - margin, main["highest"] + margin)
    axes.set_xlim(*(ends if main["better"] == "high" else ends[::-1]))
    if main["name"] == "share preferred":
        axes.axvline(0.5, color=SOFT, linewidth=1.0, linestyle="--")


def draw_boxes(axes: Axes, made: Mapping[str, Any]) -> None:
    """Boxes of all ratings: median, quartiles, whiskers, what lies outside."""
    results = made["results"]
    for y in _rows(axes, [row["name"] for row in results["versions"]]):
        box = results["versions"][y]["box"]
        if box is None:
            continue
        lower, upper = box["lower_quartile"], box["upper_quartile"]
        axes.barh(y, upper - lower, left=lower, height=0.5, color=ACCENT, alpha=0.25)
        for ends in ((box["low_whisker"], lower), (upper, box["high_whisker"])):
            axes.plot(ends, [y, y], color=ACCENT, linewidth=1.2)
        axes.plot([box["median"]] * 2, [y - 0.25, y + 0.25], color=ACCENT, linewidth=2.2)
        outside = sorted(set(box["outside"]))
        axes.plot(outside, [y] * len(outside), ".", color=SOFT, markersize=4)
    _scale(axes, results["main"])
    axes.set_xlabel("all ratings: median, quartiles, whiskers to 1.5 boxes, points beyond")


def draw_places(axes: Axes, made: Mapping[str, Any]) -> None:
    """How often each version took each place."""
    versions = made["results"]["versions"]
    count = len(versions[0]["places"])
    for y in _rows(axes, [row["name"] for row in versions]):
        places, left = versions[y]["places"], 0.0
        total = max(sum(places), 1)
        for place, times in enumerate(places, start=1):
            share = times / total
            strength = 0.9 - 0.75 * (place - 1) / max(count - 1, 1)
            axes.barh(y, share, left=left, height=0.62, color=ACCENT, alpha=strength)
            if share > 0.06:
                axes.text(left + share / 2, y, f"{place}.", ha="center", va="center", color=INK)
            left += share
    axes.set_xlim(0, 1)
    axes.grid(visible=False)
    axes.set_xlabel("share of rankings in which the version took each place")


def draw_choices(axes: Axes, made: Mapping[str, Any]) -> None:
    """For each pair: first preferred, no preference, second preferred."""
    pairs = made["results"]["pairs"]
    for y in _rows(axes, [f"{p['first']} / {p['second']}" for p in pairs]):
        counts = (pairs[y]["wins"], pairs[y]["none"], pairs[y]["losses"])
        left, total = 0.0, max(sum(counts), 1)
        for times, colour, alpha in zip(
            counts, (ACCENT, SOFT, ACCENT), (0.8, 0.3, 0.3), strict=True
        ):
            axes.barh(y, times / total, left=left, height=0.62, color=colour, alpha=alpha)
            if times / total > 0.06:
                middle = left + times / total / 2
                axes.text(middle, y, str(times), ha="center", va="center", color=INK)
            left += times / total
    axes.set_xlim(0, 1)
    axes.grid(visible=False)
    axes.axvline(0.5, color=SOFT, linewidth=1.0, linestyle="--")
    axes.set_xlabel("answers: left name preferred, no preference, right name preferred")


def draw_strengths(axes: Axes, made: Mapping[str, Any]) -> None:
    """Bradley-Terry log strengths against the mean of all versions."""
    found = made["results"]["strengths"]["versions"]
    for y in _rows(axes, [row["name"] for row in found]):
        one = {**found[y], "value": found[y]["log_strength"]}
        _interval(axes, y, one, ACCENT, hollow=False)
    axes.axvline(0.0, color=SOFT, linewidth=1.0, linestyle="--")
    axes.set_xlabel("Bradley-Terry log strength (0 = mean of the versions), 95 % interval")


def draw_clips(axes: Axes, made: Mapping[str, Any]) -> None:
    """Main figure of every clip and version, better is darker."""
    results = made["results"]
    main, clips = results["main"], results["clips"]
    names = [row["name"] for row in results["versions"]]
    _rows(axes, [clip["clip"] for clip in clips])
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks(range(len(names)), names)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.5, len(names) - 0.5)
    for y, clip in enumerate(clips):
        for x, name in enumerate(names):
            value = clip["versions"][name]["value"]
            if value is None:
                continue
            share = (value - main["lowest"]) / (main["highest"] - main["lowest"])
            good = share if main["better"] == "high" else 1 - share
            axes.barh(y, 0.96, left=x - 0.48, height=0.92, color=ACCENT, alpha=0.05 + 0.6 * good)
            shown = f"{value:.0f}" if main["highest"] > 20 else f"{value:.2f}"
            axes.text(x, y, shown, ha="center", va="center", color=INK)
    axes.set_xlabel(f"{main['name']} by clip")
