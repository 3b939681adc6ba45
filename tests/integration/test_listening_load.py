"""Fifty listeners at once, and a server that is killed: every acknowledged answer once, no more."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seehear.listen.config import read_test
from seehear.listen.design import order_for
from seehear.listen.store import FILE_NAME
from tests.browser.kit import make_test, served
from tests.integration.listening_kit import Client, answer, message

pytest.importorskip("fastapi", reason="serving needs the extra listen")
pytest.importorskip("uvicorn", reason="serving needs the extra listen")

LISTENERS = 50
NAMES = ("apple", "birch", "cedar", "daisy")


def ranks(drawn: random.Random) -> dict[str, float]:
    """Ranks of all versions in drawn order."""
    order = drawn.sample(range(1, len(NAMES) + 1), len(NAMES))
    return {str(slot): rank for slot, rank in enumerate(order, 1)}


def take_test(url: str, seed: int, said: dict[str, Any]) -> None:
    """One listener: loads media, ranks each page twice, finishes."""
    drawn = random.Random(seed)
    client = Client(url)
    session = client.start()
    final = {}
    for page in session["pages"]:
        for address in (page["picture"], *page["sounds"]):
            assert client.ask("GET", address)[0] == 200
        for _ in range(2):
            final[page["number"]] = ranks(drawn)
            assert client.record(answer(page["number"], final[page["number"]]))["new"]
        client.record(message("done", page=page["number"]))
    client.record(message("finish"))
    assert client.json("GET", "/api/session")["finished"]
    client.close()
    said[client.token] = (session["number"], final)


def test_fifty_listeners_at_once(tmp_path: Path) -> None:
    test = make_test(tmp_path, "ranking", clips=3, seconds=0.6, names=NAMES)
    said: dict[str, Any] = {}
    with served(test, tmp_path) as site:
        threads = [
            threading.Thread(target=take_test, args=(site.url, seed, said))
            for seed in range(LISTENERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(said) == LISTENERS, "every listener came to the end"
        numbers = sorted(number for number, _ in said.values())
        assert numbers == list(range(LISTENERS)), "each has a place of their own in the design"
        expected = Counter(
            (number, order_for(test, number)[page].key, name, values[str(slot)])
            for number, pages in said.values()
            for page, values in pages.items()
            for slot, name in enumerate(order_for(test, number)[page].versions, 1)
        )
        rows = site.rows(
            "SELECT p.number, a.trial, a.version, a.value FROM answers a"
            " JOIN participants p ON p.id = a.participant"
        )
        assert Counter(rows) == expected
        # As stored: each version stands first equally often on each clip.
        plans = site.rows("SELECT plan FROM participants WHERE number < 48")
        first = Counter((p["key"], p["versions"][0]) for (t,) in plans for p in json.loads(t))
        assert set(first.values()) == {12} and len(first) == 3 * len(NAMES)


@contextlib.contextmanager
def process(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """The server as the command line runs it."""
    code = "from seehear.cli.main import run; run()"
    command = [sys.executable, "-c", code, "listen", "serve", str(folder), "--port", str(port)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("listening test: http://127.0.0.1:")
        yield running
    finally:
        running.kill()
        running.wait()
        assert running.stdout is not None
        running.stdout.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


class Persistent:
    """A listener who sends each message until it is acknowledged, as the page does."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.drawn = random.Random(seed)
        self.client = Client(url)
        self.session = self.client.start()
        self.acknowledged: list[tuple[str, int, dict[str, float]]] = []
        self.repeats = 0
        self.stop = threading.Event()

    def run(self) -> None:
        while not self.stop.is_set():
            page = self.drawn.randrange(len(self.session["pages"]))
            values = ranks(self.drawn)
            self.send(answer(page, values))
            time.sleep(0.01)

    def send(self, body: dict[str, Any]) -> None:
        give_up = time.monotonic() + 60
        while True:
            try:
                new = self.client.record(body)["new"]
                self.repeats += not new
                self.acknowledged.append((body["id"], body["page"], body["values"]))
                return
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < give_up, "the server did not come back"
                self.client.close()
                time.sleep(0.05)


def test_a_killed_server_loses_and_doubles_nothing(tmp_path: Path) -> None:
    make_test(tmp_path, "ranking", clips=2, seconds=0.6, names=NAMES)
    port = free_port()
    with process(tmp_path, port) as first:
        listeners = [Persistent(f"http://127.0.0.1:{port}", seed) for seed in range(6)]
        threads = [threading.Thread(target=one.run) for one in listeners]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        first.send_signal(signal.SIGKILL)
        first.wait()
    before = sum(len(one.acknowledged) for one in listeners)
    with process(tmp_path, port):
        time.sleep(0.7)
        for one in listeners:
            one.stop.set()
        for thread in threads:
            thread.join()
    for one in listeners:
        one.client.close()
    assert before > 0
    assert sum(len(one.acknowledged) for one in listeners) > before, "the test went on"
    check(tmp_path, listeners)


def check(folder: Path, listeners: list[Persistent]) -> None:
    """The database holds each acknowledged message once and the last answer to each page."""
    test = read_test(folder)
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for one in listeners:
            number = one.session["number"]
            (who,) = connection.execute(
                "SELECT id FROM participants WHERE number = ?", (number,)
            ).fetchone()
            events = connection.execute(
                "SELECT id FROM events WHERE participant = ?", (who,)
            ).fetchall()
            assert Counter(row[0] for row in events) == Counter(a[0] for a in one.acknowledged)
            pages = order_for(test, number)
            last = {page: values for _, page, values in one.acknowledged}
            expected = {
                (pages[page].key, name): values[str(slot)]
                for page, values in last.items()
                for slot, name in enumerate(pages[page].versions, 1)
            }
            rows = connection.execute(
                "SELECT trial, version, value FROM answers WHERE participant = ?", (who,)
            ).fetchall()
            assert {(trial, version): value for trial, version, value in rows} == expected
            assert len(rows) == len(expected)


def test_two_servers_of_one_port_and_a_missing_file_are_said(tmp_path: Path) -> None:
    test = make_test(tmp_path, "ranking", clips=1, seconds=0.6, names=NAMES)
    code = "from seehear.cli.main import run; run()"

    def told(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", code, "listen", "serve", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr

    with served(test, tmp_path) as site:
        status, said = told(str(tmp_path), "--port", site.url.rpartition(":")[2])
        assert status == 2 and "choose another --host or --port" in said
    (tmp_path / test.trials[0].picture).unlink()
    status, said = told(str(tmp_path), "--port", "0")
    assert status == 1 and "picture.mp4 is missing" in said
