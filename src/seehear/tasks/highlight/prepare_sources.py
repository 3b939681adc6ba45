"""Find what there is to prepare in the three layouts that `prepare muddy-mix` knows."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from seehear.data.muddy import STEMS
from seehear.errors import InputError

Layout = Literal["stems", "released", "clips"]

SOUNDS = (".wav", ".flac")
VIDEOS = (".mp4", ".mkv", ".mov", ".webm", ".avi", ".m4v")
CAPTIONS = (".txt", ".srt", ".vtt")
RESIDUAL_NAMES = ("effects+residual", "effects")
MIXES = ("mixture", "mix")
SPLITS = ("train", "val", "test")
LISTS = {"train": "train.csv", "val": "val.csv", "test": "test_filter.csv"}
LISTED = {"train": 15078, "val": 1927, "test": 1789}
"""Clips in the released lists."""
PIECE_FOLDERS = ("sub_video", "sub-video")
"""The lists say the one, the description of the data set the other."""


@dataclass(frozen=True)
class SourceJob:
    """One thing to prepare: a folder of stems, a film clip, or a released clip.

    Args:
        id: unique, fit for a folder name.
        layout: what it is.
        split: split it belongs to.
        recording: id of the recording behind it; clips of one film share it.
        files: role -> path: `speech`, `music`, `effects`, `mixture`, `target`, `video`,
            `captions`, `frames` (a folder of pictures).
    """

    id: str
    layout: Layout
    split: str
    recording: str
    files: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a search came up with.

    Args:
        layout: what SOURCE turned out to be.
        jobs: everything that can be prepared.
        bad: name and reason of what was listed or half there.
        counts: for the report.
    """

    layout: Layout
    jobs: tuple[SourceJob, ...]
    bad: tuple[tuple[str, str], ...] = ()
    counts: dict[str, int] = field(default_factory=dict)


def find_sources(
    source: Path, layout: str, lists: Path | None, shares: tuple[float, float], seed: int
) -> Found:
    """Search a folder.

    Args:
        source: the user's copy.
        layout: `auto` takes released where the lists are, then stems, then clips.
        lists: folder of the released lists, default `source`.
        shares: of val and test, for sources that are in no folder of that name.
        seed: of the split.

    Raises:
        InputError: not a folder, or nothing of the layout is in it.
    """
    if not source.is_dir():
        raise InputError(f"{str(source)!r} is not a folder; prepare reads your copy of a corpus")
    lists = lists or source
    if layout == "auto":
        layout = _guess(source, lists)
    if layout == "released":
        return _find_released(source, lists)
    found = _find_stems(source) if layout == "stems" else _find_clips(source)
    if not found.jobs and not found.bad:
        wanted = "folders with speech, music and effects" if layout == "stems" else "video files"
        raise InputError(f"{str(source)!r} has no {wanted}; see seehear prepare muddy-mix --help")
    jobs = tuple(
        SourceJob(job.id, job.layout, choose_split(job, source, shares, seed), job.id, job.files)
        for job in found.jobs
    )
    return Found(found.layout, jobs, found.bad, found.counts)


def choose_split(job: SourceJob, source: Path, shares: tuple[float, float], seed: int) -> str:
    """Split of a source: the folder train, val or test that it lies in, else by a hash of its id.

    All pieces of a source go with it, so no recording is in two splits.
    """
    path = next(iter(job.files.values()))
    above = [part for part in path.relative_to(source).parts[:-1] if part in SPLITS]
    if above:
        return above[0]
    digest = hashlib.sha256(f"{seed}/{job.id}".encode()).digest()
    place = int.from_bytes(digest[:8]) / 2**64
    val, test = shares
    if place < test:
        return "test"
    return "val" if place < test + val else "train"


def _guess(source: Path, lists: Path) -> Layout:
    if any((lists / name).is_file() for name in LISTS.values()):
        return "released"
    some_stem = next((p for p in source.rglob("speech.*") if p.suffix.lower() in SOUNDS), None)
    return "stems" if some_stem else "clips"


def _find_stems(source: Path) -> Found:
    jobs, bad = [], []
    folders = sorted({p.parent for name in STEMS for p in source.rglob(f"{name}*") if _is_sound(p)})
    for folder in folders:
        name = _name(source, folder)
        files = {
            **_one_of(folder, {stem: (stem,) for stem in STEMS[:2]}, SOUNDS),
            **_one_of(folder, {"effects": RESIDUAL_NAMES, "mixture": MIXES}, SOUNDS),
            **_one_of(folder, {"captions": ("captions",)}, CAPTIONS),
        }
        missing = [stem for stem in STEMS if stem not in files]
        if missing:
            bad.append((name, f"no {' and no '.join(missing)} beside the other stems"))
            continue
        videos = sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEOS)
        if videos:
            files["video"] = videos[0]
        jobs.append(SourceJob(name, "stems", "", name, files))
    return Found("stems", tuple(jobs), tuple(bad), {"folders": len(folders)})


