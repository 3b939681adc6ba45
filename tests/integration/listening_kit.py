"""Simulated listeners: what a page does over HTTP, without a browser."""

from __future__ import annotations

import http.client
import json
import secrets
from typing import Any
from urllib.parse import urlsplit


class Client:
    """One connection to a server.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self.token = ""

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request; headers of the answer in lower case."""
        own = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            own["Content-Type"] = "application/json"
        self.connection.request(method, path, body, {**own, **(headers or {})})
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content

    def json(self, method: str, path: str, value: object = None) -> dict[str, Any]:
        """A request that must work."""
        body = None if value is None else json.dumps(value).encode()
        status, _, content = self.ask(method, path, body)
        assert status == 200, (status, content)
        made: dict[str, Any] = json.loads(content)
        return made

    def start(self) -> dict[str, Any]:
        """Agree and begin; returns the session."""
        begun = self.json("POST", "/api/start", {"id": secrets.token_hex(16), "consent": True})
        self.token = begun["token"]
        return self.json("GET", "/api/session")

    def record(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message."""
        return self.json("POST", "/api/record", message)


def message(kind: str, **rest: Any) -> dict[str, Any]:
    """A message with an id of its own."""
    return {"id": secrets.token_hex(16), "kind": kind, "ago_s": 0.0, **rest}


def answer(page: int, values: dict[str, float]) -> dict[str, Any]:
    """An answer to a page."""
    played = {slot: 1.0 for slot in values if slot != "choice"}
    return message(
        "answer", page=page, values=values, switches={}, played_s=played, shown_for_s=3.0
    )
