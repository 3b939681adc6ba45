"""First pass of a job in two passes: windows of the sound go through a network, results to disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.gains import downmix_stream
from seehear.dsp.segments import Segment
from seehear.errors import InputError
from seehear.media.part import PartFolder
from seehear.media.read import SoundReport
from seehear.tasks.progress import Progress
from seehear.tasks.source import SoundSource

Block = NDArray[np.float32]

# Share of the progress bar that hearing takes; the rest is writing.
HEARING_SHARE = 0.7


@dataclass(frozen=True)
class HeardWindow:
    """A window and what the network made of it (None if it was finished before)."""

    index: int
    span: tuple[int, int]
    result: Block | None


def mono_blocks(
    blocks: Iterable[Block], sample_rate: int, channel_names: Sequence[str]
) -> Iterator[Block]:
    """Mix blocks [C, n] down to [1, n] (see `dsp.gains.downmix_stream`)."""
    stream = downmix_stream(sample_rate, channel_names)
    if stream is None:
        yield from blocks
        return
    for block in blocks:
        yield stream.push(block)
    yield stream.finish()


def in_batches(
    segments: Iterable[Segment],
    batch_size: int,
    run: Callable[[list[Segment]], Sequence[Block]],
) -> Iterator[HeardWindow]:
    """Run a network over segments, several at a time; skipped ones pass without a result.

    Args:
        segments: in order.
        batch_size: most segments per call.
        run: segments with waveforms -> one result each.

    Yields:
        Windows in order, as soon as their batch is done.
    """
    waiting: list[Segment] = []
    for segment in segments:
        if segment.waveform is not None:
            waiting.append(segment)
        if waiting and (segment.waveform is None or len(waiting) == batch_size):
            yield from _answers(waiting, run)
            waiting = []
        if segment.waveform is None:
            yield HeardWindow(segment.index, segment.span, None)
    if waiting:
        yield from _answers(waiting, run)


def _answers(
    segments: list[Segment], run: Callable[[list[Segment]], Sequence[Block]]
) -> Iterator[HeardWindow]:
    for segment, result in zip(segments, run(segments), strict=True):
        yield HeardWindow(segment.index, segment.span, result)


Spans = list[tuple[int, int]]
HEARD = "heard"


def heard_before(part: PartFolder, report: SoundReport) -> tuple[Spans, int] | None:
    """What an interrupted run had heard, if it had heard everything: then nothing is decoded again.

    Args:
        part: where results are kept.
        report: filled in with what that run found out about the sound.

    Returns:
        Spans of all windows and their number, or None if something is still to be heard.
    """
    noted = part.noted(HEARD)
    if noted is None:
        return None
    for name, value in noted["report"].items():
        setattr(report, name, value)
    spans = [(int(start), int(stop)) for start, stop in noted["spans"]]
    return spans, len(spans)


def keep_windows(
    windows: Iterable[HeardWindow],
    part: PartFolder,
    source: SoundSource,
    report: SoundReport,
    expected: int,
    progress: Progress,
) -> tuple[Spans, int]:
    """Store what is not stored yet, and note when all is heard.

    Args:
        windows: all windows in order.
        part: where results are kept.
        source: the input, for the message when it is empty.
        report: what decoding has found out once all windows are through.
        expected: number of windows by the header.
        progress: told the share of the whole job.

    Returns:
        Spans of all windows, and how many results were there already.

    Raises:
        InputError: the sound has no samples.
    """
    spans: Spans = []
    reused = 0
    for window in windows:
        spans.append(window.span)
        if window.result is None:
            reused += 1
        else:
            part.store(window.index, window.result)
        total = max(expected, len(spans))
        progress(HEARING_SHARE * len(spans) / total, 1.0, "listening")
    if not spans:
        raise InputError(f"the sound track of {str(source.path)!r} has no samples")
    part.note(HEARD, {"spans": spans, "report": asdict(report)})
    return spans, reused


def writing_part(progress: Progress) -> Progress:
    """Progress of the second pass, as the rest of the whole job's."""

    def rest(done: float, total: float, note: str) -> None:
        progress(HEARING_SHARE + (1 - HEARING_SHARE) * done / max(total, 1e-9), 1.0, note)

    return rest