def _find_clips(source: Path) -> Found:
    jobs: dict[str, SourceJob] = {}
    bad = []
    paths = sorted(p for p in source.rglob("*") if p.suffix.lower() in VIDEOS and p.is_file())
    for path in paths:
        name = _name(path.parent, path.with_suffix(""))
        if name in jobs:
            bad.append((name, f"{path} has the name of {jobs[name].files['video']}"))
            continue
        jobs[name] = SourceJob(name, "clips", "", name, {"video": path})
    return Found("clips", tuple(jobs.values()), tuple(bad), {"videos": len(paths)})


def _find_released(source: Path, lists: Path) -> Found:
    jobs, bad = [], []
    counts: dict[str, int] = {}
    for split, name in LISTS.items():
        path = lists / name
        rows = _read_list(path) if path.is_file() else []
        counts[f"{split}_listed"] = len(rows)
        counts[f"{split}_expected"] = LISTED[split]
        for row in rows:
            job, problem = _released_clip(source, row, split)
            if job is None:
                bad.append((row, problem))
                counts[f"{split}_missing"] = counts.get(f"{split}_missing", 0) + 1
            else:
                jobs.append(job)
    if not jobs and not bad:
        raise InputError(
            f"{str(lists)!r} has none of the lists {', '.join(LISTS.values())}; "
            f"say where they are with --lists"
        )
    for role in ("frames", "captions", "speech"):
        counts[f"without_{'stems' if role == 'speech' else role}"] = sum(
            role not in job.files for job in jobs
        )
    return Found("released", tuple(jobs), tuple(bad), counts)


def _read_list(path: Path) -> list[str]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [row[0].strip() for row in csv.reader(stream) if row and row[0].strip()]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read the list {path}: {error}") from error


def _released_clip(source: Path, row: str, split: str) -> tuple[SourceJob | None, str]:
    """Files of one listed clip, e.g. `./data/Muddy_Mix/ID/sub_video/ID_000`."""
    parts = PurePosixPath(row).parts
    film, piece = (parts[-3], parts[-1]) if len(parts) >= 3 else ("", parts[-1])
    roots = (source / "Muddy_Mix", source)
    folders = [root / film / middle / piece for root in roots for middle in PIECE_FOLDERS]
    folder = next((f for f in folders if f.is_dir()), None)
    if folder is None:
        return None, "its folder is not there"
    targets = sorted((folder / "audio_raw").glob("*.wav"))
    mixture = folder / "remix_global" / "target_mix.wav"
    if not targets or not mixture.is_file():
        return None, "audio_raw/*.wav is missing" if not targets else f"{mixture.name} is missing"
    files = {"target": targets[0], "mixture": mixture}
    stems = _one_of(
        folder / "separated",
        {"speech": ("speech",), "music": ("music",), "effects": RESIDUAL_NAMES},
        SOUNDS,
    )
    if len(stems) == len(STEMS):
        files |= stems
    if any((folder / "frames").glob("*.png")):
        files["frames"] = folder / "frames"
    captions = sorted((folder / "frames_captions").glob("*.txt"))
    if captions:
        files["captions"] = captions[0]
    return SourceJob(piece, "released", split, film or piece, files), ""


def _one_of(
    folder: Path, wanted: dict[str, Sequence[str]], suffixes: Sequence[str]
) -> dict[str, Path]:
    """For each role the first file whose name is one of those wanted."""
    found = {}
    for role, names in wanted.items():
        paths = (folder / f"{name}{suffix}" for name in names for suffix in suffixes)
        path = next((p for p in paths if p.is_file()), None)
        if path is not None:
            found[role] = path
    return found


def _is_sound(path: Path) -> bool:
    return path.suffix.lower() in SOUNDS and path.stem in (*STEMS, *RESIDUAL_NAMES)


def _name(root: Path, path: Path) -> str:
    """Relative path as one word; dots would end the key of a sample in a tar shard."""
    relative = path.relative_to(root).as_posix() if path != root else path.name
    return relative.replace("/", "__").replace(".", "_")
