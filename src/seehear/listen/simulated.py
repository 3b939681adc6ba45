"""Simulated listeners with known preferences: for tests of the report, for trying a test out.

Each version has a quality. Everybody hears it plus a taste of their own for the version, plus how
the version fares on the clip, plus noise, and answers in the way the kind of test asks for. Careless
listeners answer without listening, leave early or fail the headphone check; screening should find
them. Everything made here carries the field `simulated`, which the report repeats in its heading.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from seehear.errors import UsageError
from seehear.listen.answers import Answer, Answers, Person
from seehear.listen.config import NO_PREFERENCE, ListeningTest
from seehear.listen.design import Page, canonical_pair, order_for
from seehear.listen.statistics.interval import Values
from seehear.listen.statistics.power import SPREADS, Spread
from seehear.listen.store import Message, Rating, Store

SIMULATED = "simulated"
FIRST_START = 1_767_600_000.0
"""5 January 2026, 08:00 UTC, so that reports of simulated answers are the same every day."""
INDIFFERENT = 0.3
"""Differences below this many deviations of one answer are no preference, where that may be said."""
RECOGNISED = 0.15
"""Part of the deviations that remains for the hidden reference of `mushra`."""
CARELESS = ("same answer", "too fast", "unfinished", "headphones")


@dataclass(frozen=True)
class Listeners:
    """Who takes the test.

    Args:
        participants: careful listeners.
        quality: name of version -> quality: points of the scale for ratings; for ranking and
            pairwise in deviations of one judgement's noise, higher is better.
        careless: listeners beside them who break a rule each, taking turns in `CARELESS`.
        spread: deviations, None for the kind's defaults.
        seed: of all answers.
    """

    participants: int
    quality: Mapping[str, float] = field(default_factory=dict)
    careless: int = 0
    spread: Spread | None = None
    seed: int = 0


def simulate(test: ListeningTest, listeners: Listeners) -> Answers:
    """Answers of all listeners, in their own balanced orders.

    Raises:
        UsageError: a quality is missing or of a version that the test does not have.
    """
    if set(listeners.quality) != set(test.names):
        raise UsageError(
            f"qualities are needed for exactly {', '.join(test.names)}, not for "
            f"{', '.join(listeners.quality) or 'nothing'}"
        )
    rng = np.random.default_rng(listeners.seed)
    heard = _heard(rng, test, listeners)
    # Careless people come in between, not all at the end.
    kinds = [""] * listeners.participants
    for i in range(listeners.careless):
        kinds.insert((3 * i + 2) % (len(kinds) + 1), CARELESS[i % len(CARELESS)])
    people, rows = [], []
    for number, careless in enumerate(kinds):
        person, own = _listener(rng, test, heard[number], number, careless)
        people.append(person)
        rows += own
    return Answers(tuple(people), tuple(rows))


def _heard(rng: np.random.Generator, test: ListeningTest, listeners: Listeners) -> Values:
    """What everybody hears of every version on every clip, noise included [P, C, V]."""
    spread = listeners.spread or SPREADS[test.kind]
    people = listeners.participants + listeners.careless
    shape = (people, len(test.trials), len(test.names))
    quality = np.array([listeners.quality[name] for name in test.names])
    taste = spread.participant * rng.standard_normal((people, 1, shape[2]))
    fares = spread.clip * rng.standard_normal((1, *shape[1:]))
    moved = taste + fares + spread.answer * rng.standard_normal(shape)
    if test.kind == "mushra":
        # Heard beside the open reference, the hidden one is recognised nearly always.
        moved[..., test.names.index(test.reference)] *= RECOGNISED
    return quality + moved


def _listener(
    rng: np.random.Generator, test: ListeningTest, heard: Values, number: int, careless: str
) -> tuple[Person, list[Answer]]:
    who = f"s{number:03d}"
    pages = order_for(test, number)
    clips = [trial.id for trial in test.trials]
    rows = []
    for page in pages[: max(1, len(pages) // 2)] if careless == "unfinished" else pages:
        cells = heard[clips.index(page.trial.id), [test.names.index(n) for n in page.versions]]
        if careless == "same answer":
            cells = _without_listening(test, len(page.versions))
        fast = careless == "too fast"
        seconds = float(rng.uniform(0.3, 1.5)) if fast else float(rng.uniform(1, 2.5)) * 8.0
        rows += [
            Answer(who, page.trial.id, version, value, round(seconds, 3), 3, round(seconds / 2, 3))
            for version, value in _answers(test, page, cells).items()
        ]
    started = FIRST_START + 1200.0 * number
    right = 2 if careless == "headphones" else 6
    finished = None if careless == "unfinished" else started + sum(row.seconds for row in rows)
    return Person(who, number, started, finished, right, {SIMULATED: "yes"}), rows


def _without_listening(test: ListeningTest, count: int) -> Values:
    """The first position is always best, or every version gets the middle of the scale."""
    if test.scale is None or test.kind == "ranking":
        return np.arange(count, dtype=np.float64)[::-1]
    return np.full(count, (test.scale.minimum + test.scale.maximum) / 2)


def _answers(test: ListeningTest, page: Page, cells: Values) -> dict[str, float | str]:
    """What somebody who hears `cells` says on a page."""
    if test.kind == "pairwise":
        gap = float(cells[0] - cells[1])
        limit = INDIFFERENT * SPREADS[test.kind].answer if test.no_preference else 0.0
        value = NO_PREFERENCE if abs(gap) < limit else page.versions[0 if gap > 0 else 1]
        return {canonical_pair(test, page.versions): value}
    if test.kind == "ranking" or test.scale is None:
        ranks = 1 + np.argsort(np.argsort(-cells, kind="stable"), kind="stable")
        return dict(zip(page.versions, (float(rank) for rank in ranks), strict=True))
    scale = test.scale
    steps = np.round((cells - scale.minimum) / scale.step) * scale.step + scale.minimum
    values = steps.clip(scale.minimum, scale.maximum)
    return dict(zip(page.versions, (float(value) for value in values), strict=True))


def true_chance(better: float, worse: float, spread: Spread, indifferent: float = 0.0) -> float:
    """How often the first of two qualities is preferred, no preference as half, in a huge test."""
    total = math.sqrt(2 * (spread.participant**2 + spread.clip**2 + spread.answer**2))
    ahead = [(better - worse + side * indifferent) / total for side in (-1, 1)]
    return sum(0.5 * (1 + math.erf(x / math.sqrt(2))) for x in ahead) / 2


def fill(folder: Path, test: ListeningTest, answers: Answers) -> Path:
    """Write answers into a test's database the way the server does; people get new random ids.

    Returns:
        Path of the database.
    """
    path = folder / "answers.sqlite"
    store = Store(path)
    try:
        for person in answers.people:
            own = [row for row in answers.rows if row.participant == person.id]
            _fill_person(store, test, person, own)
    finally:
        store.close()
    return path


def _fill_person(store: Store, test: ListeningTest, person: Person, rows: Sequence[Answer]) -> None:
    _, who = store.start(f"simulated {person.id}", "simulated", lambda _: [])
    correct = {"correct": person.headphones_correct, "passed": True}
    store.keep(who, Message("fields", "fields", detail=dict(person.fields)))
    store.keep(who, Message("headphones", "headphones", detail=correct))
    at = time.time()  # the store sets the start itself, so the answers have to follow it
    for page in order_for(test, person.number or 0):
        names = (canonical_pair(test, page.versions),) if test.kind == "pairwise" else page.versions
        given = [row for row in rows if row.clip == page.trial.id and row.version in names]
        if given:
            ratings = {row.version: Rating(row.value, row.switches, row.played_s) for row in given}
            shown, at = at, at + given[0].seconds
            store.keep(
                who, Message(page.key, "answer", page.key, {}, ratings, shown_at=shown, at=at)
            )
    if person.finished is not None:
        store.keep(who, Message("finish", "finish", at=at))
