"""`seehear prepare muddy-mix`: the user's copy of a corpus in, stems with a manifest out.

OUT/manifest.jsonl   one clip a line; muddy mixes are made from it when it is read
OUT/clips/SOURCE/    finished sources; a later run with the same options passes over them
OUT/report.json      what was found, made, missing and bad, each bad file with its reason
OUT/shards/          tar files, if asked for
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seehear.config import to_dict
from seehear.data.manifest import ClipRow, Manifest, rows_sha256, write_manifest
from seehear.errors import InputError, OutputError, UsageError
from seehear.metrics.report import write_text
from seehear.tasks.engines import run_all
from seehear.tasks.highlight.prepare_clip import Prepared, Task, clips_folder, prepare_source
from seehear.tasks.highlight.prepare_options import MuddyMixOptions
from seehear.tasks.highlight.prepare_sources import LISTED, SPLITS, Found, find_sources
from seehear.tasks.highlight.shards import write_shards

OPTIONS = "prepare.json"
MANIFEST = "manifest.jsonl"
REPORT = "report.json"
NOT_CONTENT = ("output", "val", "test", "shards", "engine", "workers", "force")
CONSOLE = ("json", "quiet", "debug")

Progress = Callable[[int, int, str], None]


def prepare_muddy_mix(options: MuddyMixOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Prepare a corpus; see the module.

    Args:
        options: what to read and how.
        progress: called with (sources done, all sources, note); may raise `Cancelled`, which leaves
            the finished sources to the next run.

    Returns:
        `output, manifest, report`, `clips` by split, `bad` sources, `reused` sources, `warnings`.

    Raises:
        InputError: SOURCE is not what the layout says, or nothing in it could be prepared.
        OutputError: the folder was prepared with other options, or cannot be written.
        UsageError: clips without a separator.
    """
    found = find_sources(
        options.source, options.layout, options.lists, (options.val, options.test), options.seed
    )
    if found.layout == "clips" and not options.separator:
        raise UsageError(
            "film clips have to be taken apart first: give --separator 'command {input} "
            "{output_dir}' or package.module:function"
        )
    _claim(options)
    prepared = _run(found, options, progress)
    rows = _in_order(found, prepared)
    report = _report(options, found, prepared, rows)
    write_text(options.output / REPORT, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if not rows:
        raise InputError(
            f"nothing of {str(options.source)!r} could be prepared; the first of "
            f"{len(report['bad'])} reasons in {options.output / REPORT}: "
            f"{report['bad'][0]['reason']}"
        )
    manifest = options.output / MANIFEST
    if options.shards:
        write_shards(Manifest(manifest, rows), options.shards)
    # Last, because its presence says that the corpus is complete.
    write_manifest(manifest, rows)
    return {
        "output": str(options.output),
        "manifest": str(manifest),
        "report": str(options.output / REPORT),
        "clips": report["clips"],
        "bad": len(report["bad"]),
        "reused": report["reused"],
        "warnings": _warnings(report, options),
    }


def _run(found: Found, options: MuddyMixOptions, progress: Progress | None) -> list[Prepared]:
    tasks = [Task(job, options) for job in found.jobs]
    prepared: list[Prepared] = []
    if progress is not None:
        progress(0, len(tasks), "preparing")
    for one in run_all(prepare_source, tasks, options.engine, options.workers):
        prepared.append(one)
        if progress is not None:
            progress(len(prepared), len(tasks), f"prepared {one.id}")
    return prepared


def _in_order(found: Found, prepared: Sequence[Prepared]) -> tuple[ClipRow, ...]:
    """Rows in the order of the lists, however they came back: pooled ENV depends on it."""
    by_id = {one.id: one.rows for one in prepared}
    return tuple(row for job in found.jobs for row in by_id[job.id])


def _claim(options: MuddyMixOptions) -> None:
    """Make the folder ours: new, or prepared with the same options, or forced."""
    # Absolute, so that the same call from another folder is the same preparation.
    content = {
        key: str(Path(value).resolve()) if key in ("source", "lists") and value else value
        for key, value in to_dict(options).items()
        if key not in (*NOT_CONTENT, *CONSOLE)
    }
    path = options.output / OPTIONS
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        if before is None and any(options.output.iterdir()) and not options.force:
            raise OutputError(f"{options.output} is not empty; use --force or another folder")
        if before is not None and before != content:
            if not options.force:
                changed = sorted(k for k in content if before.get(k) != content[k])
                raise OutputError(
                    f"{options.output} was prepared with another {', '.join(changed)}; "
                    f"use --force to start anew, or another folder"
                )
            shutil.rmtree(clips_folder(options), ignore_errors=True)
        write_text(path, json.dumps(content, indent=1) + "\n")
    except OSError as error:
        raise OutputError(f"cannot write into {options.output}: {error.strerror}") from error
    except ValueError as error:
        raise OutputError(f"{path} is damaged; use --force or another folder") from error


def _report(
    options: MuddyMixOptions, found: Found, prepared: Sequence[Prepared], rows: Sequence[ClipRow]
) -> dict[str, Any]:
    splits = Counter(row.split for row in rows)
    bad = [*found.bad, *((one.id, one.problem) for one in prepared if one.problem)]
    return {
        "options": to_dict(options),
        "layout": found.layout,
        "found": found.counts,
        "sources": len(found.jobs),
        "reused": sum(one.reused for one in prepared),
        "clips": {split: splits[split] for split in SPLITS},
        "hours": round(sum(row.duration_s for row in rows) / 3600, 4),
        "dropped_s": round(sum(one.dropped_s for one in prepared), 3),
        "without_frames": sum(row.frames is None for row in rows),
        "without_captions": sum(row.captions is None for row in rows),
        "manifest_sha256": rows_sha256(rows),
        "bad": [{"source": source, "reason": reason} for source, reason in sorted(bad)],
    }


def _warnings(report: dict[str, Any], options: MuddyMixOptions) -> list[str]:
    said = []
    if report["bad"]:
        said.append(
            f"{len(report['bad'])} sources could not be prepared; "
            f"{options.output / REPORT} lists them"
        )
    if report["layout"] == "released":
        short = [
            f"{split} {report['clips'][split]} of {LISTED[split]}"
            for split in SPLITS
            if report["clips"][split] != LISTED[split]
        ]
        if short:
            said.append(f"the released data set is not complete here: {', '.join(short)} clips")
    return said
