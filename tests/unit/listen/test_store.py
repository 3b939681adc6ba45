"""Answers in SQLite: on disk when acknowledged, replaced as a whole, never stored twice."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from seehear.errors import InputError
from seehear.listen.store import FILE_NAME, Message, Participant, Plan, Rating, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / FILE_NAME)
    yield made
    made.close()


def no_pages(number: int) -> Plan:
    return []


def begin(store: Store, start_id: str = "a") -> Participant:
    return store.start(start_id, "chromium/desktop", no_pages)[1]


def answer(event: str, **values: float) -> Message:
    return Message(event, "answer", trial="clip", ratings={k: Rating(v) for k, v in values.items()})


def rows(tmp_path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_later_answer_replaces_the_earlier_one_as_a_whole(store: Store, tmp_path: Path) -> None:
    who = begin(store)
    assert store.keep(who, answer("1", one=1, two=2))
    assert store.keep(who, answer("2", two=1))
    assert rows(tmp_path, "SELECT version, value FROM answers") == [("two", 1)]
    assert len(rows(tmp_path, "SELECT * FROM events")) == 2, "the change is kept as an event"


def test_the_same_message_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    who = begin(store)
    assert store.keep(who, answer("1", one=1))
    assert store.keep(who, answer("2", one=3))
    assert not store.keep(who, answer("1", one=1)), "an old message that comes late"
    assert rows(tmp_path, "SELECT value FROM answers") == [(3,)]


def test_ids_of_different_listeners_do_not_meet(store: Store, tmp_path: Path) -> None:
    for start_id in ("a", "b"):
        assert store.keep(begin(store, start_id), answer("1", one=1))
    assert rows(tmp_path, "SELECT count(*) FROM answers") == [(2,)]


def test_the_same_start_finds_the_same_listener(store: Store) -> None:
    first = store.start("a", "x", no_pages)
    assert store.start("a", "x", no_pages) == first
    assert store.participant(first[0]) == first[1]
    assert store.participant("0" * 32) is None


def test_numbers_are_given_once_to_listeners_who_come_together(store: Store) -> None:
    found: list[int] = []

    def come(name: str) -> None:
        found.append(begin(store, name).number)

    threads = [threading.Thread(target=come, args=(f"listener {i}",)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(40))


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    store = Store(tmp_path / FILE_NAME)
    token, who = store.start("a", "x", lambda number: [{"key": "clip", "number": number}])
    digest = store.digest("something")
    store.keep(who, Message("1", "step", detail={"step": "volume"}))
    store.keep(who, answer("2", one=1))
    store.keep(who, Message("3", "done", trial="clip"))
    store.keep(who, Message("4", "fields", detail={"age": "40"}))
    store.keep(who, Message("5", "headphones", detail={"correct": 6, "passed": True}))
    # Not closed: a killed process does not close either.
    again = Store(tmp_path / FILE_NAME)
    assert again.participant(token) == who
    assert again.digest("something") == digest
    assert again.progress(who) == {
        "answers": {"clip": {"one": 1}},
        "done": ["clip"],
        "steps": ["volume"],
        "fields": {"age": "40"},
        "headphones": {"correct": 6, "passed": True},
        "finished": False,
    }
    again.keep(who, Message("6", "finish", at=100.0))
    again.keep(who, Message("7", "finish", at=200.0))
    (person,) = again.overview()["participants"]
    assert (person["finished"], person["done"], person["headphones"]) == (100.0, 1, True)
    again.close()
    store.close()


def test_a_failed_write_leaves_nothing(store: Store, tmp_path: Path) -> None:
    who = begin(store)
    broken = Message("1", "answer", trial=None, ratings={"one": Rating(1)})
    with pytest.raises(sqlite3.IntegrityError):
        store.keep(who, broken)
    assert rows(tmp_path, "SELECT * FROM events") == []
    assert store.keep(who, answer("1", one=1)), "the store still works"


def test_secrets_are_not_in_the_file(store: Store, tmp_path: Path) -> None:
    token, _ = store.start("a", "x", no_pages)
    stored = rows(tmp_path, "SELECT * FROM participants")
    assert token not in repr(stored)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text("not a database, but long enough to be looked at as one" * 20)
    with pytest.raises(InputError, match="cannot use"):
        Store(path)
    newer = tmp_path / "newer.sqlite"
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="answers of version 1"):
        Store(newer)
