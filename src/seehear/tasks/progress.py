"""How a job says how far it is; the callback cancels the job by raising `Cancelled`."""

from __future__ import annotations

from collections.abc import Callable

# (done, total, what is being done), in any unit
Progress = Callable[[float, float, str], None]


def silent(_done: float, _total: float, _note: str) -> None:
    """Progress that nobody watches."""
