"""Result files of webMUSHRA (CSV), read and written.

Its web service appends one row an answer to one file a page type:

    mushra.csv             ..., trial_id, rating_stimulus, rating_score, rating_time, rating_comment
    paired_comparison.csv  ..., trial_id, choice_reference, choice_non_reference, choice_answer,
                           choice_time, choice_comment
    lss.csv, lms.csv       ..., trial_id, stimuli_rating, stimuli, rating_time

after `session_test_id`, what the participant was asked, and in newer versions `session_uuid`. Where
that is missing, a participant ends when the answers about the person change or an answer comes a
second time. Times are milliseconds. We always write `session_uuid`. Rankings have no file of their
own in its documentation; here they look like `mushra.csv`, with 1 for the worst as on its pages.

Source: what webMUSHRA's documentation for experimenters calls results, and its web service.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seehear.errors import InputError
from seehear.listen.answers import Answer, Answers, Person
from seehear.listen.config import ASK_KEY, NO_PREFERENCE, ListeningTest
from seehear.listen.design import counting_trials, pair_name, split_pair
from seehear.listen.webmushra import (
    KIND_OF,
    PERSONAL,
    REFERENCE,
    Foreign,
    ForeignPage,
    pair_id,
    response_values,
)

RATINGS = ("rating_stimulus", "rating_score", "rating_time", "rating_comment")
CHOICES = (
    "choice_reference",
    "choice_non_reference",
    "choice_answer",
    "choice_time",
    "choice_comment",
)
LIKERT = ("stimuli_rating", "stimuli", "rating_time")
COLUMNS = {
    "mushra": RATINGS,
    "ranking": RATINGS,
    "paired_comparison": CHOICES,
    "likert_single_stimulus": LIKERT,
    "likert_multi_stimulus": LIKERT,
}
FILE_OF = {
    "mushra": "mushra.csv",
    "ranking": "ranking.csv",
    "paired_comparison": "paired_comparison.csv",
    "likert_single_stimulus": "lss.csv",
    "likert_multi_stimulus": "lms.csv",
}
SESSION, UUID, TRIAL = "session_test_id", "session_uuid", "trial_id"
CONDITIONS = ("rating_stimulus", "stimuli", "choice_reference", "choice_non_reference")


def read_results(paths: Sequence[Path], foreign: Foreign) -> Answers:
    """Answers of result files, for the test that `foreign` becomes.

    Answers that were not given (`NA`, `unknown`) are passed over, comments and columns that name
    people too.

    Args:
        paths: files of the page type of `foreign`.
        foreign: the configuration they belong to.

    Raises:
        InputError: unreadable, other columns, or an answer that does not belong to it.
    """
    people: dict[tuple[str, ...], Person] = {}
    rows: list[Answer] = []
    for path in paths:
        read_file(path, foreign, people, rows)
    return Answers(tuple(people.values()), tuple(rows))


def read_file(
    path: Path, foreign: Foreign, people: dict[tuple[str, ...], Person], rows: list[Answer]
) -> None:
    """Add one file's people and answers."""
    lines = table_of(path)
    needed = (TRIAL, *COLUMNS[foreign.type][:3])
    lacking = [name for name in needed if lines and name not in lines[0]]
    if lacking:
        raise InputError(
            f"{path} lacks the column {lacking[0]}; results of {foreign.type} pages have "
            f"{', '.join(needed)}"
        )
    pages = {page.id: page for page in foreign.pages}
    given: dict[tuple[str, ...], list[set[tuple[str, ...]]]] = {}
    for number, line in enumerate(lines, start=2):
        where = f"{path}, line {number}"
        page = pages.get(line[TRIAL].strip())
        if page is None:
            raise InputError(f"{where}: the configuration has no page {line[TRIAL].strip()!r}")
        columns = list(line)
        about = {key: line[key].strip() for key in columns[: columns.index(TRIAL)]}
        who = person_key(about)
        turns = given.setdefault(who, [set()])
        what = tuple(line.get(key, "") for key in (TRIAL, *CONDITIONS))
        if UUID not in about and what in turns[-1]:
            turns.append(set())  # the same answer again: another person of the same description
        turns[-1].add(what)
        unseen = Person(f"p{len(people) + 1:03d}", fields=fields_of(about))
        person = people.setdefault((*who, str(len(turns))), unseen)
        found = answer_of(line, page, foreign, where)
        if found is not None:
            rows.append(replace(found, participant=person.id))


