"""Answers of a listening test in one SQLite file, `answers.sqlite` in the folder of the test.

What was acknowledged is on disk: every write is one transaction in WAL mode with full
synchronisation, so that neither a killed process nor a power cut loses it. Every message carries an
id made by the listener's page; a message that comes twice is stored once. A later answer to the same
trial replaces the earlier one, and both stay in the table of events.

Tables (times are seconds since 1970, UTC; `version` is the name in `test.toml`):

    participants  id, number, token_hash, started, finished, fields, headphones, device, plan
    answers       participant, trial, version, value, shown_at, answered_at, switches, played_s
    events        participant, id, at, kind, trial, detail

`trial` is the key of a page (`design.Page.key`). A pairwise choice is one row whose version is the
pair (`design.canonical_pair`) and whose value is the name of the preferred version or `none`; all
other kinds have one row per version with a number. `switches` says how often the listener turned to
this version and `played_s` for how long it was heard (in a pair: both together). A listener is known
by a random id; the secret in the personal link is stored as a hash only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seehear.errors import InputError

FILE_NAME = "answers.sqlite"
SCHEMA_VERSION = 1
TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE participants (
    id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    token_hash TEXT NOT NULL UNIQUE,
    started REAL NOT NULL,
    finished REAL,
    fields TEXT NOT NULL DEFAULT '{}',
    headphones TEXT NOT NULL DEFAULT '{}',
    device TEXT NOT NULL,
    plan TEXT NOT NULL
);
CREATE TABLE answers (
    participant TEXT NOT NULL REFERENCES participants (id),
    trial TEXT NOT NULL,
    version TEXT NOT NULL,
    value NOT NULL,
    shown_at REAL NOT NULL,
    answered_at REAL NOT NULL,
    switches INTEGER NOT NULL,
    played_s REAL NOT NULL,
    UNIQUE (participant, trial, version)
);
CREATE TABLE events (
    participant TEXT NOT NULL REFERENCES participants (id),
    id TEXT NOT NULL,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    trial TEXT,
    detail TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (participant, id)
);
"""

Plan = list[dict[str, Any]]


@dataclass(frozen=True)
class Participant:
    """A listener.

    Args:
        id: random name, safe to publish.
        number: place in the balanced order, from 0.
        plan: what this listener is given, as it was when they began.
    """

    id: str
    number: int
    plan: Plan


@dataclass(frozen=True)
class Rating:
    """One version's part of an answer.

    Args:
        value: rank, grade, or the name of the preferred version.
        switches: how often the listener turned to this version.
        played_s: how long it was heard, s.
    """

    value: float | str
    switches: int = 0
    played_s: float = 0.0


@dataclass(frozen=True)
class Message:
    """Something that a listener's page reports.

    Args:
        id: made by the page; the same id is never stored twice.
        kind: `answer`, `done`, `headphones`, `fields`, `step` or `finish`.
        trial: key of the page it belongs to, or None.
        detail: what is kept in the table of events.
        ratings: for an answer: version -> rating; replaces the trial's earlier answer.
        shown_at: for an answer: when the trial was shown.
        at: when it happened; None is now.
    """

    id: str
    kind: str
    trial: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    ratings: Mapping[str, Rating] = field(default_factory=dict)
    shown_at: float | None = None
    at: float | None = None


