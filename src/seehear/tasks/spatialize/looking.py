"""What an encoder says of the frames that windows see, each different picture encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seehear.runtime import Stopwatch

# increasing seconds from the sound's beginning -> uint8 [N, 3, H, W]
FramesAt = Callable[[list[float]], Tensor]


class Sight:
    """Encodings of frames by number; frame k is what is seen at k / frame_rate seconds.

    A picture that equals the one before (slow video, a still) is not encoded again.

    Args:
        frames_at: frames seen at given seconds.
        frame_rate: frames per second.
        encode: uint8 [N, 3, H, W] -> [N, ...].
        clock: told the seconds of `pictures` and `features`.
    """

    def __init__(
        self,
        frames_at: FramesAt,
        frame_rate: float,
        encode: Callable[[Tensor], Tensor],
        clock: Stopwatch,
    ) -> None:
        self._frames_at, self._rate = frames_at, frame_rate
        self._encode, self._clock = encode, clock
        self._known: dict[int, Tensor] = {}
        self._last: tuple[Tensor, Tensor] | None = None

    def of(self, numbers: Sequence[int]) -> Tensor:
        """Encodings of frames [N, ...].

        Args:
            numbers: rising; what lies before the first of them is forgotten.
        """
        new = sorted({k for k in numbers if k not in self._known})
        if new:
            with self._clock("pictures"):
                frames = self._frames_at([k / self._rate for k in new])
            self._learn(new, frames)
        for old in [k for k in self._known if k < numbers[0]]:
            del self._known[old]
        return torch.stack([self._known[k] for k in numbers])

    def _learn(self, numbers: list[int], frames: Tensor) -> None:
        before = None if self._last is None else self._last[0]
        shown = [before, *frames]
        fresh = [
            i
            for i, frame in enumerate(frames)
            if shown[i] is None or not torch.equal(shown[i], frame)
        ]
        made: Sequence[Tensor] = ()
        if fresh:
            with self._clock("features"):
                made = list(self._encode(frames[fresh]))
        current = None if self._last is None else self._last[1]
        answers = dict(zip(fresh, made, strict=True))
        for i, number in enumerate(numbers):
            current = answers.get(i, current)
            assert current is not None, "the first frame of all is fresh"
            self._known[number] = current
        assert current is not None, "there was at least one frame"
        self._last = (frames[-1], current)


def frame_numbers(span: tuple[int, int], sample_rate: int, frame_rate: float) -> range:
    """Numbers of the frames seen during a window [start, stop), at least one, none before 0."""
    per_sample = frame_rate / sample_rate
    first = -int(-max(span[0], 0) * per_sample // 1)
    after = -int(-max(span[1], 0) * per_sample // 1)
    return range(first, max(after, first + 1))
