"""`seehear prepare fair-play|music-stereo|youtube-asmr|stereo-videos`: manifests of what the user has.

Layouts as published:
fair-play      videos/000001.mp4, binaural_audios/000001.wav; splits/splitN/{train,val,test}.h5 (ten, by
               the authors of the data), new_splits/splitN/{train,val,test}.txt (five without shared
               scenes, by the authors of PseudoBinaural)
music-stereo   train.txt, val.txt, test.txt (a video's id a line, perhaps with a start in seconds behind
               a comma), files video/ID.* or video/ID_START.*; ten seconds each where a start is given
youtube-asmr   train.csv, val.csv, test.csv (id, start, end in seconds), files
               {train,val,test}_data/data/video/ID_START_END.mp4 and data/audio/ID_START_END.flac,
               milliseconds, as the authors' script saves them
stereo-videos  any folder of videos with two channels; splits 80/10/10 are drawn by the name of the file

Lists name clips that are no longer to be had: missing files are counted, not fatal. A recording in two splits is
fatal unless the user says `--drop-leaks`. Solo clips of MUSIC are the matter of `prepare music`.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seehear.config import to_dict
from seehear.data.binaural_clips import BinauralClip
from seehear.data.splits import SPLITS, count_splits, drawn_split
from seehear.errors import InputError, OutputError
from seehear.metrics.report import write_text
from seehear.tasks.corpora import VIDEOS, is_number, published_lines, video_called, without_leaks
from seehear.tasks.spatialize.corpora_options import StereoOptions

Progress = Callable[[int, int, str], None]
CLIP_S = 10.0


def prepare_fair_play(options: StereoOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Manifest of FAIR-Play for one split; see the module for the layout, `_finish` for the result."""
    names = {split: _fair_play_names(options, split) for split in SPLITS}
    single: set[str] = set()
    found: dict[str, Any] = {"split": f"{options.splits} {options.split_number}"}
    if options.mono_list is not None:
        listed = {Path(line).stem for line in _lines(options.mono_list)}
        # The public list of clips with one sound runs across the test parts.
        single = listed & set(names["train"])
        found |= {"mono": len(single), "mono_elsewhere": len(listed - single)}
    clips = [
        BinauralClip(
            name,
            split,
            str(options.source / "videos" / f"{name}.mp4"),
            sound=str(options.source / "binaural_audios" / f"{name}.wav"),
            mono=name in single,
        )
        for split in SPLITS
        for name in names[split]
    ]
    warnings = []
    if options.splits == "published":
        warnings.append(
            "the ten published splits show the same scenes in training and test; for honest figures "
            "use --splits leak-free"
        )
    return _finish(options, clips, found, warnings)


