"""`seehear prepare generate-vggsound|audioset|aist|landscape|mv100k|generate-videos`.

Manifests of clips with picture and sound from the user's own copies; `corpora_lists.py` tells the
layouts. Lists name clips that are no longer to be had: missing files are counted, not fatal. Files that
are there are decoded once, cut into clips and measured (`filters.py`); what is not fit is left out and
listed with its reason in rejected.jsonl. A recording in two splits is fatal unless the user says
`--drop-leaks`. Rows point at the user's files; nothing is copied.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from seehear.data.clip_manifest import GenerateClip, write_clips
from seehear.data.splits import SPLITS, count_splits
from seehear.dsp.resample import resample
from seehear.errors import InputError, OutputError
from seehear.media.probe import probe
from seehear.media.read import read_audio, read_frames
from seehear.metrics.report import write_text
from seehear.tasks.corpora import without_leaks
from seehear.tasks.engines import run_all
from seehear.tasks.generate.corpora_lists import CORPORA, Listed
from seehear.tasks.generate.corpora_options import ClipsOptions
from seehear.tasks.generate.filters import (
    FRAME_RATE,
    FRAME_SIZE,
    SOUND_RATE,
    measure,
    rejected,
)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Examined:
    """What became of one listed file.

    Args:
        kept: its clips.
        rejected: id, reason and measures of what is left out.
    """

    kept: tuple[GenerateClip, ...]
    rejected: tuple[dict[str, Any], ...]


def prepare_clips(
    corpus: str, options: ClipsOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Manifest of a corpus.

    Args:
        corpus: a key of `CORPORA`.
        options: where it is, limits of the filters.
        progress: told (files done, all files, note); may raise `Cancelled`.

    Returns:
        Path of the manifest; listed, missing, kept clips by split; hours, classes, recordings; leaks
        dropped; rejected clips by reason; `warnings` where something is missing or unreadable.

    Raises:
        InputError: wrong layout, no file there, nothing kept, or a recording in two splits.
        OutputError: the folder holds a manifest already, or cannot be written.
        MissingDependency: Ray is asked for and not installed.
    """
    manifest = options.output / "manifest.jsonl"
    if manifest.exists() and not options.force:
        raise OutputError(f"{manifest} exists; choose another folder or say --force")
    listed = list(dict.fromkeys(CORPORA[corpus](options)))
    twice = [name for name, count in Counter(clip.id for clip in listed).items() if count > 1]
    if twice:
        raise InputError(f"two clips of {options.source} are called {twice[0]}; rename one of them")
    there = [clip for clip in listed if clip.path.is_file()]
    if not there:
        raise InputError(
            f"none of the {len(listed)} clips that belong to it is in {options.source}; check the "
            f"layout of the copy"
        )
    chosen, dropped = without_leaks(there, lambda clip: clip.recording, options.drop_leaks)
    chosen = list(_first(chosen, options.limit))
    kept, left_out = _examine_all(chosen, options, progress)
    if not kept:
        raise InputError(
            f"not one of {len(chosen)} files gave a clip; the first reason is: "
            f"{left_out[0]['reason']}"
        )
    missing = Counter(c.split for c in listed) - Counter(c.split for c in there)
    report = {
        "manifest": str(manifest),
        "listed": count_splits(clip.split for clip in listed),
        "missing": dict(missing),
        "kept": count_splits(clip.split for clip in kept),
        "hours": round(sum(clip.seconds for clip in kept) / 3600, 4),
        "classes": len({clip.label for clip in kept}),
        "recordings": len({clip.recording for clip in kept}),
        "leaks_dropped": dropped,
        "rejected": dict(Counter(str(row["reason"]).partition(":")[0] for row in left_out)),
        "warnings": _warnings(options, len(listed), sum(missing.values()), left_out),
    }
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in left_out]
    write_text(options.output / "rejected.jsonl", "".join(lines))
    write_text(options.output / "report.json", json.dumps(report, indent=1) + "\n")
    # Last, because its presence says that the corpus is complete.
    write_clips(manifest, kept)
    return report


prepare_vggsound = partial(prepare_clips, "vggsound")
prepare_audioset = partial(prepare_clips, "audioset")
prepare_aist = partial(prepare_clips, "aist")
prepare_landscape = partial(prepare_clips, "landscape")
prepare_mv100k = partial(prepare_clips, "mv100k")
prepare_videos = partial(prepare_clips, "videos")


