"""`seehear prepare music|ave|vggsound|videos`: manifests of corpora that the user has.

Layouts as published:
music     train.csv, val.csv, test.csv (audio file, frame folder, number of frames), audio beside
          `video/CLASS/ID.*`, which is what is looked for
ave       trainSet.txt, valSet.txt, testSet.txt (`class&id&quality&start&end`), files in AVE/ID.mp4
vggsound  vggsound.csv (id, start, class, split), files in video/ID_START.mp4, START of six digits
videos    CLASS/anything; splits 80/10/10 are drawn by the name of the file

Lists name clips that are no longer to be had: missing files are counted, not fatal. A recording in
two splits is fatal unless the user says `--drop-leaks`. VGGSound has no validation split; one is taken
from its training clips.

Beside the manifest: `pairs-val.jsonl` and `pairs-test.jsonl`, the fixed mixtures that validation and tests
are about, and with `--shards N` tar files of sound and frames.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seehear.data.pair_list import LIST, draw_pairs, write_pairs
from seehear.data.splits import SPLITS, count_splits, drawn, drawn_split
from seehear.data.thing_manifest import ThingClip, write_clips
from seehear.errors import InputError, OutputError
from seehear.metrics.report import write_text
from seehear.tasks.corpora import VIDEOS, published_lines, video_called, without_leaks
from seehear.tasks.separate.corpora_options import CorpusOptions
from seehear.tasks.separate.prepare_shards import Shards, write_clip_shards

Progress = Callable[[int, int, str], None]

CLIP_S = 10.0
MUSIC_PAIRS = 10
"""Test mixtures that each clip of MUSIC begins in the published list."""
VGGSOUND_VAL = 0.02
"""Share of VGGSound's training clips that are held out for validation."""
SUBSETS: dict[str, tuple[str, ...]] = {
    "animal10": (
        *("parrot talking", "dog growling", "cow lowing", "cat hissing", "gibbon howling"),
        *("wood thrush calling", "snake hissing", "baltimore oriole calling", "bull bellowing"),
        "snake rattling",
    ),
    "vehicle10": (
        *("tractor digging", "driving snowmobile", "reversing beeps", "helicopter"),
        *("train whistling", "airplane flyby", "railroad car, train wagon", "driving motorcycle"),
        *("engine accelerating, revving, vroom", "fire truck siren"),
    ),
}


