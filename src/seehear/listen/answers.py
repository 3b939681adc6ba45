"""Answers of a listening test as plain rows, from `answers.sqlite` or from a CSV file.

Nothing else of the report knows where answers came from. The database is opened read-only, also
while the test is running. The CSV has a line per answer with at least the columns

    participant, clip, version, value

and may have `number`, `seconds`, `switches`, `played_s`, `started`, `finished`,
`headphones_correct`, and `field_NAME` for what participants were asked. In `pairwise` the version
is the pair `a~b` and the value the preferred version or `none`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seehear.errors import InputError
from seehear.listen.config import NO_PREFERENCE, PAIR_MARK, ListeningTest
from seehear.listen.design import PRACTICE, canonical_pair, clip_of, counting_trials, split_pair

DATABASE = "answers.sqlite"
CSV_NAME = "answers.csv"
NEEDED = ("participant", "clip", "version", "value")
COLUMNS = (
    *NEEDED, "seconds", "switches", "played_s", "number", "started", "finished",
    "headphones_correct",
)  # fmt: skip
FIELD = "field_"


@dataclass(frozen=True)
class Person:
    """A participant.

    Args:
        id: random name, safe to publish.
        number: place in the balanced order, None if unknown.
        started: seconds since 1970, None if unknown.
        finished: likewise; None if the last page was not reached or it is unknown.
        headphones_correct: right answers of the headphone check, None if it was not taken.
        fields: what the test asked about the participant.
    """

    id: str
    number: int | None = None
    started: float | None = None
    finished: float | None = None
    headphones_correct: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One value.

    Args:
        participant: id of the person.
        clip: id of the clip.
        version: name of the version, or the pair `a~b`.
        value: rank or rating; in `pairwise` the preferred version or `none`.
        seconds: from the page being shown to the answer; NaN if unknown.
        switches: how often the listener turned to the version, 0 if unknown.
        played_s: for how long it was heard, s; NaN if unknown.
    """

    participant: str
    clip: str
    version: str
    value: float | str
    seconds: float = math.nan
    switches: int = 0
    played_s: float = math.nan


@dataclass(frozen=True)
class Answers:
    """All that was answered, people in order of arrival."""

    people: tuple[Person, ...]
    rows: tuple[Answer, ...]

    def only(self, ids: Iterable[str]) -> Answers:
        """The same answers without everybody else's."""
        chosen = set(ids)
        return Answers(
            tuple(p for p in self.people if p.id in chosen),
            tuple(r for r in self.rows if r.participant in chosen),
        )


def read_answers(folder: Path, test: ListeningTest, csv_file: Path | None = None) -> Answers:
    """Answers of a test: from a CSV file if one is named, else the folder's database or CSV.

    Args:
        folder: of the test.
        test: what was asked; answers to anything else are refused.
        csv_file: read this file instead of the folder's own.

    Raises:
        InputError: no answers, or answers that do not belong to the test.
    """
    if csv_file is not None:
        return read_csv(csv_file, test)
    if (folder / DATABASE).is_file():
        return read_database(folder / DATABASE, test)
    if (folder / CSV_NAME).is_file():
        return read_csv(folder / CSV_NAME, test)
    raise InputError(
        f"{str(folder)!r} has no answers yet ({DATABASE} or {CSV_NAME}); collect some with "
        f"seehear listen serve"
    )


def read_database(path: Path, test: ListeningTest) -> Answers:
    """Answers that `listen serve` stored.

    Raises:
        InputError: not such a database, or answers that do not belong to the test.
    """
    try:
        with closing(sqlite3.connect(_read_only(path), uri=True)) as connection:
            people = connection.execute(
                "SELECT id, number, started, finished, fields, headphones FROM participants"
                " ORDER BY number"
            ).fetchall()
            rows = connection.execute(
                "SELECT a.participant, a.trial, a.version, a.value, a.shown_at, a.answered_at,"
                " a.switches, a.played_s FROM answers a JOIN participants p"
                " ON p.id = a.participant ORDER BY p.number, a.answered_at, a.trial, a.version"
            ).fetchall()
    except sqlite3.Error as error:
        raise InputError(f"cannot read answers from {path}: {error}") from error
    found = []
    for who, key, version, value, shown, answered, switches, played in rows:
        if key != PRACTICE:
            seconds = max(answered - shown, 0.0)
            row = Answer(who, clip_of(key), version, value, seconds, int(switches), float(played))
            found.append(_checked(row, test, f"{path}, participant {who}"))
    return _gathered([_person(*row) for row in people], found, test)


def _read_only(path: Path) -> str:
    """Address of the database for reading.

    Without a write-ahead log nobody is writing: then nothing but the file is needed, so that a copy
    in a folder without write permission can be read too.
    """
    log = path.with_name(path.name + "-wal")
    return f"{path.resolve().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"


def _person(
    who: str, number: int, started: float, finished: float | None, fields: str, headphones: str
) -> Person:
    correct = json.loads(headphones).get("correct")
    told = {str(k): str(v) for k, v in json.loads(fields).items()}
    return Person(
        who, number, started, finished, None if correct is None else int(correct), told
    )  # fmt: skip