class Store:
    """The file of one test, held by one process.

    Args:
        path: `answers.sqlite`; made if missing.

    Raises:
        InputError: the file is not such a database or is of another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection = _open(path)
        self._secret = self._text("SELECT value FROM meta WHERE name = 'secret'").encode()

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        with self._lock:
            self._connection.close()

    def digest(self, text: str) -> str:
        """32 characters that only this test's secret can make from a text."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:32]

    def start(
        self, start_id: str, device: str, plan_for: Callable[[int], Plan]
    ) -> tuple[str, Participant]:
        """Let a listener begin; the same `start_id` again finds the same listener.

        Args:
            start_id: random text made by the page.
            device: class of the browser, such as `chromium/desktop`.
            plan_for: gives the plan of the n-th listener.

        Returns:
            The secret of the personal link, and the listener.
        """
        token = self.digest(f"token|{start_id}")
        with self._writing() as connection:
            known = self._find(token)
            if known is not None:
                return token, known
            (number,) = connection.execute(
                "SELECT coalesce(max(number) + 1, 0) FROM participants"
            ).fetchone()
            who = Participant(f"p{secrets.token_hex(5)}", number, plan_for(number))
            connection.execute(
                "INSERT INTO participants (id, number, token_hash, started, device, plan)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (who.id, number, _hash(token), time.time(), device, json.dumps(who.plan)),
            )
        return token, who

    def participant(self, token: str) -> Participant | None:
        """The listener with this secret, or None."""
        with self._lock:
            return self._find(token)

    def keep(self, who: Participant, message: Message) -> bool:
        """Store a message on disk before returning.

        Returns:
            False if this message had been stored before; nothing is changed then.
        """
        now = time.time()
        at = now if message.at is None else message.at
        with self._writing() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO events (participant, id, at, kind, trial, detail)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (who.id, message.id, at, message.kind, message.trial, json.dumps(message.detail)),
            )
            if added.rowcount == 0:
                return False
            if message.kind == "answer":
                self._replace_answer(connection, who, message, at)
            elif message.kind in ("headphones", "fields"):
                connection.execute(
                    f"UPDATE participants SET {message.kind} = ? WHERE id = ?",
                    (json.dumps(message.detail), who.id),
                )
            elif message.kind == "finish":
                connection.execute(
                    "UPDATE participants SET finished = coalesce(finished, ?) WHERE id = ?",
                    (at, who.id),
                )
        return True

    def progress(self, who: Participant) -> dict[str, Any]:
        """What a listener has done: answers, finished trials and steps.

        Returns:
            `answers` (trial -> version -> value), `done` (trials), `steps`, `fields`, `headphones`
            and `finished`.
        """
        with self._lock:
            run = self._connection.execute
            rows = run(
                "SELECT trial, version, value FROM answers WHERE participant = ?", (who.id,)
            ).fetchall()
            events = run(
                "SELECT kind, trial, detail FROM events WHERE participant = ?"
                " AND kind IN ('done', 'step') ORDER BY at",
                (who.id,),
            ).fetchall()
            fields, headphones, finished = run(
                "SELECT fields, headphones, finished FROM participants WHERE id = ?", (who.id,)
            ).fetchone()
        answers: dict[str, dict[str, Any]] = {}
        for trial, version, value in rows:
            answers.setdefault(trial, {})[version] = value
        return {
            "answers": answers,
            "done": [trial for kind, trial, _ in events if kind == "done"],
            "steps": [json.loads(d).get("step") for kind, _, d in events if kind == "step"],
            "fields": json.loads(fields),
            "headphones": json.loads(headphones),
            "finished": finished is not None,
        }

    def overview(self) -> dict[str, Any]:
        """Counts for the page of whoever runs the test; no secrets, no answers."""
        with self._lock:
            run = self._connection.execute
            people = run(
                "SELECT p.id, p.number, p.started, p.finished, p.headphones, p.device,"
                " (SELECT count(DISTINCT trial) FROM events e"
                "  WHERE e.participant = p.id AND e.kind = 'done'),"
                " (SELECT max(at) FROM events e WHERE e.participant = p.id)"
                " FROM participants p ORDER BY p.number"
            ).fetchall()
            trials = run(
                "SELECT trial, count(DISTINCT participant) FROM events"
                " WHERE kind = 'done' GROUP BY trial"
            ).fetchall()
            (answers,) = run("SELECT count(*) FROM answers").fetchone()
        rows = [
            {
                "id": who,
                "number": number,
                "started": started,
                "finished": finished,
                "headphones": json.loads(headphones).get("passed"),
                "device": device,
                "done": done,
                "seen": seen if seen is not None else started,
            }
            for who, number, started, finished, headphones, device, done, seen in people
        ]
        return {"participants": rows, "trials": dict(trials), "answers": answers}

    @staticmethod
    def _replace_answer(
        connection: sqlite3.Connection, who: Participant, message: Message, at: float
    ) -> None:
        connection.execute(
            "DELETE FROM answers WHERE participant = ? AND trial = ?", (who.id, message.trial)
        )
        shown_at = at if message.shown_at is None else message.shown_at
        connection.executemany(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (who.id, message.trial, version, r.value, shown_at, at, r.switches, r.played_s)
                for version, r in message.ratings.items()
            ],
        )

    def _find(self, token: str) -> Participant | None:
        row = self._connection.execute(
            "SELECT id, number, plan FROM participants WHERE token_hash = ?", (_hash(token),)
        ).fetchone()
        return Participant(row[0], row[1], json.loads(row[2])) if row else None

    def _text(self, query: str) -> str:
        with self._lock:
            (text,) = self._connection.execute(query).fetchone()
        return str(text)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that owns the file from its first read, so that numbers are given once."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    try:
        # Explicit transactions only; the lock of `Store` keeps threads apart.
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=10.0
        )
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL would be faster and lose the last answers in a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _check_version(connection, path)
    except sqlite3.Error as error:
        raise InputError(
            f"cannot use {path} for answers ({error}); move it away or choose another folder"
        ) from error
    return connection


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        for statement in TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('secret', ?)", (secrets.token_hex(32),))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        version = SCHEMA_VERSION
    connection.execute("COMMIT")
    if version != SCHEMA_VERSION:
        connection.close()
        raise InputError(
            f"expected answers of version {SCHEMA_VERSION} in {path}, got {version};"
            " serve this test with the release that made it"
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