def prepare_music_stereo(
    options: StereoOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Manifest of MUSIC-Stereo; see the module for the layout, `_finish` for the result."""
    clips = []
    folder = options.source / "video"
    for split in SPLITS:
        for number, line in enumerate(_lines(options.source / f"{split}.txt"), 1):
            name, _, start = (part.strip() for part in line.partition(","))
            where = f"{options.source / f'{split}.txt'}, line {number}"
            begin = _seconds(start, where) if start else None
            if begin is None:
                clips.append(BinauralClip(name, split, str(video_called(folder, name)), name))
                continue
            cut = video_called(folder, f"{name}_{start}")
            whole = not cut.is_file()
            clips.append(
                BinauralClip(
                    f"{name}_{start}",
                    split,
                    str(video_called(folder, name) if whole else cut),
                    name,
                    start_s=begin if whole else 0.0,
                    duration_s=CLIP_S,
                )
            )
    return _finish(options, clips)


def prepare_youtube_asmr(
    options: StereoOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Manifest of YouTube-ASMR; see the module for the layout, `_finish` for the result."""
    clips = []
    for split in SPLITS:
        table = options.source / f"{split}.csv"
        data = options.source / f"{split}_data" / "data"
        for number, line in enumerate(_lines(table), 1):
            parts = [part.strip() for part in line.split(",")]
            where = f"{table}, line {number}"
            if line.startswith("#"):
                continue
            if len(parts) < 3:
                raise InputError(f"{where}: expected id, start, end, got {line!r}")
            if number == 1 and not is_number(parts[1]):
                continue
            start, end = (int(1000 * _seconds(part, where)) for part in parts[1:3])
            name = f"{parts[0]}_{start}_{end}"
            clips.append(
                BinauralClip(
                    name,
                    split,
                    str(video_called(data / "video", name)),
                    parts[0],
                    sound=str(data / "audio" / f"{name}.flac"),
                )
            )
    return _finish(options, clips)


def prepare_stereo_videos(
    options: StereoOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Manifest of any folder of videos with two channels; `_finish` says what is returned."""
    if not options.source.is_dir():
        raise InputError(f"{options.source} is not a folder; it must hold videos")
    from seehear.media.probe import probe

    files = sorted(p for p in options.source.rglob("*") if p.suffix.lower() in VIDEOS)
    clips, other = [], 0
    for number, path in enumerate(files, 1):
        tracks = probe(path).audio
        if not tracks or tracks[0].channels != 2:
            other += 1
        else:
            name = path.relative_to(options.source).with_suffix("").as_posix()
            clips.append(
                BinauralClip(name, drawn_split(path.stem, options.seed), str(path), path.stem)
            )
        if progress is not None:
            progress(number, len(files), path.name)
    return _finish(options, clips, {"without_two_channels": other})


def _fair_play_names(options: StereoOptions, split: str) -> list[str]:
    """Names of clips, whatever folder the lists once meant."""
    if options.splits == "leak-free":
        folder = options.source / "new_splits" / f"split{options.split_number}"
        return [Path(line).stem for line in _lines(folder / f"{split}.txt")]
    path = options.source / "splits" / f"split{options.split_number}" / f"{split}.h5"
    import h5py

    try:
        with h5py.File(path) as file:
            key = "audio" if "audio" in file else next(iter(file.keys()))
            rows = file[key][:].tolist()
    except (OSError, StopIteration) as error:
        raise InputError(
            f"cannot read {path} ({error}); the recipe expects the published layout"
        ) from error
    return [Path(row.decode() if isinstance(row, bytes) else str(row)).stem for row in rows]


def _finish(
    options: StereoOptions,
    clips: Sequence[BinauralClip],
    found: dict[str, Any] | None = None,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Count what is missing, deal with leaks, write manifest.jsonl and report.json.

    Returns:
        Path of the manifest, clips listed, missing and kept per split, leaks dropped, `warnings` where
        something is missing.

    Raises:
        InputError: no clip is there, or a recording is in two splits.
        OutputError: the folder holds a manifest already, or cannot be written.
    """
    manifest = options.output / "manifest.jsonl"
    if manifest.exists() and not options.force:
        raise OutputError(f"{manifest} exists; choose another folder or say --force")
    there = [c for c in clips if Path(c.path).is_file() and Path(c.sound or c.path).is_file()]
    if not there:
        raise InputError(
            f"none of the {len(clips)} clips that belong to it is in {options.source}; check the "
            f"layout of the copy"
        )
    kept, dropped = without_leaks(there, lambda clip: clip.recording, options.drop_leaks)
    root = options.output.resolve()
    lines = [json.dumps(_relative(clip, root), ensure_ascii=False) + "\n" for clip in kept]
    write_text(manifest, "".join(lines))
    missing = Counter(c.split for c in clips) - Counter(c.split for c in there)
    if missing:
        warnings = [*warnings, f"{sum(missing.values())} of {len(clips)} clips are missing"]
    report = {
        "manifest": str(manifest),
        "listed": count_splits(clip.split for clip in clips),
        "missing": dict(missing),
        "kept": count_splits(clip.split for clip in kept),
        "recordings": len({clip.recording for clip in kept}),
        "leaks_dropped": dropped,
        **(found or {}),
        "warnings": list(warnings),
    }
    write_text(options.output / "report.json", json.dumps(report, indent=1) + "\n")
    return report


def _relative(clip: BinauralClip, root: Path) -> dict[str, Any]:
    def moved(path: str) -> str:
        return Path(os.path.relpath(Path(path).resolve(), root)).as_posix()

    sound = moved(clip.sound) if clip.sound else None
    return to_dict(replace(clip, path=moved(clip.path), sound=sound))


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in published_lines(path)]


def _seconds(text: str, where: str) -> float:
    if not is_number(text):
        raise InputError(f"{where}: expected seconds, got {text!r}")
    return float(text)