def read_csv(path: Path, test: ListeningTest) -> Answers:
    """Answers from a table (see the module's text for its columns).

    Raises:
        InputError: unreadable, a column or value missing, or answers that do not belong to the test.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read answers from {path}: {error}") from error
    missing = [name for name in NEEDED if lines and name not in lines[0]]
    if missing:
        raise InputError(f"{path} needs the columns {', '.join(NEEDED)}; it lacks {missing[0]}")
    people: dict[str, Person] = {}
    rows = []
    for number, line in enumerate(lines, start=2):
        where = f"{path}, line {number}"
        cells = {k: v for k, v in line.items() if k is not None and v is not None}
        person = _person_of(cells, where)
        if people.setdefault(person.id, person) != person:
            raise InputError(f"{where}: participant {person.id} differs from an earlier line")
        if cells["version"]:
            rows.append(_checked(_answer_of(cells, where), test, where))
    return _gathered(list(people.values()), rows, test)


def _person_of(cells: Mapping[str, str], where: str) -> Person:
    correct, number = (_number(cells, key, where) for key in ("headphones_correct", "number"))
    return Person(
        id=cells["participant"],
        number=None if number is None else int(number),
        started=_number(cells, "started", where),
        finished=_number(cells, "finished", where),
        headphones_correct=None if correct is None else int(correct),
        fields={k.removeprefix(FIELD): v for k, v in cells.items() if k.startswith(FIELD) and v},
    )


def _answer_of(cells: Mapping[str, str], where: str) -> Answer:
    seconds, switches, played = (
        _number(cells, key, where) for key in ("seconds", "switches", "played_s")
    )
    return Answer(
        cells["participant"], cells["clip"], cells["version"], cells["value"],
        math.nan if seconds is None else seconds,
        0 if switches is None else int(switches),
        math.nan if played is None else played,
    )  # fmt: skip


def _number(cells: Mapping[str, str], key: str, where: str) -> float | None:
    text = cells.get(key, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {key} must be a number, not {text!r}")
    return value


def _checked(row: Answer, test: ListeningTest, where: str) -> Answer:
    """The row with its value as number or name.

    Raises:
        InputError: a clip, version or value that the test does not have.
    """
    if row.clip not in {trial.id for trial in test.trials}:
        raise InputError(f"{where}: the test has no clip {row.clip!r}")
    version, value = row.version, row.value
    if test.kind == "pairwise":
        pair = split_pair(version) if version or len(test.names) > 2 else test.names
        if len(set(pair)) != 2 or not set(pair) <= set(test.names):
            raise InputError(f"{where}: expected a pair a{PAIR_MARK}b of versions, got {version!r}")
        if value not in (*pair, NO_PREFERENCE):
            raise InputError(f"{where}: {value!r} is neither of {version!r} nor {NO_PREFERENCE}")
        version = canonical_pair(test, (pair[0], pair[1]))
    else:
        if version not in test.names:
            raise InputError(f"{where}: the test has no version {version!r}")
        value = _rating(value, test, where)
    return Answer(
        row.participant, row.clip, version, value, row.seconds, row.switches, row.played_s
    )  # fmt: skip


def _rating(value: float | str, test: ListeningTest, where: str) -> float:
    scale = test.scale
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if scale is None or not scale.minimum <= number <= scale.maximum:
        low, high = (scale.minimum, scale.maximum) if scale else (math.nan, math.nan)
        raise InputError(f"{where}: expected a value from {low:g} to {high:g}, got {value!r}")
    return number


def _gathered(people: list[Person], rows: list[Answer], test: ListeningTest) -> Answers:
    """Answers that count, each once."""
    counting = {trial.id for trial in counting_trials(test)}
    known: set[tuple[str, str, str]] = set()
    for row in rows:
        key = (row.participant, row.clip, row.version)
        if key in known:
            raise InputError(
                f"participant {row.participant} answered {row.clip}, {row.version} twice; keep one"
            )
        known.add(key)
    return Answers(tuple(people), tuple(row for row in rows if row.clip in counting))


def csv_text(answers: Answers) -> str:
    """The answers as a table that `read_csv` reads; a person without answers has an empty version."""
    keys = sorted({key for person in answers.people for key in person.fields})
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *(FIELD + key for key in keys)], lineterminator="\n")
    writer.writeheader()
    by_person: dict[str, list[Answer]] = {}
    for row in answers.rows:
        by_person.setdefault(row.participant, []).append(row)
    for person in answers.people:
        told = {
            "participant": person.id,
            "number": person.number,
            "started": person.started,
            "finished": person.finished,
            "headphones_correct": person.headphones_correct,
            **{FIELD + key: value for key, value in person.fields.items()},
        }
        for row in by_person.get(person.id, []):
            writer.writerow({**told, **_cells(row)})
        if person.id not in by_person:
            writer.writerow(told)
    return text.getvalue()


def _cells(row: Answer) -> dict[str, Any]:
    value = f"{row.value:g}" if isinstance(row.value, float) else row.value
    return {
        "clip": row.clip,
        "version": row.version,
        "value": value,
        "seconds": round(row.seconds, 3) if math.isfinite(row.seconds) else "",
        "switches": row.switches,
        "played_s": round(row.played_s, 3) if math.isfinite(row.played_s) else "",
    }
