"""What published lists of corpora say: which clips, of which class and split, in which file.

Nothing is opened but the lists; files may be missing. Layouts as published, or as stated where a corpus
publishes ids only:
vggsound   vggsound.csv (id, start, class, split); video/ID_START.*, START of six digits
audioset   balanced_train_segments.csv, unbalanced_train_segments.csv, eval_segments.csv (id, start, end,
           classes), class_labels_indices.csv if there; ten-second files video/PART/NAME.* or
           video/NAME.*, NAME being ID, Y + ID, ID_START or ID_START_END in seconds or six digits
aist       splits/crossmodal_{train,val,test}.txt, ignore_list.txt (if there); videos/*.mp4 with the
           camera's name in place of cAll
landscape  {train,test}/CLASS/*; val is drawn from train by recording
mv100k     {train,val,test}.txt or one list.txt (a video's id a line, more columns allowed); video/ID.*
videos     any folder; folders called train, val, test are splits, the last folder is the class
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seehear.data.splits import SPLITS, drawn, drawn_split
from seehear.errors import InputError
from seehear.tasks.corpora import VIDEOS, is_number, published_lines, video_called
from seehear.tasks.generate.corpora_options import ClipsOptions

CLIP_S = 10.0
VAL_SHARE = 0.02
"""Share of training recordings held out where a corpus has no validation split."""
PARTS = {
    "balanced": "balanced_train",
    "unbalanced": "unbalanced_train",
    "eval": "eval",
}
AIST_TEST_SONGS = frozenset(
    ("mBR0", "mPO1", "mLO2", "mMH3", "mLH4", "mHO5", "mWA0", "mKR2", "mJS3", "mJB5")
)
"""Songs of the published validation and test parts: one of six in each genre."""
SONGS_EACH = 6
YOUTUBE_ID = re.compile(r"^([A-Za-z0-9_-]{11})(?:[_-][\d._-]+)?$")


@dataclass(frozen=True)
class Listed:
    """A clip as a list names it.

    Args:
        id: unique within the corpus.
        split: train, val or test.
        label: class, or "".
        path: file, there or not.
        recording: what it was cut from.
        longest_s: more of the file is not used; None = all of it.
    """

    id: str
    split: str
    label: str
    path: Path
    recording: str
    longest_s: float | None = None


def list_vggsound(options: ClipsOptions) -> list[Listed]:
    """VGGSound; see the module."""
    table = options.source / "vggsound.csv"
    clips = []
    for number, row in _rows(table):
        if len(row) != 4 or not row[1].isdigit() or row[3] not in SPLITS:
            raise InputError(
                f"{table}, line {number}: expected id, start, class, split, got {','.join(row)!r}"
            )
        name, start, label, split = row
        if split == "train" and drawn(name, options.seed) < VAL_SHARE:
            split = "val"
        clip = f"{name}_{int(start):06d}"
        path = video_called(options.source / "video", clip)
        clips.append(Listed(clip, split, label, path, name, CLIP_S))
    return clips


def list_audioset(options: ClipsOptions) -> list[Listed]:
    """AudioSet's lists that were asked for; see the module."""
    names = _class_names(options.source / "class_labels_indices.csv")
    clips = []
    for part in options.parts:
        table = options.source / f"{PARTS[part]}_segments.csv"
        there = _by_stem(options.source / "video" / PARTS[part], options.source / "video")
        for number, row in _rows(table):
            if row[0].startswith("#"):
                continue
            if len(row) < 4 or not is_number(row[1]) or not is_number(row[2]):
                raise InputError(
                    f"{table}, line {number}: expected id, start, end, classes, got "
                    f"{','.join(row)!r}"
                )
            name, start, end = row[0], float(row[1]), float(row[2])
            split = "test" if part == "eval" else "train"
            if split == "train" and drawn(name, options.seed) < VAL_SHARE:
                split = "val"
            label = "; ".join(names.get(key, key) for key in row[3].split(","))
            path = next(
                (there[stem] for stem in _audioset_stems(name, start, end) if stem in there),
                options.source / "video" / PARTS[part] / f"{name}.mp4",
            )
            clip = f"{name}_{int(start):06d}"
            clips.append(Listed(clip, split, label, path, name, end - start))
    return clips


