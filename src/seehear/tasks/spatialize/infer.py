"""spatialize: the job. A video with mono sound in, the same with sound that comes from where it is seen.

    open -> is it binaural already? -> hear windows (state on disk) -> render, encode, copy the rest
    -> pictures of where it was put -> verify -> publish

Who hears is in `bearings`, `difference` and `sources`, windows in `analyse`, the way to two ears or ambisonics
in `render`, places that the user gives in `positions` and `placing`; files are the matter of
`tasks/source`, `tasks/output` and `media`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seehear import registry
from seehear.media.codecs import AMBISONIC, is_sound_file, output_format
from seehear.media.opening import check_is_file
from seehear.media.part import PartFolder, check_output, claimed, finish_published
from seehear.media.read import SoundReport
from seehear.runtime import Runtime, Stopwatch, choose_runtime, seed_everything
from seehear.tasks.drawn import check_folder
from seehear.tasks.hearing import heard_before, keep_windows, mono_blocks, writing_part
from seehear.tasks.output import (
    Written,
    check_container,
    copy_output,
    damages,
    require_picture,
    write_output,
)
from seehear.tasks.pictures import Pictures
from seehear.tasks.plans import expected_spans, make_fingerprint, make_plan
from seehear.tasks.progress import Progress, silent
from seehear.tasks.receipts import make_receipt
from seehear.tasks.rendering import Renderer
from seehear.tasks.source import SoundSource, open_source
from seehear.tasks.spatialize.analyse import hear_windows
from seehear.tasks.spatialize.config import SpatializeOptions
from seehear.tasks.spatialize.explain import ExplainFolder
from seehear.tasks.spatialize.heads import default_head
from seehear.tasks.spatialize.method import Method, choose_method
from seehear.tasks.spatialize.pair import Pair, check_channels, listen_to_pair
from seehear.tasks.spatialize.placing import make_placer
from seehear.tasks.spatialize.positions import complaints
from seehear.tasks.spatialize.render import LeftAlone, make_renderer
from seehear.types import Result

# They decide how results are shown, not what they are.
SHOWN_ONLY = ("explain",)


def spatialize(options: SpatializeOptions, progress: Progress | None = None) -> Result:
    """Make mono sound come from where it is seen, for two ears or as ambisonics.

    Args:
        options: see `SpatializeOptions`.
        progress: told how far the job is; may raise `Cancelled`.

    Returns:
        Result with the output's path, the receipt, and warnings that matter. After a dry run the
        record is the plan and nothing was written.

    Raises:
        UsageError: options that do not go together.
        InputError: the input is unreadable, lacks sound or picture, has more channels than are mixed
            down unasked, or head or positions cannot be used.
        OutputError: the output exists, or cannot be written.
        ModelError: the model is unknown or damaged.
    """
    clock = Stopwatch()
    progress = progress or silent
    done = finish_published(options.output) if options.resume else None
    if done is not None:
        return Result(record=done, path=options.output, warnings=tuple(done["warnings"]))
    if options.format == "binaural" and options.hrtf is None:
        # The receipt names the head that was used, so that a replay elsewhere has no other.
        options = replace(options, hrtf=default_head())
    with clock("total"):
        source = _open(options)
        with clock("load"):
            runtime = choose_runtime(options.device, options.precision)
            method = choose_method(options, source, runtime)
        if options.dry_run:
            return Result(record=_plan(options, source, method, runtime))
        seed_everything(options.seed)
        fingerprint = make_fingerprint(options, source, method.describe(), runtime, SHOWN_ONLY)
        with claimed(options.output, fingerprint, options.force, options.resume) as part:
            check_container(source, part.media, options.keep_original, _layout(options))
            receipt = _make(options, source, method, part, progress, clock)
    return Result(record=receipt, path=options.output, warnings=tuple(receipt["warnings"]))


def _open(options: SpatializeOptions) -> SoundSource:
    """Everything that can be refused before a network is loaded."""
    path = check_is_file(options.input)
    check_output(path, options.output, options.force)
    output_format(options.output)
    source = open_source(options.input, options.track, options.start, options.duration)
    if options.positions is None:
        require_picture(source, "say where its sources are with --positions FILE")
    check_channels(options, source)
    if options.model is not None:
        registry.find(options.model, "separate" if options.per_source else "spatialize")
    if options.explain is not None:
        check_folder(options.explain, options.force or options.resume)
    return source


def _layout(options: SpatializeOptions) -> str:
    return AMBISONIC if options.format == "foa" else "stereo"


def _plan(
    options: SpatializeOptions, source: SoundSource, method: Method, runtime: Runtime
) -> dict[str, Any]:
    engine = method.engine
    return make_plan(
        "spatialize",
        options,
        source,
        [] if engine is None else expected_spans(source, engine.plan, engine.sample_rate),
        1 if engine is None else engine.sample_rate,
        method.describe(),
        0 if engine is None else engine.window_bytes(),
        runtime,
    )


def _make(
    options: SpatializeOptions,
    source: SoundSource,
    method: Method,
    part: PartFolder,
    progress: Progress,
    clock: Stopwatch,
) -> dict[str, Any]:
    """Both passes, pictures, receipt; publishes everything."""
    report = SoundReport()
    with clock("guard"):
        pair = listen_to_pair(options, source, part)
    if pair.leave_alone:
        method = method.without_engine()
    method.find_sources(source, progress)
    with clock("hear"):
        spans, reused = _hear(source, method, part, report, progress, clock)
    renderer, said = _renderer(options, source, method, pair, spans, part, report)
    folder = None if options.explain is None else ExplainFolder(options.explain)
    complete = False
    try:
        layout = None if pair.leave_alone else _layout(options)
        written = _write(options, source, renderer, layout, part, report, progress, clock)
        drawn = []
        if folder is not None and method.engine is not None:
            with clock("explain"):
                drawn = folder.draw(method.engine, source, spans, part, options.fov)
        warnings = [*pair.sentences, *said, *damages(source, written, report)]
        windows = {"total": len(spans), "reused": reused}
        receipt = make_receipt(
            "spatialize", options, source, written, method.describe(), windows, clock, warnings
        )
        receipt |= {"channels": pair.facts, **method.facts}
        if folder is not None:
            receipt["pictures"] = drawn
            folder.publish()
        part.publish(receipt)
        complete = True
    finally:
        # While the part folder is there the output is not published; a signal may come just after.
        if folder is not None and not complete and part.folder.is_dir():
            folder.abandon()
    return receipt


def _hear(
    source: SoundSource,
    method: Method,
    part: PartFolder,
    report: SoundReport,
    progress: Progress,
    clock: Stopwatch,
) -> tuple[list[tuple[int, int]], int]:
    """First pass: compute and store what is not stored yet; returns all spans and what was reused."""
    known = heard_before(part, report)
    if known is not None:
        return known
    engine = method.engine
    if engine is None:
        for _ in source.blocks(report):
            progress(0.0, 1.0, "listening")
        return [], 0
    mono = mono_blocks(source.blocks(report), source.sample_rate, source.channel_names)
    pictures = Pictures(source, report, engine.frame_size)
    try:
        windows = hear_windows(engine, mono, source.sample_rate, pictures.at, part.has, clock)
        expected = len(expected_spans(source, engine.plan, engine.sample_rate))
        return keep_windows(windows, part, source, report, expected, progress)
    finally:
        pictures.close()


def _write(
    options: SpatializeOptions,
    source: SoundSource,
    renderer: Renderer,
    layout: str | None,
    part: PartFolder,
    report: SoundReport,
    progress: Progress,
    clock: Stopwatch,
) -> Written:
    """Second pass; a whole sound that is left alone is copied packet by packet where that can be."""
    whole = source.cut is None and not is_sound_file(options.output)
    same = options.output.suffix.lower() == source.path.suffix.lower()
    if layout is None and whole and same:
        return copy_output(source, part.media, report, writing_part(progress), clock)
    heard_s = max(report.num_samples / source.sample_rate, 1e-9)
    bit_rate = round(8 * report.packet_bytes / heard_s)
    return write_output(
        source,
        part.media,
        renderer,
        bit_rate,
        options.keep_original,
        writing_part(progress),
        clock,
        layout,
    )


def _renderer(
    options: SpatializeOptions,
    source: SoundSource,
    method: Method,
    pair: Pair,
    spans: list[tuple[int, int]],
    part: PartFolder,
    report: SoundReport,
) -> tuple[Renderer, list[str]]:
    """Second pass, and sentences about given positions."""
    if pair.leave_alone:
        return LeftAlone(len(source.channel_names)), []
    if method.engine is not None:
        windows = (part.load(index) for index in range(len(spans)))
        renderer = make_renderer(
            method.engine,
            spans,
            windows,
            source.sample_rate,
            source.channel_names,
            method.head,
            options.fov,
        )
        return renderer, []
    begin_s = report.first_s or 0.0
    begin_s = begin_s if source.cut is None else max(begin_s, source.cut.begin_s)
    offset_s = begin_s - source.info.start_s
    length_s = report.num_samples / source.sample_rate
    said = complaints(method.trajectories, offset_s, length_s)
    placer = make_placer(
        method.trajectories, offset_s, source.sample_rate, source.channel_names, method.head
    )
    return placer, said
