"""Simulated listeners: their preferences are found again, their carelessness too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seehear.errors import InputError, UsageError
from seehear.listen.analysis import analyse
from seehear.listen.answers import Answer, Answers, csv_text, read_answers, read_csv
from seehear.listen.config import KINDS, Kind, ListeningTest, Screening
from seehear.listen.screening import screen
from seehear.listen.simulated import CARELESS, Listeners, fill, simulate, true_chance
from seehear.listen.statistics.crossed import crossed_mean
from seehear.listen.statistics.power import SPREADS
from seehear.listen.statistics.shares import crossed_share
from seehear.listen.store import Store
from seehear.listen.tables import tables
from tests.listen_kit import made_up


def quality(test: ListeningTest, step: float = 0.5) -> dict[str, float]:
    """Each version better than the next; ratings lie about 60, the hidden reference near 100."""
    if test.kind in ("ranking", "pairwise"):
        return {name: -step * i for i, name in enumerate(test.names)}
    found = {name: 70.0 - 10 * i for i, name in enumerate(test.names)}
    return found | ({test.reference: 98.0} if test.kind == "mushra" else {})


def requiring(test: ListeningTest) -> ListeningTest:
    """The test with the headphone check required, and a reference that no careful listener misses."""
    below = 90.0 if test.kind == "mushra" else 0.0
    return replace(test, screening=Screening(headphones="require", reference_below=below))


@pytest.mark.parametrize("kind", KINDS)
def test_screening_finds_the_careless_and_nobody_else(kind: Kind) -> None:
    test = requiring(made_up(kind, clips=6))
    answers = simulate(test, Listeners(12, quality(test), careless=8, seed=3))
    found = screen(test, answers)
    assert len(found.kept) == 12
    assert {rule for one in found.left_out for rule in one.rules} >= set(CARELESS)
    assert all(reason for one in found.left_out for reason in one.reasons)


@pytest.mark.parametrize("kind", KINDS)
def test_database_and_table_hold_the_same_answers(kind: Kind, tmp_path: Path) -> None:
    test = made_up(kind, clips=3)
    made = simulate(test, Listeners(4, quality(test), seed=5))
    fill(tmp_path, test, made)
    stored = read_answers(tmp_path, test)
    (tmp_path / "table.csv").write_text(csv_text(stored))
    again = read_csv(tmp_path / "table.csv", test)
    assert [p.number for p in stored.people] == [0, 1, 2, 3]
    assert {p.headphones_correct for p in stored.people} == {6}
    assert [replace_id(r, stored) for r in again.rows] == [
        replace_id(r, stored) for r in stored.rows
    ]
    assert again.people == stored.people
    assert values_of(made) == values_of(stored)


def replace_id(row: Answer, answers: Answers) -> tuple[object, ...]:
    return (row.participant, row.clip, row.version, row.value, round(row.seconds, 3))


def values_of(answers: Answers) -> dict[tuple[int | None, str, str], float | str]:
    number = {person.id: person.number for person in answers.people}
    return {(number[r.participant], r.clip, r.version): r.value for r in answers.rows}


def test_the_database_is_read_while_it_is_served_and_left_as_it_was(tmp_path: Path) -> None:
    test = made_up("ranking")
    path = fill(tmp_path, test, simulate(test, Listeners(2, quality(test))))
    assert len(read_answers(tmp_path, test).people) == 2
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    store = Store(path)
    try:
        store.start("a listener who has just come", "chromium/desktop", lambda number: [])
        found = read_answers(tmp_path, test)
    finally:
        store.close()
    assert [person.number for person in found.people] == [0, 1, 2]
    assert found.people[2].headphones_correct is None


BROKEN = {
    "participant,clip,version\na,c1,x\n": "lacks value",
    "participant,clip,version,value\na,nowhere,{0},1\n": "line 2: the test has no clip",
    "participant,clip,version,value\na,{1},nobody,1\n": "line 2: the test has no version",
    "participant,clip,version,value\na,{1},{0},9\n": "expected a value from 1 to",
    "participant,clip,version,value\na,{1},{0},best\n": "expected a value from 1 to",
    "participant,clip,version,value,seconds\na,{1},{0},1,soon\n": "seconds must be a number",
    "participant,clip,version,value\na,{1},{0},1\na,{1},{0},2\n": "twice",
    "participant,clip,version,value,number\na,{1},{0},1,0\na,{1},{0},2,1\n": "differs from",
}


@pytest.mark.parametrize(("text", "said"), BROKEN.items())
def test_broken_tables_are_refused(text: str, said: str, tmp_path: Path) -> None:
    test = made_up("ranking")
    path = tmp_path / "answers.csv"
    path.write_text(text.format(test.names[0], test.trials[0].id))
    with pytest.raises(InputError, match=said):
        read_answers(tmp_path, test)


def test_a_folder_without_answers_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seehear listen serve"):
        read_answers(tmp_path, made_up("ranking"))


def test_pairs_may_stand_either_way_round(tmp_path: Path) -> None:
    test = made_up("pairwise")
    a, b = test.names[:2]
    path = tmp_path / "pairs.csv"
    path.write_text(f"participant,clip,version,value\np,{test.trials[0].id},{b}~{a},{a}\n")
    (row,) = read_csv(path, test).rows
    assert (row.version, row.value) == (f"{a}~{b}", a)
    path.write_text(f"participant,clip,version,value\np,{test.trials[0].id},{a}~{a},{a}\n")
    with pytest.raises(InputError, match="expected a pair"):
        read_csv(path, test)


def test_qualities_have_to_fit() -> None:
    with pytest.raises(UsageError, match="qualities are needed for exactly"):
        simulate(made_up("ranking"), Listeners(3, {"nobody": 1.0}))


def covered(test: ListeningTest, wanted: Mapping[str, float], runs: int) -> Mapping[str, float]:
    """Share of simulated tests whose interval holds the true main figure of each version."""
    hits = dict.fromkeys(wanted, 0)
    for seed in range(runs):
        made = tables(test, simulate(test, Listeners(12, quality(test), seed=seed)))
        cells = np.nanmean(made.outcomes, -1) if test.kind == "pairwise" else made.ratings
        for name, truth in wanted.items():
            values = cells[..., made.versions.index(name)]
            found = crossed_share(values) if test.kind == "pairwise" else crossed_mean(values)
            hits[name] += found.low <= truth <= found.high
    return {name: count / runs for name, count in hits.items()}


def true_mean_ranks(test: ListeningTest) -> dict[str, float]:
    """1 + the chances of each other version to be preferred."""
    spread, levels = SPREADS[test.kind], quality(test)
    return {
        name: 1 + sum(true_chance(levels[o], own, spread) for o in levels if o != name)
        for name, own in levels.items()
    }


def true_shares(test: ListeningTest) -> dict[str, float]:
    """Mean chance to be preferred to each other version, no preference as half."""
    spread, levels = SPREADS[test.kind], quality(test)
    return {
        name: float(
            np.mean([true_chance(own, levels[o], spread, 0.3) for o in levels if o != name])
        )
        for name, own in levels.items()
    }


@pytest.mark.parametrize("kind", ["ranking", "pairwise", "mushra"])
def test_known_preferences_are_recovered(kind: Kind) -> None:
    test = made_up(kind, clips=8)
    if kind == "mushra":
        # Away from the ends of the scale rounding moves no mean; the reference is cut at 100.
        wanted = {n: q for n, q in quality(test).items() if n != test.reference}
    else:
        wanted = true_mean_ranks(test) if kind == "ranking" else true_shares(test)
    found = covered(test, wanted, 60)
    assert 0.90 <= np.mean(list(found.values())) <= 0.99, found


@pytest.mark.parametrize("kind", KINDS)
def test_analysis_is_json_and_survives_few_answers(kind: Kind) -> None:
    test = made_up(kind, clips=3)
    answers = simulate(test, Listeners(3, quality(test), seed=2))
    for few in (1, 2, 3):
        found = analyse(test, answers.only([p.id for p in answers.people][:few]))
        json.dumps(found, allow_nan=False)
        low = found["versions"][0]["main"]["low"]
        assert (low is None) == (few == 1)
    gaps = Answers(answers.people, answers.rows[:4] + answers.rows[7:])
    json.dumps(analyse(test, gaps), allow_nan=False)
