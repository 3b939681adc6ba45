"""highlight: the job. A video (or a sound) in, the same with a rebalanced sound track out.

    open -> plan -> hear windows (state on disk) -> render, encode, copy the rest -> verify -> publish

The network is in `models/`, its windows and context in `analyse`, the way back to all channels in
`render`; files are the matter of `tasks/source`, `tasks/output` and `media`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seehear import registry
from seehear.checkpoint import file_sha256
from seehear.features.captions import Caption, read_captions
from seehear.media.codecs import output_format
from seehear.media.opening import check_is_file
from seehear.media.part import PartFolder, check_output, claimed, finish_published
from seehear.media.read import SoundReport
from seehear.runtime import Stopwatch, choose_runtime, seed_everything
from seehear.tasks.hearing import heard_before, keep_windows, mono_blocks, writing_part
from seehear.tasks.highlight.analyse import hear_windows
from seehear.tasks.highlight.config import HighlightOptions
from seehear.tasks.highlight.highlighter import Highlighter, load_highlighter
from seehear.tasks.highlight.render import make_renderer
from seehear.tasks.output import check_container, damages, require_picture, write_output
from seehear.tasks.pictures import Pictures
from seehear.tasks.plans import expected_spans, make_fingerprint, make_plan
from seehear.tasks.progress import Progress, silent
from seehear.tasks.receipts import make_receipt
from seehear.tasks.source import SoundSource, open_source
from seehear.types import Result


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
            plan = make_plan(
                "highlight",
                options,
                source,
                _spans(source, highlighter),
                highlighter.sample_rate,
                highlighter.describe(),
                highlighter.window_bytes(),
                runtime,
            )
            return Result(record=plan)
        seed_everything(options.seed)
        with claimed(
            options.output,
            make_fingerprint(options, source, highlighter.describe(), runtime),
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


def _spans(source: SoundSource, highlighter: Highlighter) -> list[tuple[int, int]]:
    return expected_spans(source, highlighter.plan, highlighter.sample_rate)


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
        writing_part(progress),
        clock,
    )
    warnings = damages(source, written, report)
    windows = {"total": len(spans), "reused": reused}
    receipt = make_receipt(
        "highlight", options, source, written, highlighter.describe(), windows, clock, warnings
    )
    if options.captions is not None:
        digest = file_sha256(options.captions)
        receipt["captions"] = {"path": str(options.captions), "sha256": digest}
    return receipt


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
    known = heard_before(part, report)
    if known is not None:
        return known
    mono = mono_blocks(source.blocks(report), source.sample_rate, source.channel_names)
    size = highlighter.frame_encoder.frame_size if highlighter.frame_encoder else 0
    pictures = Pictures(source, report, size)
    try:
        windows = hear_windows(
            highlighter,
            mono,
            source.sample_rate,
            pictures.at if highlighter.frame_encoder is not None else None,
            captions,
            part.has,
            clock,
        )
        expected = len(_spans(source, highlighter))
        return keep_windows(windows, part, source, report, expected, progress)
    finally:
        pictures.close()
