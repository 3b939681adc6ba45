"""Cut a mono stream into the windows that a model hears, at the model's sample rate.

Every window is resampled by itself from a stretch of the source that begins on a common multiple of
both rates. So its samples depend on the source alone, not on where reading began: a resumed run computes
the same windows bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.dsp.resample import resample, resampled_length
from seehear.dsp.window import WindowPlan

Block = NDArray[np.float32]

# Source context on either side of a window, so that the resampler's filter has settled.
SETTLE_S = 0.05


@dataclass(frozen=True)
class Segment:
    """One window of sound.

    Args:
        index: position in the plan.
        span: (start, stop) in samples at the model's rate, possibly beyond the sound's ends.
        waveform: float32 [stop - start]; mirrored, then silent, beyond the ends. None if skipped.
    """

    index: int
    span: tuple[int, int]
    waveform: Block | None


def cut_segments(
    blocks: Iterable[Block],
    from_rate: int,
    to_rate: int,
    plan: WindowPlan,
    skip: Callable[[int], bool] = lambda index: False,
) -> Iterator[Segment]:
    """Cut a stream into windows as soon as each one is complete.

    Args:
        blocks: float32 [1, n] at `from_rate`, of any sizes.
        from_rate: Hz of the stream.
        to_rate: Hz that the model wants.
        plan: geometry in samples at `to_rate`.
        skip: windows for which nothing has to be computed (their waveform is None).

    Yields:
        Segments in order; their spans equal `plan.spans` of the whole length.
    """
    window = _SourceWindow(from_rate, to_rate)
    index = 0
    for block in blocks:
        window.push(block[0])
        while window.reaches(plan.start(index) + plan.length):
            span = (plan.start(index), plan.start(index) + plan.length)
            yield Segment(index, span, None if skip(index) else window.cut(*span))
            index += 1
            window.forget(plan.start(index) - plan.length)
    window.end()
    if window.is_empty:
        return
    for last, span in list(enumerate(plan.spans(window.total)))[index:]:
        yield Segment(last, span, None if skip(last) else window.cut(*span))


class _SourceWindow:
    """The recent past of a stream, from which windows at another rate are cut."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._rates = (from_rate, to_rate)
        common = math.gcd(from_rate, to_rate)
        self._step, self._model_step = from_rate // common, to_rate // common
        self._settle = math.ceil(SETTLE_S * from_rate / self._step) * self._step
        self._held = np.zeros(0, np.float32)
        self._first = 0
        self._ended = False
        self._parts: list[Block] = []
        self._known = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing came (a few samples may still be none at the model's rate)."""
        return self._known == 0

    @property
    def total(self) -> int:
        """Samples at the model's rate, once the stream has ended."""
        return resampled_length(self._known, *self._rates)

    def push(self, samples: Block) -> None:
        self._parts.append(samples)
        self._known += len(samples)

    def end(self) -> None:
        self._ended = True

    def reaches(self, model_sample: int) -> bool:
        """Whether sound up to a sample at the model's rate (and its context) is here."""
        last = model_sample * self._rates[0] / self._rates[1]
        return self._known >= last + self._settle + self._step

    def forget(self, model_sample: int) -> None:
        """Drop what lies before a sample at the model's rate."""
        self._join()
        keep = math.floor(model_sample * self._rates[0] / self._rates[1]) - 2 * self._settle
        drop = max(min(keep - self._first, len(self._held)), 0)
        self._held = self._held[drop:].copy()
        self._first += drop

    def cut(self, start: int, stop: int) -> Block:
        """Samples [start, stop) at the model's rate."""
        self._join()
        ratio = self._rates[0] / self._rates[1]
        first = math.floor((start * ratio - self._settle) / self._step) * self._step
        last = math.ceil(stop * ratio) + self._settle
        source = self._source(first, last)
        made = resample(torch.from_numpy(source)[None], *self._rates)[0].numpy()
        skip = start - first // self._step * self._model_step
        return np.ascontiguousarray(made[skip : skip + stop - start])

    def _source(self, first: int, last: int) -> Block:
        """Source samples [first, last), mirrored at the sound's ends, then silent."""
        place = np.arange(first, last)
        mirrored = np.abs(place)
        if self._ended:
            end = self._known - 1
            mirrored = np.where(mirrored > end, 2 * end - mirrored, mirrored)
        inside = (mirrored >= self._first) & (mirrored < self._first + len(self._held))
        # Mirroring reaches back over a short stretch only; further out there is silence.
        near = (place >= -self._settle * 8) & (place < self._known + self._settle * 8)
        taken = self._held[np.where(inside, mirrored - self._first, 0)] if len(self._held) else 0.0
        return np.where(inside & near, taken, 0.0).astype(np.float32)

    def _join(self) -> None:
        if self._parts:
            self._held = np.concatenate([self._held, *self._parts])
            self._parts = []