def examine(job: tuple[Listed, ClipsOptions]) -> Examined:
    """Cut one file into clips, measure them, and keep those that are fit."""
    listed, options = job
    try:
        length = _length(listed)
    except InputError as error:
        return Examined((), ({"id": listed.id, "reason": f"unreadable: {error}"},))
    path = Path(os.path.relpath(listed.path.resolve(), options.output.resolve())).as_posix()
    kept: list[GenerateClip] = []
    left_out: list[dict[str, Any]] = []
    spans = list(_spans(length, options))
    for number, (start, seconds) in enumerate(spans):
        name = listed.id if len(spans) == 1 else f"{listed.id}:{number:03d}"
        reason, found = _judge(listed.path, start, seconds, options)
        if reason:
            row = {"id": name, "split": listed.split, "reason": reason, "start_s": start}
            left_out.append({**row, **found})
        else:
            kept.append(
                GenerateClip(
                    name, listed.split, listed.label, path, "", start, seconds, listed.recording
                )
            )
    return Examined(tuple(kept), tuple(left_out))


def _judge(
    path: Path, start: float, seconds: float, options: ClipsOptions
) -> tuple[str, dict[str, float]]:
    """Why a clip is left out ("" if it is kept) and its measures."""
    try:
        audio = read_audio(path, start, seconds)
        frames = read_frames(path, FRAME_RATE, FRAME_SIZE, start, seconds).frames
    except InputError as error:
        return f"unreadable: {error}", {}
    mono = resample(audio.waveform.mean(0), audio.sample_rate, SOUND_RATE)
    found = measure(mono, frames, min(seconds, len(mono) / SOUND_RATE))
    return rejected(found, options), found.record()


def _length(listed: Listed) -> float:
    """How much of a file is used, seconds.

    Raises:
        InputError: no sound, no picture, or no length.
    """
    info = probe(listed.path)
    if not info.audio:
        raise InputError(f"{listed.path.name} has no sound track")
    if info.video is None:
        raise InputError(f"{listed.path.name} has no picture")
    known = [s.duration_s for s in (info.audio[0], info.video) if s.duration_s]
    length = min(known) if known else info.duration_s
    if not length:
        raise InputError(f"{listed.path.name} does not say how long it is; remux it")
    return min(float(length), listed.longest_s or float(length))


def _spans(length: float, options: ClipsOptions) -> Iterator[tuple[float, float]]:
    """Starts and lengths of a file's clips; a short rest is dropped, a short file is not."""
    start = 0.0
    while start == 0.0 or length - start >= options.shortest - 1e-6:
        yield round(start, 6), round(min(options.piece, length - start), 6)
        start += options.piece


def _examine_all(
    listed: Sequence[Listed], options: ClipsOptions, progress: Progress | None
) -> tuple[list[GenerateClip], list[dict[str, Any]]]:
    """Clips and rejected ones in an order that does not depend on the workers."""
    kept: list[GenerateClip] = []
    left_out: list[dict[str, Any]] = []
    jobs = [(clip, options) for clip in listed]
    for number, made in enumerate(run_all(examine, jobs, options.engine, options.workers), 1):
        kept += made.kept
        left_out += made.rejected
        if progress is not None:
            progress(number, len(jobs), "measuring")
    kept.sort(key=lambda clip: (SPLITS.index(clip.split), clip.id))
    left_out.sort(key=lambda row: str(row["id"]))
    return kept, left_out


def _first(listed: Sequence[Listed], limit: int) -> Iterator[Listed]:
    """At most so many clips of each split; 0 = all."""
    ordered = sorted(listed, key=lambda clip: SPLITS.index(clip.split))
    for _, own in groupby(ordered, key=lambda clip: clip.split):
        clips = list(own)
        yield from clips[:limit] if limit else clips


def _warnings(
    options: ClipsOptions, listed: int, missing: int, left_out: Sequence[dict[str, Any]]
) -> list[str]:
    said = []
    if missing:
        said.append(f"{missing} of {listed} clips are missing")
    bad = sum(str(row["reason"]).startswith("unreadable") for row in left_out)
    if bad:
        said.append(
            f"{bad} clips could not be read and were left out; "
            f"{options.output / 'rejected.jsonl'} lists them"
        )
    return said
