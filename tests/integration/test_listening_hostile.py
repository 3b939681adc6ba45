"""Hostile requests get 4xx and leave no trace; honest ones get exactly what is theirs."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from seehear.listen import limits
from seehear.listen.config import read_test
from seehear.listen.store import FILE_NAME
from tests.browser.kit import PASSWORD, Served, make_test, served
from tests.integration.listening_kit import Client, answer, message

pytest.importorskip("fastapi", reason="serving needs the extra listen")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("hostile") / "test"
    place.mkdir()
    make_test(place, "mushra", clips=1, seconds=1.2, names=("truth", "birch"))
    (place.parent / "secret.txt").write_text("secret")
    return place


@pytest.fixture
def site(folder: Path) -> Iterator[Served]:
    for left in folder.glob(f"{FILE_NAME}*"):
        left.unlink()
    with served(read_test(folder), folder) as running:
        yield running


@pytest.fixture
def client(site: Served) -> Iterator[Client]:
    made = Client(site.url)
    yield made
    made.close()


def content(site: Served) -> dict[str, Any]:
    """All that is stored."""
    names = ("participants", "answers", "events")
    return {name: site.rows(f"SELECT * FROM {name}") for name in names}


def test_media_come_by_opaque_name_and_in_ranges(site: Served, client: Client) -> None:
    (page,) = client.start()["pages"]
    everything = {page["picture"], page["reference"], *page["sounds"]}
    assert len(everything) == 4, "the hidden reference has another address than the open one"
    for address in everything:
        assert not any(name in address for name in ("truth", "birch", "clip", "flac", "mp4"))
    sound = (site.folder / site.test.trials[0].sounds["truth"]).read_bytes()
    status, headers, body = client.ask("GET", page["reference"])
    assert (status, headers["content-type"], body) == (200, "audio/flac", sound)
    status, headers, body = client.ask("GET", page["picture"], headers={"Range": "bytes=10-19"})
    picture = (site.folder / site.test.trials[0].picture).read_bytes()
    assert (status, body) == (206, picture[10:20])
    assert headers["content-range"] == f"bytes 10-19/{len(picture)}"
    for wrong in ("bytes=99999999-", "bytes=5-1", "lines=1-2"):
        status, _, _ = client.ask("GET", page["picture"], headers={"Range": wrong})
        assert 400 <= status < 500


def test_every_answer_has_the_strict_headers(client: Client) -> None:
    client.start()
    for path in ("/", "/site/app.js", "/api/test", "/api/session", "/admin", "/nothing"):
        _, headers, _ = client.ask("GET", path)
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


PATHS = [
    "/media/../test.toml",
    "/media/..%2ftest.toml",
    "/media/%2e%2e/test.toml",
    "/media/..%5ctest.toml",
    "/media/test.toml",
    "/media/clip_0/picture.mp4",
    "/media//etc/passwd",
    "/media/%2fetc%2fpasswd",
    "/media/....//....//secret.txt",
    "/media/%00",
    "/media/" + "a" * 5000,
    "/media/",
    "/media",
    "/site/../server.py",
    "/site/..%2fserver.py",
    "/site/%2e%2e%2f__init__.py",
    "/site/nothing.js",
    "/site/",
    "/answers.sqlite",
    "/test.toml",
    "/../secret.txt",
    "/docs",
    "/openapi.json",
    "/redoc",
    "/api/",
    "/api/session/",
    "/admin/",
    "/admin/../admin/counts",
    "/%ff",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_reaches_the_file_system(path: str, site: Served, client: Client) -> None:
    before = content(site)
    status, _, body = client.ask("GET", path)
    assert 400 <= status < 500, body
    assert b"secret" not in body and b"kind" not in body
    assert content(site) == before


def test_wrong_methods_are_refused(client: Client) -> None:
    for method, path in (
        ("POST", "/"),
        ("PUT", "/api/record"),
        ("DELETE", "/api/session"),
        ("POST", "/media/x"),
        ("GET", "/api/start"),
        ("TRACE", "/"),
        ("OPTIONS", "/api/record"),
    ):
        status, _, _ = client.ask(method, path, b"{}" if method in ("POST", "PUT") else None)
        assert status == 405, (method, path)


def test_wrong_tokens_see_and_store_nothing(site: Served, client: Client) -> None:
    client.start()
    right = client.token
    before = content(site)
    for token in ("", "0" * 32, right[:-1], right + "0", right.upper() + "G", "' OR 1=1 --"):
        client.token = token
        for method, path, body in (
            ("GET", "/api/session", None),
            ("POST", "/api/record", json.dumps(answer(0, {"1": 50})).encode()),
        ):
            status, _, said = client.ask(method, path, body)
            assert status == 401, token
            assert right.encode() not in said
    assert content(site) == before


def test_guessing_tokens_and_passwords_is_slowed_down(site: Served, client: Client) -> None:
    client.token = "0" * 32
    statuses = [client.ask("GET", "/api/session")[0] for _ in range(70)]
    assert set(statuses) == {401, 429} and statuses[0] == 401
    client.token = ""
    wrong = {"Authorization": "Basic " + base64.b64encode(b"me:guess").decode()}
    statuses = [client.ask("GET", "/admin/counts", headers=wrong)[0] for _ in range(15)]
    assert statuses[:10] == [401] * 10 and statuses[-1] == 429
    right = {"Authorization": "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()}
    assert client.ask("GET", "/admin/counts", headers=right)[0] == 429, "not even the right one"


def test_one_listener_cannot_flood(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MESSAGES", limits.Rate(a_second=0.1, burst=5))
    monkeypatch.setattr(limits, "STARTS", limits.Rate(a_second=0.1, burst=2))
    with served(read_test(folder), folder) as site:
        first, second = Client(site.url), Client(site.url)
        first.start()
        second.start()
        body = json.dumps(message("step", step="volume")).encode()
        assert [first.ask("POST", "/api/record", body)[0] for _ in range(6)] == [200] * 5 + [429]
        assert second.ask("POST", "/api/record", body)[0] == 200, "others go on"
        begin = json.dumps({"id": "0" * 32, "consent": True}).encode()
        status, headers, _ = first.ask("POST", "/api/start", begin)
        assert status == 429 and int(headers["retry-after"]) >= 1
        first.close()
        second.close()


def raw(site: Served, data: bytes) -> bytes:
    """Bytes on the line, and what comes back first."""
    place = urlsplit(site.url)
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        line.sendall(data)
        return line.recv(200)


def test_large_and_broken_bodies_are_refused(site: Served, client: Client) -> None:
    client.start()
    before = content(site)
    large = json.dumps({"id": "x" * limits.BODY_BYTES}).encode()
    assert client.ask("POST", "/api/record", large)[0] == 413
    client.close()
    head = (
        f"POST /api/record HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
        "Content-Type: application/json\r\n"
    )
    # It says that it is huge; it is refused before it is sent.
    assert b" 413 " in raw(site, f"{head}Content-Length: 99999999999\r\n\r\n".encode())
    # It does not say how large it is.
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 8
    assert b" 413 " in raw(site, chunked)
    for wrong in (
        "Content-Length: -1",
        "Content-Length: ten",
        "Content-Length: 1\r\nContent-Length: 2",
    ):
        assert b" 400 " in raw(site, f"{head}{wrong}\r\n\r\n".encode())
    assert b" 400 " in raw(site, b"\x00\x01\x02\r\n\r\n")
    assert b" 400 " in raw(site, b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n")
    for body in (b"", b"{", b"[1]", b'{"id": NaN}', b"\xff", b"[" * 8000):
        assert client.ask("POST", "/api/record", body)[0] == 400
    status, _, _ = client.ask(
        "POST",
        "/api/record",
        json.dumps(answer(0, {"1": 50})).encode(),
        {"Content-Type": "text/plain"},
    )
    assert status == 415, "a form on another site could send this"
    assert content(site) == before


WRONG_ANSWERS = [
    answer(1, {"1": 50}),
    answer(9999, {"1": 50}),
    answer(0, {}),
    answer(0, {"3": 50}),
    answer(0, {"choice": 1}),
    answer(0, {"1": 50.5}),
    answer(0, {"1": 101}),
    answer(0, {"1": -1}),
    answer(0, {"1": 50}) | {"switches": {"7": 1}},
    answer(0, {"1": 50}) | {"played_s": {"7": 1}},
    message("done", page=5),
    message("fields", fields={"age": "50"}),
    message("step", step="everything"),
    message("finish", page=0),
]


@pytest.mark.parametrize("body", WRONG_ANSWERS, ids=lambda body: json.dumps(body)[44:110])
def test_what_does_not_fit_the_test_is_refused(
    body: dict[str, Any], site: Served, client: Client
) -> None:
    client.start()
    before = content(site)
    status, _, said = client.ask("POST", "/api/record", json.dumps(body).encode())
    assert status == 422
    assert "expected" in json.loads(said)["error"]
    assert content(site) == before


def test_one_listener_cannot_touch_another(site: Served, client: Client) -> None:
    client.start()
    first = answer(0, {"1": 10, "2": 20})
    client.record(first)
    before = content(site)
    other = Client(site.url)
    assert other.start()["answers"] == {}
    # The same id from somebody else is another message, and changes nothing of the first.
    other.record({**first, "values": {"1": 90, "2": 80}})
    rows = site.rows("SELECT participant, version, value FROM answers")
    assert rows[:2] == [row[:1] + row[2:4] for row in before["answers"]]
    assert len(rows) == 4 and len({row[0] for row in rows}) == 2
    other.close()


def test_a_disk_that_is_full_is_said_and_nothing_is_half_stored(
    site: Served, client: Client
) -> None:
    client.start()
    site.store._connection.execute("PRAGMA query_only = ON")
    status, _, said = client.ask("POST", "/api/record", json.dumps(answer(0, {"1": 5})).encode())
    assert status == 503 and b"cannot be stored" in said
    site.store._connection.execute("PRAGMA query_only = OFF")
    assert content(site)["answers"] == []
    client.record(answer(0, {"1": 5}))
    assert len(content(site)["answers"]) == 1


def test_the_open_test_says_nothing_of_versions(site: Served, client: Client) -> None:
    said = json.dumps([client.json("GET", "/api/test"), client.start()])
    for word in ("truth", "birch", "clip_0", "reference_below", str(site.folder)):
        assert word not in said
