"""THE report: `seehear listen report TEST -o DIR`, answers in, a folder to publish out.

    read the test and its answers -> screen participants -> analyse who is kept, and everybody
    -> report.json, results.csv, answers.csv, plots (PNG and SVG), index.html

The folder appears complete or not at all; the same answers give the same bytes. Methods stand
beside the figures; where answers are too few for a figure, one sentence says so instead.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seehear import __version__
from seehear.errors import InputError, OutputError
from seehear.listen.analysis import analyse
from seehear.listen.answers import Answers, Person, csv_text, read_answers
from seehear.listen.config import ListeningTest, read_test
from seehear.listen.design import counting_trials
from seehear.listen.making import complete_folder
from seehear.listen.options import ReportOptions
from seehear.listen.screening import Screened, screen

Progress = Callable[[float, float, str], None]
PAGE, NUMBERS, RESULTS, ANSWERS = "index.html", "report.json", "results.csv", "answers.csv"


def report(options: ReportOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Write the report of a test.

    Args:
        options: test, output folder, seed.
        progress: called with done, total and a note.

    Returns:
        `output`, `page`, `participants`, `kept`, `answers`, `warnings` and the main figures.

    Raises:
        InputError: no test or no answers.
        OutputError: the folder exists or cannot be written.
        MissingDependency: matplotlib is not installed.
    """
    from seehear.listen.plots import draw_all
    from seehear.listen.report_page import page

    say = progress or (lambda done, total, note: None)
    check_output(options.output, options.force)
    test = read_test(options.test)
    answers = read_answers(options.test, test, options.answers)
    say(0, 3, "analysing")
    made = build(test, answers, options.seed)
    with complete_folder(options.output) as folder:
        say(1, 3, "drawing")
        pictures = draw_all(folder / "plots", made)
        say(2, 3, "writing")
        _write(folder / NUMBERS, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
        _write(folder / RESULTS, results_csv(made))
        _write(folder / ANSWERS, csv_text(answers))
        _write(folder / PAGE, page(made, pictures))
    say(3, 3, "done")
    return {
        "output": str(options.output),
        "page": str(options.output / PAGE),
        "participants": made["answers"]["participants"],
        "kept": made["screening"]["kept"],
        "answers": made["answers"]["answers"],
        made["results"]["main"]["name"]: {
            row["name"]: row["main"]["value"] for row in made["results"]["versions"]
        },
        "warnings": made["warnings"],
    }


def check_output(output: Path, force: bool) -> None:
    """Refuse a folder that must not be written.

    Raises:
        OutputError: it exists (or is no report, even with force), or its parent does not.
    """
    if not output.absolute().parent.is_dir():
        raise OutputError(f"the folder {str(output.parent)!r} does not exist; make it first")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / NUMBERS).is_file():
        raise OutputError(f"{str(output)!r} exists and is not a report; choose another name")
    if not force:
        raise OutputError(f"{str(output)!r} exists already; add --force to replace it")


def build(test: ListeningTest, answers: Answers, seed: int = 0) -> dict[str, Any]:
    """All that a report says, JSON-ready.

    Args:
        test: what was asked.
        answers: of everybody.
        seed: of the bootstrap.

    Returns:
        `test`, `answers` (counts and dates), `screening`, `results` (of those who were kept),
        `everybody` (without screening), `warnings`, `software`, `seed`; see `analysis` for the keys
        of the two analyses.

    Raises:
        InputError: nobody has answered anything.
    """
    if not answers.rows:
        raise InputError("nobody has answered anything yet; there is nothing to report")
    screened = screen(test, answers)
    kept = answers.only(screened.kept)
    warnings = list(screened.notes)
    if not kept.rows:
        warnings.append("Screening left nobody; all figures are those of everybody who answered.")
        kept = answers
    if len({row.participant for row in kept.rows}) < 2:
        warnings.append(
            "One participant is behind these figures, so nothing can be said of others: there are "
            "no intervals and no tests over people."
        )
    return {
        "test": _described(test),
        "answers": _counts(answers),
        "screening": _screening(test, screened),
        "results": analyse(test, kept, seed),
        "everybody": analyse(test, answers, seed),
        "warnings": warnings,
        "software": f"seehear {__version__}",
        "seed": seed,
    }


def _described(test: ListeningTest) -> dict[str, Any]:
    return {
        "kind": test.kind,
        "title": test.title,
        "question": test.question,
        "versions": [{"name": v.name, "role": v.role} for v in test.versions],
        "reference": test.reference,
        "clips": [{"id": t.id, "seconds": t.seconds} for t in counting_trials(test)],
        "scale": asdict(test.scale) if test.scale else None,
        "level_match_lufs": test.level_match_lufs,
        "order": test.order,
        "no_preference": test.no_preference if test.kind == "pairwise" else None,
    }


def _counts(answers: Answers) -> dict[str, Any]:
    """Numbers and dates; of what people told only how often each choice was made."""
    answered = {row.participant for row in answers.rows}
    times = [p.started for p in answers.people if p.started is not None]
    ended = [p.finished for p in answers.people if p.finished is not None]
    minutes = sorted(
        (p.finished - p.started) / 60
        for p in answers.people
        if p.finished is not None and p.started is not None
    )
    return {
        "participants": len(answered),
        "began_only": len(answers.people) - len(answered),
        "finished": len(ended) if times else None,
        "answers": len(answers.rows),
        "first": _day(min(times)) if times else None,
        "last": _day(max(times + ended)) if times else None,
        "median_minutes": round(minutes[len(minutes) // 2], 1) if minutes else None,
        "simulated": sum(_is_simulated(p) for p in answers.people),
    }


def _is_simulated(person: Person) -> bool:
    return "simulated" in person.fields


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _screening(test: ListeningTest, screened: Screened) -> dict[str, Any]:
    rules = Counter(rule for person in screened.left_out for rule in person.rules)
    return {
        "rules": asdict(test.screening),
        "kept": len(screened.kept),
        "left_out": [asdict(person) for person in screened.left_out],
        "by_rule": dict(sorted(rules.items())),
    }


def results_csv(made: Mapping[str, Any]) -> str:
    """Main figure of every version, over all clips (clip empty) and per clip."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ("value", "low", "high", "participants", "clips", "answers")
    writer.writerow(("version", "clip", "figure", *columns, "everybody"))
    results, everybody = made["results"], made["everybody"]
    name = results["main"]["name"]
    for row, unscreened in zip(results["versions"], everybody["versions"], strict=True):
        cells = [row["main"][key] for key in columns]
        writer.writerow((row["name"], "", name, *cells, unscreened["main"]["value"]))
    for clip, unscreened in zip(results["clips"], everybody["clips"], strict=True):
        for version, figure in clip["versions"].items():
            cells = [figure[key] for key in columns]
            whole = unscreened["versions"][version]["value"]
            writer.writerow((version, clip["clip"], name, *cells, whole))
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
