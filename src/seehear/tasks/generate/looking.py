"""First stage: frames of the whole video -> features per frame, and where shots begin.

Frames are decoded in blocks, cuts are found as they come, and every shot is encoded by itself in pieces that know
what lies around them within the shot. Features go to a table as soon as a piece is done, so a killed run goes on
at the next piece.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from seehear.runtime import Stopwatch
from seehear.tasks.generate.keeping import Keep, Table
from seehear.tasks.generate.shots import CutFinder
from seehear.tasks.generate.sight import Sight

FramesFrom = Callable[[int, int], Tensor]
"""(number of the first frame, count) -> uint8 [count, 3, H, W]; called with growing numbers."""

PIECE_S = 8.0
TABLE, NOTE = "features", "looked"


@dataclass(frozen=True)
class Seen:
    """Features of a video and its shots.

    Args:
        table: rows [dim], one per frame.
        rate: rows per second.
        starts: numbers of the rows with which shots begin; the first is 0.
    """

    table: Table
    rate: float
    starts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.table)

    def features(self, start: int, stop: int) -> Tensor:
        """Rows [stop - start, dim]."""
        return torch.from_numpy(self.table.read(start, stop))

    def shot_of(self, rows: Tensor) -> Tensor:
        """Numbers of the shots of rows, int64 of the same shape."""
        return torch.searchsorted(torch.tensor(self.starts), rows, right=True) - 1


def frame_count(length_s: float, rate: float) -> int:
    """Frames at a rate that cover a length, at least one."""
    return max(math.ceil(length_s * rate - 1e-6), 1)


def look(
    sight: Sight,
    count: int,
    frames_from: FramesFrom,
    keep: Keep,
    told: Callable[[float], None],
    clock: Stopwatch,
) -> Seen:
    """Find shots and features of all frames.

    Args:
        sight: encoder.
        count: number of frames, at its rate.
        frames_from: frames, `sight.frame_size` square.
        keep: where features and facts go, and from where an interrupted look goes on.
        told: told the share that is done; may raise `Cancelled`.
        clock: told the seconds of `pictures` and `features`.
    """
    looker = _Looker(sight, count, frames_from, keep, clock)
    while looker.written < count:
        looker.advance()
        told(looker.written / count)
    return Seen(looker.table, sight.rate, tuple(looker.cuts))


class _Looker:
    """The state of a look: frames held, cuts found, features written."""

    def __init__(
        self, sight: Sight, count: int, frames_from: FramesFrom, keep: Keep, clock: Stopwatch
    ) -> None:
        self._sight, self._count, self._clock = sight, count, clock
        self._frames_from, self._keep = frames_from, keep
        grain = max(round(sight.piece_s * sight.rate), 1)
        self._piece = math.ceil(PIECE_S * sight.rate / grain) * grain
        self._context = math.ceil(round(sight.context_s * sight.rate) / grain) * grain
        self.table = keep.table(TABLE, sight.dim)
        noted = keep.noted(NOTE) or {"written": 0, "cuts": [0], "decided": 1}
        self.written: int = noted["written"]
        self.cuts: list[int] = noted["cuts"]
        self.table.cut(self.written)
        decided = noted["decided"]
        behind = CutFinder(sight.rate).behind
        self._first = max(min(self.written - self._context, decided - behind), 0)
        self._finder = CutFinder(sight.rate, self._first, decided, self.cuts[-1])
        size = sight.frame_size
        self._held = torch.zeros((0, 3, size, size), dtype=torch.uint8)

    def advance(self) -> None:
        """Read a block, then encode all pieces that are complete."""
        end = self._first + len(self._held)
        block = min(self._piece, self._count - end)
        with self._clock("pictures"):
            new = self._frames_from(end, block)
        with self._clock("shots"):
            self._held = torch.cat([self._held, new])
            self.cuts += self._finder.push(new.numpy(), end + block == self._count)
        while self.written < self._count and self._encode_piece():
            pass

    def _encode_piece(self) -> bool:
        """Encode the next piece if everything it depends on is known."""
        start = max(cut for cut in self.cuts if cut <= self.written)
        following = [cut for cut in self.cuts if cut > self.written]
        is_all = self._first + len(self._held) == self._count
        limit = self._count if is_all else self._finder.decided
        shot_end = following[0] if following else limit
        stop = min(self.written + self._piece, shot_end)
        needed = min(stop + self._context, following[0] if following else self._count)
        if needed > limit:
            return False
        begin = max(self.written - self._context, start)
        with self._clock("features"):
            made = self._sight.encode(self._held[begin - self._first : needed - self._first])
        rows = made[self.written - begin : stop - begin].numpy()
        self.table.append(np.asarray(rows, np.float32))
        self.written = stop
        self._note()
        drop = max(self.written - self._context - self._first, 0)
        self._held = self._held[drop:].clone()
        self._first += drop
        return True

    def _note(self) -> None:
        facts = {"written": self.written, "cuts": self.cuts, "decided": self._finder.decided}
        self._keep.note(NOTE, facts)
