"""highlight: the job. A video (or a sound) in, the same with a rebalanced sound track out.

    open -> plan -> hear windows (state on disk) -> render, encode, copy the rest -> verify -> publish

The network is in `models/`, its windows and context in `analyse`, the way back to all channels in
`render`; files are the matter of `tasks/source`, `tasks/output` and `media`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from seehear import registry
from seehear.config import to_dict
from seehear.errors import InputError
from seehear.features.captions import Caption, read_captions
from seehear.media.codecs import output_format
from seehear.media.opening import check_is_file
from seehear.media.part import PartFolder, check_output, claimed, finish_published
from seehear.media.read import FrameStream, SoundReport
from seehear.runtime import Stopwatch, choose_runtime, seed_everything, versions
from seehear.tasks.highlight.analyse import hear_windows, mono_blocks
from seehear.tasks.highlight.config import HighlightOptions
from seehear.tasks.highlight.highlighter import Highlighter, load_highlighter
from seehear.tasks.highlight.render import make_renderer
from seehear.tasks.output import check_container, require_picture, write_output
from seehear.tasks.progress import Progress, silent
from seehear.tasks.receipts import input_facts, make_receipt
from seehear.tasks.source import SoundSource, open_source
from seehear.types import Result

# Options that change where or how a run is watched, not what it computes.
NOT_PART_OF_THE_JOB = ("output", "force", "resume", "dry_run", "json", "quiet", "debug")
# Share of the progress bar that hearing takes; the rest is writing.
HEARING_SHARE = 0.7


def highlight(options: HighlightOptions, progress: Progress | None = None) -> Result:
    """Rebalance the sound of a file so that what matters in the picture stands out.

    Args:
        options: see `HighlightOptions`.
        progress: told how far the job is; may raise `Cancelled`.

    Returns:
        Result with the output's path, the receipt, and warnings that matter. After a dry run the
        record is the plan and nothing was written.

    Raises:
        InputError: the input is unreadable, lacks sound, or lacks a picture that is asked for.
        OutputError: the output exists, or cannot be written.
        ModelError: the model is unknown or damaged.
    """
    clock = Stopwatch()
    progress = progress or silent
    done = finish_published(options.output) if options.resume else None
    if done is not None:
        return Result(record=done, path=options.output, warnings=tuple(done["warnings"]))
    with clock("total"):
        source, captions = _open(options)
        registry.find(options.model, "highlight")
        with clock("load"):
            runtime = choose_runtime(options.device, options.precision)
            highlighter = load_highlighter(options.model, runtime, options.context, strict=True)
        if options.dry_run:
            return Result(record=_plan(options, source, highlighter))
        seed_everything(options.seed)
        with claimed(
            options.output,
            _fingerprint(options, source, highlighter),
            options.force,
            options.resume,
        ) as part:
            receipt = _make(options, source, captions, highlighter, part, progress, clock)
            part.publish(receipt)
    return Result(record=receipt, path=options.output, warnings=tuple(receipt["warnings"]))


def _open(options: HighlightOptions) -> tuple[SoundSource, list[Caption]]:
    """Everything that can be refused before a network is loaded."""
    path = check_is_file(options.input)
    check_output(path, options.output, options.force)
    output_format(options.output)
    source = open_source(options.input, options.track, options.start, options.duration)
    if options.context in ("frames", "both"):
        require_picture(source, "add --context none to balance by the sound alone")
    captions: list[Caption] = []
    if options.captions is not None:
        # Captions count from the file's start, windows from the beginning of the sound.
        offset = source.begin_s - source.info.start_s
        captions = [
            replace(c, start_s=c.start_s - offset, end_s=c.end_s - offset)
            for c in read_captions(options.captions)
        ]
    return source, captions


def _plan(
    options: HighlightOptions, source: SoundSource, highlighter: Highlighter
) -> dict[str, Any]:
    """What a run would do, by what headers say."""
    spans = _spans(source, highlighter)
    rate = highlighter.sample_rate
    offset = options.start
    end = source.expected_samples() / source.sample_rate
    return {
        "verb": "highlight",
        "input": input_facts(source),
        "output": str(options.output),
        "model": highlighter.describe(),
        "windows": [
            [offset + max(start / rate, 0.0), offset + min(stop / rate, end)]
            for start, stop in spans
        ],
        "state_bytes": len(spans) * highlighter.window_bytes(),
        "device": str(highlighter.runtime.device),
    }


def _spans(source: SoundSource, highlighter: Highlighter) -> list[tuple[int, int]]:
    samples = round(source.expected_samples() * highlighter.sample_rate / source.sample_rate)
    return highlighter.plan.spans(samples) if samples else []


def _fingerprint(
    options: HighlightOptions, source: SoundSource, highlighter: Highlighter
) -> dict[str, Any]:
    """Identity of a job: finished windows may be reused only under the same one."""
    stat = source.path.stat()
    told = {k: v for k, v in to_dict(options).items() if k not in NOT_PART_OF_THE_JOB}
    return {
        "options": {**told, "input": str(source.path.resolve())},
        "input": [stat.st_size, stat.st_mtime_ns],
        "model": highlighter.describe(),
        "device": str(highlighter.runtime.device),
        "versions": versions(),
    }


def _make(
    options: HighlightOptions,
    source: SoundSource,
    captions: list[Caption],
    highlighter: Highlighter,
    part: PartFolder,
    progress: Progress,
    clock: Stopwatch,
) -> dict[str, Any]:
    check_container(source, part.media, options.keep_original)
    report = SoundReport()
    with clock("hear"):
        spans, reused = _hear(source, captions, highlighter, part, report, progress, clock)
    renderer = make_renderer(
        highlighter,
        spans,
        (part.load(index) for index in range(len(spans))),
        source.sample_rate,
        source.channel_names,
        options.strength,
    )
    heard_s = max(report.num_samples / source.sample_rate, 1e-9)
    written = write_output(
        source,
        part.media,
        renderer,
        round(8 * report.packet_bytes / heard_s),
        options.keep_original,
        _second_part(progress),
        clock,
    )
    warnings = list(dict.fromkeys(written.warnings))
    missing = source.missing_end_s(max(written.last_end_s, report.last_packet_end_s))
    if missing:
        warnings.append(
            f"the input ends {missing:.2f} s before the end that its header promises; "
            "what is there was processed"
        )
    windows = {"total": len(spans), "reused": reused}
    return make_receipt(
        "highlight", options, source, written, highlighter.describe(), windows, clock, warnings
    )


def _hear(
    source: SoundSource,
    captions: list[Caption],
    highlighter: Highlighter,
    part: PartFolder,
    report: SoundReport,
    progress: Progress,
    clock: Stopwatch,
) -> tuple[list[tuple[int, int]], int]:
    """First pass: compute and store what is not stored yet; returns all spans and what was reused."""
    mono = mono_blocks(source.blocks(report), source.sample_rate, source.channel_names)
    pictures = _Pictures(source, highlighter, report)
    expected = len(_spans(source, highlighter))
    spans = []
    reused = 0
    try:
        for window in hear_windows(
            highlighter,
            mono,
            source.sample_rate,
            pictures.at if highlighter.frame_encoder is not None else None,
            captions,
            part.has,
            clock,
        ):
            spans.append(window.span)
            if window.result is None:
                reused += 1
            else:
                part.store(window.index, window.result)
            total = max(expected, len(spans))
            progress(HEARING_SHARE * len(spans) / total, 1.0, "listening")
    finally:
        pictures.close()
    if not spans:
        raise InputError(f"the sound track of {str(source.path)!r} has no samples")
    return spans, reused


class _Pictures:
    """Frames of the input by seconds from the sound's beginning; opened when first asked."""

    def __init__(self, source: SoundSource, highlighter: Highlighter, report: SoundReport) -> None:
        self._source, self._report = source, report
        self._size = highlighter.frame_encoder.frame_size if highlighter.frame_encoder else 0
        self._stream: FrameStream | None = None

    def at(self, moments_s: list[float]) -> Any:
        """See `FrameStream.at`."""
        cut = self._source.cut
        first = self._report.first_s or 0.0
        begin = first if cut is None else max(first, cut.begin_s)
        moments = [begin + moment for moment in moments_s]
        if self._stream is None:
            self._stream = FrameStream(
                Path(self._source.path), (self._size, self._size), start_s=moments[0]
            )
        return self._stream.at(moments)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


def _second_part(progress: Progress) -> Progress:
    def rest(done: float, total: float, note: str) -> None:
        progress(HEARING_SHARE + (1 - HEARING_SHARE) * done / max(total, 1e-9), 1.0, note)

    return rest
