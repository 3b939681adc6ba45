"""First pass: hear the sound window by window, look at the frames of the same seconds, run the network.

The sound arrives as blocks of all channels, the picture as a function from seconds to frames; both are
the same for files and for clips in memory. Each encoder sees each frame once, although windows overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.segments import Segment, cut_segments
from seehear.features.captions import Caption
from seehear.runtime import Stopwatch
from seehear.tasks.hearing import HeardWindow, in_batches
from seehear.tasks.highlight.highlighter import Highlighter, WindowContext

Block = NDArray[np.float32]
# increasing seconds from the sound's beginning -> uint8 [N, 3, S, S]
FramesAt = Callable[[list[float]], Tensor]


def hear_windows(
    highlighter: Highlighter,
    mono: Iterable[Block],
    sample_rate: int,
    frames_at: FramesAt | None,
    captions: Sequence[Caption] = (),
    is_finished: Callable[[int], bool] = lambda index: False,
    clock: Stopwatch | None = None,
) -> Iterator[HeardWindow]:
    """Run the network over all windows of a mono stream.

    Args:
        highlighter: the model.
        mono: float32 [1, n] blocks.
        sample_rate: their rate, Hz.
        frames_at: frames seen at given seconds, or None without a picture.
        captions: with times in seconds from the sound's beginning.
        is_finished: windows that need no computing.
        clock: told the seconds of `features` and `network`.

    Yields:
        Windows in order, as soon as their batch is done.
    """
    clock = clock or Stopwatch()
    context = _ContextSource(highlighter, frames_at, captions, clock)
    segments = cut_segments(
        mono, sample_rate, highlighter.sample_rate, highlighter.plan, skip=is_finished
    )

    def run(batch: list[Segment]) -> list[Block]:
        waveforms = [segment.waveform for segment in batch if segment.waveform is not None]
        contexts = [context.of(segment.span) for segment in batch]
        with clock("network"):
            return highlighter.run_windows(waveforms, contexts)

    yield from in_batches(segments, highlighter.batch_size, run)


class _ContextSource:
    """Features of frames and captions for windows in increasing order."""

    def __init__(
        self,
        highlighter: Highlighter,
        frames_at: FramesAt | None,
        captions: Sequence[Caption],
        clock: Stopwatch,
    ) -> None:
        self._highlighter = highlighter
        self._clock = clock
        self._frames_at = frames_at if highlighter.frame_encoder is not None else None
        self._seen: dict[int, Tensor] = {}
        self._captions = list(captions) if highlighter.caption_encoder is not None else []
        self._words: Tensor | None = None
        if self._captions and highlighter.caption_encoder is not None:
            texts = [caption.text for caption in self._captions]
            self._words = highlighter.caption_encoder.encode(texts)

    def of(self, span: tuple[int, int]) -> WindowContext:
        """Context of the window [start, stop), in samples at the network's rate."""
        return WindowContext(self._frames(span), self._words_in(span))

    def _frames(self, span: tuple[int, int]) -> tuple[Tensor, Tensor] | None:
        if self._frames_at is None or self._highlighter.frame_encoder is None:
            return None
        rate = self._highlighter.config.frame_rate
        numbers = self._highlighter.frame_numbers(span)
        new = [k for k in numbers if k not in self._seen]
        if new:
            with self._clock("pictures"):
                pictures = self._frames_at([k / rate for k in new])
            with self._clock("features"):
                values = self._highlighter.frame_encoder.encode(pictures)
            self._seen.update(zip(new, values, strict=True))
        for old in [k for k in self._seen if k < numbers[0]]:
            del self._seen[old]
        start_s = span[0] / self._highlighter.sample_rate
        times = torch.tensor([k / rate - start_s for k in numbers])
        return torch.stack([self._seen[k] for k in numbers]), times

    def _words_in(self, span: tuple[int, int]) -> tuple[Tensor, Tensor] | None:
        if self._words is None:
            return None
        start_s, stop_s = (sample / self._highlighter.sample_rate for sample in span)
        rows = [
            row
            for row, caption in enumerate(self._captions)
            if caption.start_s < stop_s and caption.end_s > start_s
        ]
        if not rows:
            return None
        # A caption that began before the window counts from the window's start.
        times = [max(self._captions[row].start_s, start_s) - start_s for row in rows]
        return self._words[rows], torch.tensor(times)
