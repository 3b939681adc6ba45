"""How much work is behind a job that was interrupted, so that receipts can say what was reused.

Stages differ in kind (frames, steps, columns), so work up to the finished waveform is counted in processor seconds
of this process; the receipt gives the reused share in windows of equal work. Writing is done anew in any case.
"""

from __future__ import annotations

import time

from seehear.media.part import PartFolder

NOTE = "work"
EVERY_S = 0.02


class Work:
    """Processor seconds of finished work, kept in the part folder.

    Args:
        part: where.
    """

    def __init__(self, part: PartFolder) -> None:
        self._part = part
        self.before_s = float((part.noted(NOTE) or {"cpu_s": 0.0})["cpu_s"])
        self._began = time.process_time()
        self._marked = 0.0

    @property
    def now_s(self) -> float:
        """Of this run."""
        return time.process_time() - self._began

    def mark(self) -> None:
        """Everything so far is finished and kept."""
        if self.now_s - self._marked >= EVERY_S:
            self._marked = self.now_s
            self._part.note(NOTE, {"cpu_s": self.before_s + self._marked})

    def windows(self, total: int) -> dict[str, int]:
        """`total` and `reused` for the receipt, once the waveform is finished."""
        whole = self.before_s + self.now_s
        return {"total": total, "reused": round(total * self.before_s / whole) if whole else 0}
