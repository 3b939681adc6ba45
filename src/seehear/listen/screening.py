"""Who is left out of a report, by the rules in `test.toml`, and why.

Rules look at one participant at a time and never at which version that participant likes. The
report shows its figures with and without screening, so that everybody sees what screening does.

Source for the hidden reference: ITU-R BS.1534-3 (2015), post-screening: a listener who rates it
below 90 on more than 15 % of the items is left out. The other rules are this project's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from seehear.listen.answers import Answer, Answers, Person
from seehear.listen.config import ListeningTest
from seehear.listen.design import (
    canonical_pair,
    counting_trials,
    order_for,
    page_key,
    shown_together,
    split_pair,
)

FEWEST_PAGES = 4
"""Straight-lining cannot be told from fewer pages."""


@dataclass(frozen=True)
class LeftOut:
    """A participant who is left out, with one sentence for each rule that was broken."""

    participant: str
    reasons: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Screened:
    """Outcome of screening.

    Args:
        kept: ids of the people who stay.
        left_out: the others.
        notes: rules that could not be applied, one sentence each.
    """

    kept: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


Rule = Callable[[ListeningTest, Person, list[Answer]], str]


def screen(test: ListeningTest, answers: Answers) -> Screened:
    """Apply all rules to everybody."""
    rules = dict(RULES)
    notes = []
    known = any(person.headphones_correct is not None for person in answers.people)
    if test.screening.headphones == "require" and answers.people and not known:
        del rules["headphones"]
        notes.append("The headphone check is required, but the answers do not tell its outcome.")
    by_person: dict[str, list[Answer]] = {person.id: [] for person in answers.people}
    for row in answers.rows:
        by_person[row.participant].append(row)
    kept, left_out = [], []
    for person in answers.people:
        said = {name: rule(test, person, by_person[person.id]) for name, rule in rules.items()}
        broken = {name: reason for name, reason in said.items() if reason}
        if broken:
            left_out.append(LeftOut(person.id, tuple(broken.values()), tuple(broken)))
        else:
            kept.append(person.id)
    return Screened(tuple(kept), tuple(left_out), tuple(notes))


def unfinished(test: ListeningTest, person: Person, rows: list[Answer]) -> str:
    """Pages without an answer; who answered all and closed the window counts as finished."""
    clips = test.clips_each or len(counting_trials(test))
    expected = clips * len(shown_together(test))
    answered = len({_page(test, row) for row in rows})
    if answered >= expected:
        return ""
    return f"answered {answered} of {expected} pages"


def headphones(test: ListeningTest, person: Person, rows: list[Answer]) -> str:
    """The headphone check, where it is required."""
    if test.screening.headphones != "require":
        return ""
    if person.headphones_correct is None:
        return "did not take the headphone check"
    needed = test.screening.headphones_correct
    if person.headphones_correct >= needed:
        return ""
    return f"had {person.headphones_correct} of 6 right in the headphone check, {needed} are needed"


def reference(test: ListeningTest, person: Person, rows: list[Answer]) -> str:
    """Ratings of the hidden reference."""
    if not test.reference or test.kind in ("ranking", "pairwise"):
        return ""
    rule = test.screening
    given = [float(row.value) for row in rows if row.version == test.reference]
    missed = sum(value < rule.reference_below for value in given)
    if not given or missed <= rule.reference_misses * len(given):
        return ""
    return (
        f"rated the hidden reference below {rule.reference_below:g} on {missed} of {len(given)} "
        f"clips, {rule.reference_misses:.0%} are allowed"
    )


def same_answer(test: ListeningTest, person: Person, rows: list[Answer]) -> str:
    """The same value (in ranking and pairwise: the same order of positions) nearly always."""
    answers = [*_patterns(test, person, rows)]
    if len({_page(test, row) for row in rows}) < FEWEST_PAGES or not answers:
        return ""
    share = Counter(answers).most_common(1)[0][1] / len(answers)
    if share <= test.screening.same_answer:
        return ""
    return f"gave the same answer {share:.0%} of the time"


def too_fast(test: ListeningTest, person: Person, rows: list[Answer]) -> str:
    """Answers sooner than anybody can have listened."""
    rule = test.screening
    by_page = {_page(test, row): row.seconds for row in rows if row.seconds == row.seconds}
    fast = sum(seconds < rule.min_seconds for seconds in by_page.values())
    if not by_page or fast <= rule.too_fast * len(by_page):
        return ""
    return f"answered {fast} of {len(by_page)} pages within {rule.min_seconds:g} s"


RULES: dict[str, Rule] = {
    "unfinished": unfinished,
    "headphones": headphones,
    "reference": reference,
    "same answer": same_answer,
    "too fast": too_fast,
}


def _page(test: ListeningTest, row: Answer) -> str:
    """Key of the page that the answer was given on."""
    groups = shown_together(test)
    if test.kind == "pairwise":
        return page_key(test, test.trial(row.clip), split_pair(row.version))
    group = next(group for group in groups if row.version in group)
    return page_key(test, test.trial(row.clip), group)


def _patterns(
    test: ListeningTest, person: Person, rows: list[Answer]
) -> list[float] | list[tuple[float | str, ...]]:
    """What would be equal if somebody answered without listening."""
    if test.kind not in ("ranking", "pairwise"):
        return [float(row.value) for row in rows]
    if person.number is None:
        return []
    by_page: dict[str, dict[str, float | str]] = {}
    for row in rows:
        by_page.setdefault(_page(test, row), {})[row.version] = row.value
    found: list[tuple[float | str, ...]] = []
    for page in order_for(test, person.number):
        given = by_page.get(page.key)
        if given is None:
            continue
        if test.kind == "pairwise":
            value = str(given[canonical_pair(test, page.versions)])
            found.append((page.versions.index(value) if value in page.versions else value,))
        else:
            found.append(tuple(given.get(name, "") for name in page.versions))
    return found
