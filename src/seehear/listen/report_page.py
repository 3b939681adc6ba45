"""The report as one HTML page: light and dark, no scripts, plots inside, nothing loaded from outside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from seehear.listen.plots import ACCENT, INK, PAPER, SOFT
from seehear.listen.report_words import (
    KINDS,
    METHODS,
    counted,
    headline,
    number,
    origin,
    p_text,
    people,
    with_interval,
)

VARIABLES = {INK: "var(--ink)", SOFT: "var(--soft)", ACCENT: "var(--accent)", PAPER: "var(--paper)"}
STYLE = """
:root { color-scheme: light dark; --ink: #1f2329; --soft: #6f7680; --accent: #2a62c4;
  --paper: #fefefe; --line: #d9dde3; --note: #fff4d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa3af; --accent: #7aa8f5;
  --paper: #16191d; --line: #343a42; --note: #3a3216; } }
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem 1rem 4rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; }
p { margin: .5rem 0; } .lead { font-size: 1.08rem; } .soft { color: var(--soft); font-size: .9rem; }
.note { background: var(--note); border-radius: .4rem; padding: .5rem .8rem; }
.wide { overflow-x: auto; } figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; } th { color: var(--soft); font-weight: 600; }
@media print { body { max-width: none; } h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""
CAPTIONS = {
    "main": "",
    "boxes": "How the single ratings spread.",
    "places": "How often each version took each place.",
    "choices": "What was chosen in each pair.",
    "strengths": "Strengths from all comparisons together.",
    "clips": "Where the versions differ; the stronger the colour, the better.",
}


def page(made: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        made: as `report.build` returns it.
        pictures: name -> SVG text, as `plots.draw_all` returns them.
    """
    test, results = made["test"], made["results"]
    form = test["kind"] if test["kind"] in ("ranking", "pairwise") else "ratings"
    parts = [
        f"<h1>{escape(test['title'])}</h1>",
        f'<p class="soft">Listening test: {KINDS[test["kind"]]}. '
        f"Question: {escape(test['question'])}</p>",
        *_notes(made),
        *(f'<p class="lead">{escape(text)}</p>' for text in headline(made)),
        f"<p>{escape(origin(made))}</p>",
        _picture(pictures, "main"),
        _versions(results),
        *(_picture(pictures, name) for name in ("places", "boxes", "choices") if name in pictures),
        _section("Pairs of versions", _pairs(made), METHODS[f"pairs {form}"]),
        _section("All versions together", _tests(results), METHODS[f"friedman {form}"]),
        _section("Strengths", _strengths(results, pictures), METHODS["strengths"]),
        _section("Agreement of participants", _agreement(results), METHODS[f"agreement {form}"]),
        _section("Clips", _clips(results, pictures), "Intervals here are over participants only."),
        _section("Screening", _screening(made), METHODS["screening"]),
        _section("Methods", _methods(made), ""),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(test['title'])}: results</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def inline(svg: str, name: str) -> str:
    """A plot for use inside the page: its own ids, the page's colours, a text for those who cannot see.

    Args:
        svg: as matplotlib wrote it.
        name: of the plot; goes before each id so that plots do not share them.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    return svg.replace("<svg ", f'<svg role="img" aria-label="plot: {name}" ', 1)


def _picture(pictures: Mapping[str, str], name: str) -> str:
    if name not in pictures:
        return ""
    caption = CAPTIONS[name]
    below = f'<figcaption class="soft">{caption}</figcaption>' if caption else ""
    return f"<figure>{inline(pictures[name], name)}{below}</figure>"


def _notes(made: Mapping[str, Any]) -> Iterable[str]:
    simulated = made["answers"]["simulated"]
    if simulated:
        yield (
            f'<p class="note">{counted(simulated, "participant")} of this report '
            f"{'is' if simulated == 1 else 'are'} simulated.</p>"
        )
    yield from (f'<p class="note">{escape(text)}</p>' for text in made["warnings"])


def _section(title: str, inner: str, method: str) -> str:
    if not inner:
        return ""
    below = f'<p class="soft">{escape(method)}</p>' if method else ""
    return f"<h2>{title}</h2>\n{inner}\n{below}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>\n{lines}</table></div>'


def _versions(results: Mapping[str, Any]) -> str:
    """Everything there is about each version."""
    main, versions = results["main"], results["versions"]
    columns = {"first": "best in", "top_two": "two best in", "above_reference": "above reference"}
    shown = {key: head for key, head in columns.items() if any(key in row for row in versions)}
    medians = any(row.get("box") for row in versions)
    head = ["version", f"{main['name']} (95 %)", "bootstrap", "without any one", *shown.values()]
    rows = []
    for row in versions:
        boot, left = row["bootstrap"], row["without_any_one"]
        cells = [
            row["name"],
            with_interval(row["main"], main),
            _range(boot["low"], boot["high"], main),
            _range(left["lowest"], left["highest"], main) if left else "–",
            *(with_interval(row.get(key)) for key in shown),
        ]
        if medians:
            cells.append(number(row["box"]["median"], main) if row["box"] else "–")
        rows.append([*cells, str(row["main"]["answers"])])
    return _table([*head, *(["median"] if medians else []), "answers"], rows)


def _range(low: float | None, high: float | None, main: Mapping[str, Any]) -> str:
    return "–" if low is None or high is None else f"{number(low, main)} to {number(high, main)}"


def _pairs(made: Mapping[str, Any]) -> str:
    results = made["results"]
    if not results["pairs"]:
        return ""
    kind, main = made["test"]["kind"], results["main"]
    if kind == "pairwise":
        head = [
            "pair",
            "first preferred",
            "for / none / against",
            "p",
            "p (Holm)",
            "exact binomial",
        ]
        return _table(head, (_choice_row(pair) for pair in results["pairs"]))
    head = ["pair", f"difference of {main['name']}s", "p", "p (Holm)", "Wilcoxon (Holm)"]
    if kind == "ranking":
        head += ["Nemenyi", "Conover (Holm)", "first preferred"]
    rows = []
    for pair in results["pairs"]:
        found = pair["difference"]
        cells = [
            f"{pair['first']} – {pair['second']}",
            with_interval(found, main),
            p_text(found["p"]),
            p_text(found["p_holm"]),
            _p_of(pair["wilcoxon"]),
        ]
        if kind == "ranking":
            cells += [_p_of(pair["nemenyi"]), _p_of(pair["conover"])]
            cells.append(with_interval(pair["preferred"]))
        rows.append(cells)
    return _table(head, rows)


def _choice_row(pair: Mapping[str, Any]) -> list[str]:
    return [
        f"{pair['first']} – {pair['second']}",
        with_interval(pair["preferred"]),
        f"{pair['wins']} / {pair['none']} / {pair['losses']}",
        p_text(pair["difference"]["p"]),
        p_text(pair["difference"]["p_holm"]),
        p_text(pair["binomial"]["p"]),
    ]


def _p_of(test: Mapping[str, Any] | None) -> str:
    return p_text(test["p_adjusted"]) if test else "–"


def _tests(results: Mapping[str, Any]) -> str:
    said = []
    for found in results["tests"].values():
        said.append(
            f"Friedman over {found['num_blocks']} blocks ({found['blocks']}): chi square "
            f"{found['chi_square']:.2f} with {found['freedom']} degrees of freedom, "
            f"p {_equals(found['p'])}; F form p {_equals(found['p_f'])}; Nemenyi's critical "
            f"difference of mean ranks {found['critical_difference']:.2f}."
        )
    said += [
        _sentence(results["missing"][key]) for key in ("friedman",) if key in results["missing"]
    ]
    return "".join(f"<p>{escape(text)}</p>" for text in said)


def _equals(p: float | None) -> str:
    text = p_text(p)
    return text if text.startswith("<") else f"= {text}"


def _sentence(text: str) -> str:
    return f"Not computed: {text}."


def _strengths(results: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    found = results["strengths"]
    if found is None:
        why = results["missing"].get("strengths")
        return f"<p>{escape(_sentence(why))}</p>" if why else ""
    rows = [
        [
            row["name"],
            f"{row['log_strength']:.2f}",
            _plain_range(row["low"], row["high"]),
            _plain_range(row["low_independent"], row["high_independent"]),
        ]
        for row in found["versions"]
    ]
    chances = [
        [
            f"{row['first']} preferred to {row['second']}",
            with_interval(
                {"value": row["chance"], "low": row["chance_low"], "high": row["chance_high"]}
            ),
            p_text(row["p_holm"]),
        ]
        for row in found["pairs"]
    ]
    extra = f"<p>{counted(found['comparisons'], 'comparison')}.</p>"
    if found["prior"]:
        extra += (
            '<p class="note">A version won or lost every comparison, so that its strength has no '
            "finite estimate; half a win each way was added to every pair.</p>"
        )
    head = ["version", "log strength", "95 % (people and clips random)", "95 % (independent)"]
    return (
        _picture(pictures, "strengths")
        + _table(head, rows)
        + _table(["chance, by the model", "95 %", "p (Holm)"], chances)
        + extra
    )


def _plain_range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def _agreement(results: Mapping[str, Any]) -> str:
    agreement, missing, said = results["agreement"], results["missing"], []
    w = agreement.get("kendall_w")
    if w:
        said.append(
            f"Kendall's W of the participants' own means is {w['w']:.2f} "
            f"({people(w['num_raters'])}, {w['num_objects']} versions, p {_equals(w['p'])})."
        )
    clips = agreement.get("kendall_w_clips")
    if clips:
        said.append(
            f"On single clips W is {clips['mean']:.2f} on average ({clips['lowest']:.2f} to "
            f"{clips['highest']:.2f}, {counted(clips['num_clips'], 'clip')})."
        )
    for form, one in (agreement.get("icc") or {}).items():
        ends = "" if one["low"] is None else f" ({one['low']:.2f} to {one['high']:.2f})"
        said.append(f"{form} is {one['value']:.2f}{ends}.")
    same = agreement.get("same_choice")
    if same:
        said.append(
            f"Two participants on the same page chose the same in {same['share']:.0%} of cases; "
            f"chance alone gives {same['by_chance']:.0%}."
        )
    said += [
        _sentence(missing[key]) for key in ("kendall_w", "icc", "same_choice") if key in missing
    ]
    return "".join(f"<p>{escape(text)}</p>" for text in said)


def _clips(results: Mapping[str, Any], pictures: Mapping[str, str]) -> str:
    main, names = results["main"], [row["name"] for row in results["versions"]]
    rows = [
        [clip["clip"], *(with_interval(clip["versions"][name], main) for name in names)]
        for clip in results["clips"]
    ]
    return _picture(pictures, "clips") + _table(["clip", *names], rows)


def _screening(made: Mapping[str, Any]) -> str:
    left = made["screening"]["left_out"]
    if not left:
        return "<p>Nobody was left out; the figures are those of everybody.</p>"
    main = made["results"]["main"]
    who = _table(
        ["left out", "why"], ([one["participant"], "; ".join(one["reasons"])] for one in left)
    )
    effect = _table(
        ["version", f"{main['name']}, screened", f"{main['name']}, everybody"],
        (
            [row["name"], with_interval(row["main"], main), with_interval(all_["main"], main)]
            for row, all_ in zip(
                made["results"]["versions"], made["everybody"]["versions"], strict=True
            )
        ),
    )
    return who + "<p>What screening changes:</p>" + effect


def _methods(made: Mapping[str, Any]) -> str:
    test = made["test"]
    level = test["level_match_lufs"]
    loudness = "Levels were left alone." if level is None else f"All sounds at {level:g} LUFS."
    order = (
        "balanced by Latin squares" if test["order"] == "latin" else "drawn for each participant"
    )
    said = [
        METHODS["interval"],
        METHODS["bootstrap"],
        f"{loudness} Orders were {order}. Seed of the bootstrap {made['seed']}. "
        f"{made['software']}. All numbers: report.json; table: results.csv; answers: answers.csv.",
    ]
    return "".join(f"<p>{escape(text)}</p>" for text in said)
