"""separate: the job. A video (or a sound) in, the same with only what was pointed at, or without it.

    open -> query -> hear windows (state on disk) -> who is heard -> render, encode, copy the rest
    -> stems and their pictures -> verify -> publish

The network is in `models/`, what is asked in `queries` and `listening`, windows in `analyse`, the way
back to all channels in `render`; files are the matter of `tasks/source`, `tasks/output` and `media`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from seehear import registry
from seehear.media.codecs import output_format
from seehear.media.opening import check_is_file
from seehear.media.part import PartFolder, check_output, claimed, finish_published
from seehear.media.read import SoundReport
from seehear.runtime import Stopwatch, choose_runtime, seed_everything
from seehear.tasks.hearing import heard_before, keep_windows, mono_blocks, writing_part
from seehear.tasks.output import Written, check_container, damages, write_output
from seehear.tasks.plans import expected_spans, make_fingerprint, make_plan
from seehear.tasks.progress import Progress, silent
from seehear.tasks.receipts import make_receipt
from seehear.tasks.separate.analyse import Heard, ask_windows, sum_up
from seehear.tasks.separate.config import SeparateOptions
from seehear.tasks.separate.listening import MAX_SOURCES, listen_for_queries, weigh_by_ear
from seehear.tasks.separate.maps import draw_place
from seehear.tasks.separate.queries import Query, check_query, read_queries, say_absent
from seehear.tasks.separate.render import StemRenderer
from seehear.tasks.separate.separator import Separator, load_separator
from seehear.tasks.separate.stems import StemFiles, check_folder, file_names
from seehear.tasks.source import SoundSource, open_source
from seehear.types import Result

# They decide what is written, not what is heard.
WRITTEN_ONLY = ("remove", "stems")


def separate(options: SeparateOptions, progress: Progress | None = None) -> Result:
    """Give the sound of the thing that is pointed at, or all but it.

    Args:
        options: see `SeparateOptions`.
        progress: told how far the job is; may raise `Cancelled`.

    Returns:
        Result with the paths of output and stems, the receipt, and warnings that matter. After a
        dry run the record is the plan and nothing was written.

    Raises:
        UsageError: a place in a file without picture, or a time outside the file.
        InputError: the input is unreadable or lacks sound, or no word of the text is known.
        OutputError: the output or a stem exists, or cannot be written.
        ModelError: the model is unknown or damaged.
    """
    clock = Stopwatch()
    progress = progress or silent
    done = finish_published(options.output) if options.resume else None
    if done is not None:
        return _result(options, done)
    with clock("total"):
        source = _open(options)
        with clock("load"):
            runtime = choose_runtime(options.device, options.precision)
            separator = load_separator(options.model, runtime, options.steps, options.seed)
        queries = read_queries(options, source, separator)
        _check_stems(options, queries)
        if options.dry_run:
            return Result(record=_plan(options, source, separator))
        seed_everything(options.seed)
        fingerprint = make_fingerprint(
            options, source, separator.describe(), runtime, besides=WRITTEN_ONLY
        )
        fingerprint["query"] = [query.facts for query in queries or ()]
        with claimed(options.output, fingerprint, options.force, options.resume) as part:
            check_container(source, part.media, options.keep_original)
            with clock("query"):
                if queries is None:
                    queries = listen_for_queries(options, source, separator, progress)
                    _check_stems(options, queries)
                else:
                    queries = weigh_by_ear(options, source, separator, queries, progress)
            receipt = _make(options, source, separator, queries, part, progress, clock)
    return _result(options, receipt)


def _result(options: SeparateOptions, receipt: dict[str, Any]) -> Result:
    stems = {stem["name"]: Path(stem["path"]) for stem in receipt["stems"]}
    warnings = tuple(receipt["warnings"])
    return Result(record=receipt, path=options.output, stems=stems, warnings=warnings)


def _open(options: SeparateOptions) -> SoundSource:
    """Everything that can be refused before a network is loaded."""
    path = check_is_file(options.input)
    check_output(path, options.output, options.force)
    output_format(options.output)
    source = open_source(options.input, options.track, options.start, options.duration)
    check_query(options, source)
    registry.find(options.model, "separate")
    return source


def _check_stems(options: SeparateOptions, queries: list[Query] | None) -> None:
    if options.stems is not None:
        names = file_names([query.label for query in queries or ()])
        check_folder(options.stems, options.output, names, options.force or options.resume)


def _plan(options: SeparateOptions, source: SoundSource, separator: Separator) -> dict[str, Any]:
    spans = expected_spans(source, separator.plan, separator.sample_rate)
    most = MAX_SOURCES if options.all else 1
    return make_plan(
        "separate",
        options,
        source,
        spans,
        separator.sample_rate,
        separator.describe(),
        separator.window_bytes(most),
        separator.runtime,
    )


def _make(
    options: SeparateOptions,
    source: SoundSource,
    separator: Separator,
    queries: list[Query],
    part: PartFolder,
    progress: Progress,
    clock: Stopwatch,
) -> dict[str, Any]:
    """Both passes, stems, receipt; publishes everything."""
    report = SoundReport()
    with clock("hear"):
        spans, reused = _hear(source, separator, queries, part, report, progress, clock)
        duration_s = report.num_samples / source.sample_rate
        loaded = (part.load(index) for index in range(len(spans)))
        heard = sum_up(separator, spans, loaded, duration_s)
    warnings = _absences(source, separator, queries, heard)
    files = _stem_files(options, source, queries)
    complete = False
    try:
        written = _render(
            options, source, separator, spans, heard, files, part, report, progress, clock
        )
        with clock("maps"):
            sources = _describe_sources(source, separator, queries, heard, files)
        warnings += damages(source, written, report)
        windows = {"total": len(spans), "reused": reused}
        receipt = make_receipt(
            "separate", options, source, written, separator.describe(), windows, clock, warnings
        )
        receipt["sources"] = sources
        receipt["stems"] = files.listed() if files else []
        if files:
            files.publish()
        part.publish(receipt)
        complete = True
    finally:
        # While the part folder is there the output is not published; a signal may come just after.
        if files and not complete and part.folder.is_dir():
            files.abandon()
    return receipt


def _hear(
    source: SoundSource,
    separator: Separator,
    queries: list[Query],
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
    vectors = torch.stack([query.vector for query in queries])
    windows = ask_windows(separator, mono, source.sample_rate, vectors, part.has, clock)
    expected = len(expected_spans(source, separator.plan, separator.sample_rate))
    return keep_windows(windows, part, source, report, expected, progress)


def _absences(
    source: SoundSource, separator: Separator, queries: list[Query], heard: Heard
) -> list[str]:
    """Sentences about what was asked for and is not there."""
    if heard.is_silent:
        return ["the sound is silent throughout; there is nothing to separate"]
    if heard.present.any():
        return []
    return [say_absent(queries[0], source, separator.encoder)]


def _stem_files(
    options: SeparateOptions, source: SoundSource, queries: list[Query]
) -> StemFiles | None:
    if options.stems is None:
        return None
    return StemFiles(
        options.stems,
        file_names([query.label for query in queries]),
        source.sample_rate,
        len(source.channel_names),
        source.expected_samples(),
    )


def _render(
    options: SeparateOptions,
    source: SoundSource,
    separator: Separator,
    spans: list[tuple[int, int]],
    heard: Heard,
    files: StemFiles | None,
    part: PartFolder,
    report: SoundReport,
    progress: Progress,
    clock: Stopwatch,
) -> Written:
    """Second pass."""
    renderer = StemRenderer(
        separator,
        spans,
        (part.load(index) for index in range(len(spans))),
        heard.present & (not heard.is_silent),
        source.sample_rate,
        len(source.channel_names),
        options.remove,
        keep=files.write if files else lambda stems: None,
    )
    heard_s = max(report.num_samples / source.sample_rate, 1e-9)
    return write_output(
        source,
        part.media,
        renderer,
        round(8 * report.packet_bytes / heard_s),
        options.keep_original,
        writing_part(progress),
        clock,
    )


def _describe_sources(
    source: SoundSource,
    separator: Separator,
    queries: list[Query],
    heard: Heard,
    files: StemFiles | None,
) -> list[dict[str, Any]]:
    """One row per query for the receipt; draws where it is if there is a folder for pictures."""
    rows = []
    names = file_names([query.label for query in queries])
    for index, (query, name) in enumerate(zip(queries, names, strict=True)):
        row = {
            "label": query.label,
            **query.facts,
            "heard": bool(heard.present[index]),
            "share_of_power": round(float(heard.overall[index]), 6),
            "largest_share_in_a_second": round(float(heard.shares[index]), 6),
        }
        if files and source.info.video is not None and heard.present[index]:
            path = files.part(f"{name}.png")
            row["place"] = draw_place(separator, source, query, heard.loudest_s(index), path)
            row["picture"] = str(files.folder / f"{name}.png")
        rows.append(row)
    return rows
