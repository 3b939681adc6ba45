"""How much one address or one listener may ask for: rates, sizes and times."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from seehear.listen.refusals import RefusalError

BODY_BYTES = 16 * 1024
"""Largest message; a ranking of twenty versions takes about 1 KB."""
BODY_SECONDS = 10.0
"""Longest time that a message may take to arrive."""


@dataclass(frozen=True)
class Rate:
    """Allowed requests: `burst` at once, `a_second` in the long run."""

    a_second: float
    burst: float


REQUESTS = Rate(200, 3000)
"""Of one address. A laboratory of fifty people may share one, and loads much at the beginning."""
STARTS = Rate(2, 150)
"""New listeners of one address."""
MESSAGES = Rate(20, 100)
"""Of one listener."""
WRONG_TOKENS = Rate(1, 60)
"""Of one address; a token has 128 bits."""
WRONG_PASSWORDS = Rate(0.1, 10)
"""Of one address."""


class Buckets:
    """Token buckets by key; the least recently used are forgotten when there are too many.

    Args:
        rate: what is allowed.
        most: number of keys that are remembered.
        clock: seconds, for tests.
    """

    def __init__(
        self, rate: Rate, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one request.

        Raises:
            RefusalError: 429, with the seconds to wait.
        """
        with self._lock:
            level = self._level(key)
            self._levels[key] = (max(level - 1, 0.0), self._clock())
            self._levels.move_to_end(key)
            while len(self._levels) > self._most:
                self._levels.popitem(last=False)
        if level < 1:
            self._refuse(level)

    def check(self, key: str) -> None:
        """Refuse when nothing is left, without counting (for what counts only when it fails).

        Raises:
            RefusalError: 429, with the seconds to wait.
        """
        with self._lock:
            level = self._level(key)
        if level < 1:
            self._refuse(level)

    def _level(self, key: str) -> float:
        level, at = self._levels.get(key, (self._rate.burst, self._clock()))
        return min(level + (self._clock() - at) * self._rate.a_second, self._rate.burst)

    def _refuse(self, level: float) -> None:
        wait = max(round((1 - level) / self._rate.a_second), 1)
        raise RefusalError(
            429, "too many requests; wait a little", headers={"Retry-After": str(wait)}
        )


async def limited_body(
    chunks: AsyncIterator[bytes], most: int = BODY_BYTES, seconds: float = BODY_SECONDS
) -> bytes:
    """Read a message that must be small and must come soon.

    Raises:
        RefusalError: 413 as soon as it is too large, 408 if it takes too long.
    """
    body = bytearray()

    async def read() -> None:
        async for chunk in chunks:
            body.extend(chunk)
            if len(body) > most:
                raise RefusalError(413, f"a message has at most {most} bytes")

    try:
        await asyncio.wait_for(read(), seconds)
    except TimeoutError:
        raise RefusalError(408, f"a message must arrive within {seconds:g} seconds") from None
    return bytes(body)