def prepare_music(options: CorpusOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Manifest of MUSIC (solos); see the module for layout, `_finish` for what is returned."""
    clips = []
    for split in SPLITS:
        for number, row in enumerate(_table(options.source / f"{split}.csv"), 1):
            if len(row) < 2:
                raise InputError(
                    f"{options.source / f'{split}.csv'}, line {number}: expected audio, frames, "
                    f"count, got {','.join(row)!r}"
                )
            audio = Path(row[0])
            label, name = audio.parent.name, audio.stem
            path = video_called(options.source / "video" / label, name)
            clips.append(ThingClip(f"{split}:{name}", name, label, split, str(path)))
    return _finish(options, clips, progress, MUSIC_PAIRS)


def prepare_ave(options: CorpusOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Manifest of AVE; see the module for layout, `_finish` for what is returned."""
    clips = []
    for split in SPLITS:
        lines = published_lines(options.source / f"{split}Set.txt")
        for number, line in enumerate(lines, 1):
            parts = line.split("&")
            if len(parts) != 5:
                raise InputError(
                    f"{options.source / f'{split}Set.txt'}, line {number}: expected "
                    f"class&id&quality&start&end, got {line!r}"
                )
            label, name = parts[0], parts[1]
            path = options.source / "AVE" / f"{name}.mp4"
            clips.append(
                ThingClip(f"{split}:{number}:{name}", name, label, split, str(path), 0.0, CLIP_S)
            )
    return _finish(options, clips, progress)


def prepare_vggsound(options: CorpusOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Manifest of VGGSound or a subset; see the module for layout, `_finish` for the result."""
    wanted = SUBSETS.get(options.subset)
    clips = []
    for number, row in enumerate(_table(options.source / "vggsound.csv"), 1):
        if len(row) != 4 or not row[1].isdigit() or row[3] not in SPLITS:
            raise InputError(
                f"{options.source / 'vggsound.csv'}, line {number}: expected id, start, class, "
                f"split, got {','.join(row)!r}"
            )
        name, start, label, split = row
        if wanted is None and split == "train" and drawn(name, options.seed) < VGGSOUND_VAL:
            split = "val"
        if wanted is None or label in wanted:
            path = options.source / "video" / f"{name}_{int(start):06d}.mp4"
            clip = f"{name}_{int(start):06d}"
            clips.append(ThingClip(clip, name, label, split, str(path), 0.0, CLIP_S))
    if wanted is not None:
        clips = _some(clips, options)
    return _finish(options, clips, progress)


def prepare_videos(options: CorpusOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Manifest of any folder with one folder of videos per class; `_finish` says what is returned."""
    if not options.source.is_dir():
        raise InputError(f"{options.source} is not a folder; it must hold one folder per class")
    clips = []
    for folder in sorted(p for p in options.source.iterdir() if p.is_dir()):
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in VIDEOS:
                split = drawn_split(path.stem, options.seed)
                name = f"{folder.name}/{path.stem}"
                clips.append(ThingClip(name, path.stem, folder.name, split, str(path)))
    return _finish(options, clips, progress)


def _some(clips: list[ThingClip], options: CorpusOptions) -> list[ThingClip]:
    """At most so many existing clips of each class and split, drawn by the seed.

    The authors' clip ids were not published; classes and counts are theirs, the draw is ours. As many clips
    as for the test are taken from the training clips for validation, which the authors do without.
    """
    kept = []
    limits = dict(zip(("train", "test"), options.per_class, strict=True))
    for key in sorted({(clip.label, clip.split) for clip in clips}):
        own = sorted(
            (c for c in clips if (c.label, c.split) == key and Path(c.path).is_file()),
            key=lambda clip: clip.id,
        )
        limit = limits.get(key[1], len(own))
        rng = np.random.default_rng([options.seed, *key[0].encode(), *key[1].encode()])
        order = rng.permutation(len(own))
        kept += [own[i] for i in sorted(order[:limit])]
        if key[1] == "train":
            held_out = order[limit : limit + options.per_class[1]]
            kept += [replace(own[i], split="val") for i in sorted(held_out)]
    return kept


def _finish(
    options: CorpusOptions,
    clips: list[ThingClip],
    progress: Progress | None,
    each: int = 1,
) -> dict[str, Any]:
    """Count what is missing, deal with leaks, write everything.

    Returns:
        Path of the manifest, clips listed, missing and kept per split, classes, leaks dropped, number
        of pairs and of shards, unreadable clips, `warnings` where something is missing.

    Raises:
        InputError: no clip is there, or a recording is in two splits.
        OutputError: the folder holds a manifest already, or cannot be written.
    """
    manifest = options.output / "manifest.jsonl"
    if manifest.exists() and not options.force:
        raise OutputError(f"{manifest} exists; choose another folder or say --force")
    there = [clip for clip in clips if Path(clip.path).is_file()]
    if not there:
        raise InputError(
            f"none of the {len(clips)} clips that the lists name is in {options.source}; "
            f"check the layout of the copy"
        )
    kept, dropped = without_leaks(there, lambda clip: clip.video_id, options.drop_leaks)
    root = options.output.resolve()
    kept = [_relative(clip, root) for clip in kept]
    packed = Shards()
    if options.shards:
        packed = write_clip_shards(manifest, kept, options, progress)
        kept = [clip for clip in kept if clip.id not in packed.bad]
    missing = Counter(c.split for c in clips) - Counter(c.split for c in there)
    report = {
        "manifest": str(manifest),
        "listed": count_splits(clip.split for clip in clips),
        "missing": dict(missing),
        "kept": count_splits(clip.split for clip in kept),
        "classes": len({clip.label for clip in kept}),
        "leaks_dropped": dropped,
        "pairs": _write_pairs(options, kept, options.pairs or each),
        "shards": len(packed.paths),
        "bad": packed.bad,
        "warnings": _warnings(options, len(clips), sum(missing.values()), packed),
    }
    write_text(options.output / "report.json", json.dumps(report, indent=1) + "\n")
    # Last, because its presence says that the corpus is complete.
    write_clips(manifest, kept)
    return report


def _write_pairs(options: CorpusOptions, clips: list[ThingClip], each: int) -> dict[str, int]:
    """Fixed lists of the splits that are measured on; number of pairs by split."""
    counts = {}
    for split in SPLITS[1:]:
        rows = draw_pairs([clip for clip in clips if clip.split == split], each, options.seed)
        path = options.output / LIST.format(split)
        if rows:
            write_pairs(path, rows)
        else:
            path.unlink(missing_ok=True)
        counts[split] = len(rows)
    return counts


def _warnings(options: CorpusOptions, listed: int, missing: int, packed: Shards) -> list[str]:
    said = []
    if missing:
        said.append(f"{missing} of {listed} clips are missing")
    if packed.bad:
        said.append(
            f"{len(packed.bad)} clips could not be read and were left out; "
            f"{options.output / 'report.json'} lists them"
        )
    return said


def _relative(clip: ThingClip, root: Path) -> ThingClip:
    path = Path(os.path.relpath(Path(clip.path).resolve(), root)).as_posix()
    return replace(clip, path=path)


def _table(path: Path) -> list[list[str]]:
    return [row for row in csv.reader(published_lines(path)) if row]