def list_aist(options: ClipsOptions) -> list[Listed]:
    """AIST++; the class is the genre, the recording is the song; see the module."""
    folder = options.source / "splits"
    ignored = set()
    if (options.source / "ignore_list.txt").is_file():
        ignored = {line.strip() for line in published_lines(options.source / "ignore_list.txt")}
    found: dict[str, str] = {}
    for split in SPLITS:
        for line in published_lines(folder / f"crossmodal_{split}.txt"):
            found[line.strip()] = split
    clips = []
    for name, split in found.items():
        tags = name.split("_")
        song = next((tag for tag in tags if re.fullmatch(r"m[A-Z]{2}\d", tag)), "")
        if "cAll" not in tags or not song:
            raise InputError(
                f"{folder} names {name!r}; expected GENRE_SITUATION_cAll_DANCER_SONG_CHOREOGRAPHY"
            )
        if name in ignored:
            continue
        if options.splits == "songs":
            split = song_split(song)
        path = video_called(options.source / "videos", name.replace("cAll", options.camera))
        clips.append(Listed(name, split, tags[0].removeprefix("g"), path, song))
    return clips


def song_split(song: str) -> str:
    """Split of one of AIST++'s sixty songs: per genre the published test song, the next one for val.

    >>> [song_split(f"mPO{n}") for n in (0, 1, 2)]
    ['train', 'test', 'val']
    """
    if song in AIST_TEST_SONGS:
        return "test"
    before = f"{song[:-1]}{(int(song[-1]) - 1) % SONGS_EACH}"
    return "val" if before in AIST_TEST_SONGS else "train"


def list_landscape(options: ClipsOptions) -> list[Listed]:
    """Landscape; see the module."""
    clips = []
    for part in ("train", "test"):
        folder = options.source / part
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; the recipe expects train and test")
        for path in _videos(folder):
            recording = recording_of(path.stem)
            split = part
            if part == "train" and drawn(recording, options.seed) < 5 * VAL_SHARE:
                split = "val"
            name = path.relative_to(options.source).with_suffix("").as_posix()
            label = path.parent.name if path.parent != folder else ""
            clips.append(Listed(name, split, label, path, recording))
    return clips


def list_mv100k(options: ClipsOptions) -> list[Listed]:
    """Music videos of YouTube-8M, from lists of ids; see the module."""
    lists = {split: options.source / f"{split}.txt" for split in SPLITS}
    if not any(path.is_file() for path in lists.values()):
        lists = {"": options.source / "list.txt"}
    clips = []
    for split, table in lists.items():
        for _, row in _rows(table):
            name = row[0].strip()
            if not name or name.startswith("#"):
                continue
            path = video_called(options.source / "video", name)
            where = split or drawn_split(name, options.seed)
            clips.append(Listed(name, where, "music", path, name))
    return clips


def list_videos(options: ClipsOptions) -> list[Listed]:
    """Any folder of videos; see the module."""
    if not options.source.is_dir():
        raise InputError(f"{options.source} is not a folder; it must hold videos")
    clips = []
    for path in _videos(options.source):
        inside = path.relative_to(options.source)
        folders = inside.parts[:-1]
        said = next((part for part in folders if part in SPLITS), "")
        classes = [part for part in folders if part not in SPLITS]
        recording = recording_of(path.stem)
        clips.append(
            Listed(
                inside.with_suffix("").as_posix(),
                said or drawn_split(recording, options.seed),
                classes[-1] if classes else "",
                path,
                recording,
            )
        )
    return clips


CORPORA: dict[str, Callable[[ClipsOptions], list[Listed]]] = {
    "vggsound": list_vggsound,
    "audioset": list_audioset,
    "aist": list_aist,
    "landscape": list_landscape,
    "mv100k": list_mv100k,
    "videos": list_videos,
}


def recording_of(stem: str) -> str:
    """Recording behind a file: the video's id where the name is one with a time behind it.

    >>> recording_of("aB3-_x9Zq0k_000030"), recording_of("rain_12")
    ('aB3-_x9Zq0k', 'rain_12')
    """
    match = YOUTUBE_ID.match(stem)
    return match.group(1) if match else stem


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of a table with their line numbers; blanks behind commas do not count."""
    lines = csv.reader(published_lines(path), skipinitialspace=True)
    return ((number, row) for number, row in enumerate(lines, 1) if row)


def _videos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEOS)


def _by_stem(*folders: Path) -> dict[str, Path]:
    """Videos by name; those of the first folder win."""
    found: dict[str, Path] = {}
    for folder in folders:
        if folder.is_dir():
            for path in folder.iterdir():
                if path.suffix.lower() in VIDEOS:
                    found.setdefault(path.stem, path)
    return found


def _audioset_stems(name: str, start: float, end: float) -> list[str]:
    plain = f"{name}_{start:g}_{end:g}", f"{name}_{start:.3f}_{end:.3f}"
    return [f"{name}_{int(start):06d}", *plain, f"{name}_{start:g}", name, f"Y{name}"]


def _class_names(path: Path) -> dict[str, str]:
    """Class ids to names; empty where the table is not there."""
    if not path.is_file():
        return {}
    return {row[1]: row[2] for _, row in _rows(path) if len(row) >= 3}
