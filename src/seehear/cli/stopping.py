"""Ctrl-C and SIGTERM become `Cancelled` in the main thread, so that jobs clean up behind them."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from types import FrameType

from seehear.errors import Cancelled

DEAF_S = 1.0  # a wrapper often passes on the Ctrl-C that the terminal already sent


class Stop:
    """Remembers the first signal and raises; raises again if asked again later.

    An exception raised from a signal handler is lost if it happens to strike inside a destructor
    or a foreign callback; `check`, called at every progress report, raises it anew.
    """

    def __init__(self, advice: str) -> None:
        self._advice = advice
        self.signum = 0
        self._since = 0.0

    def check(self) -> None:
        """Raise if a signal has come.

        Raises:
            Cancelled: with the exit code that the shell expects for the signal.
        """
        if self.signum:
            raise self._cancelled()

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signum and now - self._since < DEAF_S:
            return
        self.signum, self._since = signum, now
        raise self._cancelled()

    def _cancelled(self) -> Cancelled:
        how = "interrupted" if self.signum == signal.SIGINT else "asked to stop"
        error = Cancelled(f"{how}; {self._advice}")
        error.exit_code = 128 + self.signum
        return error


@contextlib.contextmanager
def stoppable(advice: str) -> Iterator[Stop]:
    """Handle both signals inside the block, and put the old handlers back afterwards.

    Args:
        advice: clause that tells the user what the state is and how to go on.
    """
    stop = Stop(advice)
    old = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