def table_of(path: Path) -> list[dict[str, str]]:
    """Lines of a CSV file by column.

    Raises:
        InputError: unreadable, or a line with too few columns.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read results from {str(path)!r}: {error}") from error
    for number, line in enumerate(lines, start=2):
        if None in line.values() or None in line:
            raise InputError(f"{path}, line {number}: not as many cells as the first line has")
    return lines


def person_key(about: Mapping[str, str]) -> tuple[str, ...]:
    """What tells participants apart."""
    if about.get(UUID):
        return (about[UUID],)
    return tuple(value for key, value in about.items() if key != SESSION)


def fields_of(about: Mapping[str, str]) -> dict[str, str]:
    """What a participant was asked, without what names people."""
    told = {key.lower(): value for key, value in about.items() if key not in (SESSION, UUID)}
    return {k: v for k, v in told.items() if v and ASK_KEY.match(k) and k not in PERSONAL}


def answer_of(
    line: Mapping[str, str], page: ForeignPage, foreign: Foreign, where: str
) -> Answer | None:
    """One answer without its participant, None if none was given.

    Raises:
        InputError: an unknown condition or value.
    """
    if foreign.type == "paired_comparison":
        return choice_of(line, page, where)
    likert = foreign.type.startswith("likert")
    told = line["stimuli" if likert else "rating_stimulus"].strip()
    text = line["stimuli_rating" if likert else "rating_score"].strip()
    name = named(told, page, where)
    if likert:
        values = response_values(foreign.responses)
        if text in ("NA", ""):
            return None
        if text not in values:
            raise InputError(f"{where}: {text!r} is none of {', '.join(values)}")
        value = values[text]
    else:
        value = number_of(text, where)
    if foreign.type == "ranking":
        value = len(foreign.names) + 1 - value
    return Answer("", page.clip, name, value, seconds_of(line.get("rating_time", ""), where))


def choice_of(line: Mapping[str, str], page: ForeignPage, where: str) -> Answer | None:
    """One comparison: `correct` means that what is called the reference was preferred."""
    other = named(line["choice_non_reference"].strip(), page, where)
    meanings = {
        "correct": page.reference,
        "incorrect": other,
        "undecided": NO_PREFERENCE,
        "unknown": "",
    }
    told = line["choice_answer"].strip()
    if told not in meanings:
        raise InputError(f"{where}: {told!r} is none of {', '.join(meanings)}")
    if not meanings[told]:
        return None
    seconds = seconds_of(line.get("choice_time", ""), where)
    return Answer("", page.clip, pair_name(page.reference, other), meanings[told], seconds)


def named(told: str, page: ForeignPage, where: str) -> str:
    """Our name of a condition.

    Raises:
        InputError: the page has no such condition.
    """
    if told == REFERENCE and page.reference:
        return page.reference
    if told not in (*page.files, *page.made):
        raise InputError(f"{where}: page {page.id!r} has no condition {told!r}")
    return told


def number_of(text: str, where: str) -> float:
    """A number.

    Raises:
        InputError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: expected a number, got {text!r}")
    return value


def seconds_of(text: str, where: str) -> float:
    """Milliseconds -> seconds; NaN if there is nothing."""
    return number_of(text, where) / 1000 if text.strip() else math.nan


def results_text(test: ListeningTest, answers: Answers, test_id: str, page_type: str) -> str:
    """Answers as webMUSHRA's web service would have written them.

    Args:
        test: our test.
        answers: its answers.
        test_id: name of the test there.
        page_type: webMUSHRA's page type.
    """
    keys = sorted({key for person in answers.people for key in person.fields})
    people = {person.id: person for person in answers.people}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([SESSION, *keys, UUID, TRIAL, *COLUMNS[page_type]])
    counting = {trial.id for trial in counting_trials(test)}
    for row in answers.rows:
        if row.clip not in counting:
            continue
        told = [people[row.participant].fields.get(key, "") for key in keys]
        for cells in cells_of(test, row):
            writer.writerow([test_id, *told, row.participant, *cells])
    return text.getvalue()


def cells_of(test: ListeningTest, row: Answer) -> Iterator[list[Any]]:
    """Trial and answer of one row."""
    time_ms = round(1000 * row.seconds) if math.isfinite(row.seconds) else ""
    if isinstance(row.value, str):
        first, second = split_pair(row.version)
        said = {first: "correct", second: "incorrect"}.get(row.value, "undecided")
        yield [pair_id(test, row.clip, first, second), REFERENCE, second, said, time_ms, ""]
        return
    if test.kind == "ranking":
        worst_first = len(test.names) + 1 - row.value
        yield [row.clip, row.version, f"{worst_first:g}", time_ms, ""]
    elif test.kind == "mushra":
        name = REFERENCE if row.version == test.reference else row.version
        yield [row.clip, name, f"{row.value:g}", time_ms, ""]
    else:
        yield [row.clip, f" {row.value:g} ", row.version, time_ms]


def page_type(test: ListeningTest) -> str:
    """webMUSHRA's page type of a test."""
    if test.kind.startswith("mos"):
        return "likert_single_stimulus" if test.one_at_a_time else "likert_multi_stimulus"
    return next(name for name, kind in KIND_OF.items() if kind == test.kind)
