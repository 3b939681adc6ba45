"""What the server answers when it will not do something."""

from __future__ import annotations


class RefusalError(Exception):
    """A request is refused.

    Args:
        status: HTTP status, 4xx (503 if trying again may help).
        sentence: what was expected; shown to whoever asked, so it repeats nothing of the request.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}
