"""Rates, sizes and times."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from seehear.listen.limits import Buckets, Rate, limited_body
from seehear.listen.refusals import RefusalError


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_then_the_rate_holds() -> None:
    clock = Clock()
    buckets = Buckets(Rate(a_second=2, burst=3), clock=clock)
    for _ in range(3):
        buckets.take("a")
    with pytest.raises(RefusalError) as caught:
        buckets.take("a")
    assert caught.value.status == 429
    assert caught.value.headers["Retry-After"] == "1"
    buckets.take("b")
    clock.now = 0.5
    buckets.take("a")
    with pytest.raises(RefusalError):
        buckets.take("a")
    clock.now = 100.0
    for _ in range(3):
        buckets.take("a")


def test_a_check_does_not_count() -> None:
    buckets = Buckets(Rate(a_second=1, burst=1), clock=Clock())
    for _ in range(5):
        buckets.check("a")
    buckets.take("a")
    with pytest.raises(RefusalError):
        buckets.check("a")


def test_memory_is_bounded() -> None:
    buckets = Buckets(Rate(a_second=1, burst=1), most=10, clock=Clock())
    for i in range(1000):
        buckets.take(f"address {i}")
    assert len(buckets._levels) == 10


async def chunks(count: int, size: int, wait_s: float = 0.0) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(wait_s)
        yield b"x" * size


def test_a_small_message_is_read_whole() -> None:
    assert asyncio.run(limited_body(chunks(3, 4), most=12)) == b"x" * 12


def test_a_large_message_is_refused_before_it_has_come() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"x" * 100

    with pytest.raises(RefusalError) as caught:
        asyncio.run(limited_body(endless(), most=1000))
    assert caught.value.status == 413


def test_a_slow_message_is_refused() -> None:
    with pytest.raises(RefusalError) as caught:
        asyncio.run(limited_body(chunks(10, 1, wait_s=10.0), seconds=0.01))
    assert caught.value.status == 408
