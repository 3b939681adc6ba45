"""Which files of the versions' folders belong together, and why some do not.

Files match by name without suffix, so that `street.mp4` in one folder meets `street.wav` in
another. Everything that is wrong is collected and said in one go: nobody wants to find the next
missing file after every run.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from seehear.errors import InputError, UsageError
from seehear.listen.design import noise
from seehear.listen.sounds import Sound, read_sound
from seehear.media.codecs import CONTAINERS, SOUND_FILES
from seehear.media.opening import open_input
from seehear.media.probe import probe
from seehear.media.read import FrameStream, picture_stream

SUFFIXES = {*CONTAINERS, *SOUND_FILES}
LENGTH_TOLERANCE_S = 0.1
"""Codecs round lengths up to whole frames: 64 ms for AAC at 16 kHz, the longest in use."""
LOOKS = 8
LOOK_SIZE = (32, 32)
LOOK_TOLERANCE = 10.0
"""Mean difference of small frames, in steps of 255: coding stays under 5, other scenes go over 20."""
PICTURE = "--picture"
SAID = 20
"""Problems that a message lists; more are counted."""


@dataclass(frozen=True)
class Match:
    """One clip with a file of every version.

    Args:
        id: lower-case name, as in `config.Trial.id`.
        source: name without suffix that the files have in common.
        files: version -> file.
        picture: file whose picture is shown; None takes that of the first version that has one.
    """

    id: str
    source: str
    files: dict[str, Path]
    picture: Path | None = None


@dataclass(frozen=True)
class Clip:
    """A clip whose versions were read and fit together.

    Args:
        match: the files.
        sounds: version -> its sound at its own rate, beginning with the clip.
        seconds: length that all versions have.
        picture: file whose picture is shown, None for sound alone.
    """

    match: Match
    sounds: dict[str, Sound]
    seconds: float
    picture: Path | None


def match_files(versions: Mapping[str, Path]) -> tuple[list[Match], list[str]]:
    """Match the files of all versions by name.

    Args:
        versions: name -> folder; or name -> file for a test of one clip.

    Returns:
        Complete matches in order of name, and sentences about files that have no partner.

    Raises:
        InputError: a folder does not exist or holds no media file.
        UsageError: folders and files mixed, or one folder twice.
    """
    real = [path.resolve() for path in versions.values()]
    for name, path in versions.items():
        if real.count(path.resolve()) > 1:
            raise UsageError(f"version {name!r} has the same place as another, {str(path)!r}")
    if all(path.is_file() for path in versions.values()):
        first = next(iter(versions.values())).stem
        return [Match(clip_id(first, set()), first, dict(versions))], []
    problems: list[str] = []
    found = {name: media_files(name, folder, problems) for name, folder in versions.items()}
    matches, taken = [], set[str]()
    for stem in sorted(set().union(*found.values())):
        lacking = [name for name in versions if stem not in found[name]]
        if lacking:
            have = next(files[stem] for files in found.values() if stem in files)
            problems.append(f"{have.name} is missing in {' and '.join(lacking)}")
            continue
        matches.append(Match(clip_id(stem, taken), stem, {n: found[n][stem] for n in versions}))
        taken.add(matches[-1].id)
    return matches, problems


def with_pictures(matches: Sequence[Match], folder: Path, problems: list[str]) -> list[Match]:
    """The same clips with pictures from a folder (or one file), found by name.

    Args:
        matches: clips.
        folder: where the pictures are.
        problems: clips without a picture are added here.

    Raises:
        InputError: the folder does not exist or holds no media file.
    """
    if folder.is_file():
        return [replace(match, picture=folder) for match in matches]
    found = media_files(PICTURE, folder, problems)
    lacking = [match.source for match in matches if match.source not in found]
    problems += [f"{source} is missing in {folder.name}" for source in lacking]
    return [replace(match, picture=found.get(match.source)) for match in matches]


def media_files(name: str, folder: Path, problems: list[str]) -> dict[str, Path]:
    """Media files of a folder by name without suffix.

    Raises:
        InputError: no folder, or no media file in it.
    """
    if not folder.is_dir():
        raise InputError(
            f"version {name!r} expected a folder at {str(folder)!r}, which is not there"
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            problems.append(f"{name} has both {found[path.stem].name} and {path.name}")
        found[path.stem] = path
    if not found:
        raise InputError(f"version {name!r} has no video or sound file in {str(folder)!r}")
    return found


def clip_id(stem: str, taken: set[str]) -> str:
    """Name of a clip for folders and tables.

    >>> clip_id("Éclair No. 3", {"clair-no-3"})
    'clair-no-3-2'
    """
    plain = re.sub(r"[^a-z0-9_]+", "-", stem.lower()).strip("-_")[:60] or "clip"
    plain = f"clip-{plain}" if plain == "practice" else plain
    number, name = 2, plain
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name


def draw(matches: Sequence[Match], count: int, seed: int) -> tuple[list[Match], list[Match]]:
    """Draw clips by the seed; those taken keep their order.

    Returns:
        Clips taken, and clips left.

    Raises:
        UsageError: fewer clips than wanted.
    """
    if not count:
        return list(matches), []
    if count > len(matches):
        raise UsageError(f"--clips {count} asks for more than the {len(matches)} clips there are")
    drawn = random.Random(noise(seed, "draw"))
    taken = set(drawn.sample(range(len(matches)), count))
    left = [match for i, match in enumerate(matches) if i not in taken]
    drawn.shuffle(left)
    return [match for i, match in enumerate(matches) if i in taken], left


def read_clip(match: Match, problems: list[str]) -> Clip | None:
    """Read all sounds of a clip and compare lengths and pictures.

    Args:
        match: files of the clip.
        problems: sentences are added here.

    Returns:
        The clip, None after a problem.
    """
    before = len(problems)
    pictures = {} if match.picture is None else {PICTURE: match.picture}
    if match.picture is not None and probe(match.picture).video is None:
        problems.append(f"{match.picture.name} of {PICTURE} has no picture")
        return None
    sounds = {}
    for name, path in match.files.items():
        try:
            info = probe(path)
            if info.video is not None:
                pictures[name] = path
            if not info.audio:
                problems.append(f"{match.source} of {name} has no sound")
                continue
            sounds[name] = read_sound(path)
        except InputError as error:
            problems.append(f"{match.source} of {name} cannot be used: {error}")
    if len(problems) > before:
        return None
    align(sounds)
    lengths = {name: sound.seconds for name, sound in sounds.items()}
    if max(lengths.values()) - min(lengths.values()) > LENGTH_TOLERANCE_S:
        said = ", ".join(f"{seconds:.2f} s in {name}" for name, seconds in lengths.items())
        problems.append(f"{match.source} has different lengths: {said}")
    compare_pictures(match, pictures, problems)
    if len(problems) > before:
        return None
    picture = next(iter(pictures.values()), None)
    return Clip(match, sounds, min(lengths.values()), picture)


def align(sounds: dict[str, Sound]) -> None:
    """Let every sound begin where the picture does.

    A sound file without a picture begins where the sound beside the picture begins.
    """
    delays = [sound.delay_s for sound in sounds.values() if sound.delay_s is not None]
    usual = delays[0] if delays else 0.0
    for name, sound in sounds.items():
        sounds[name] = sound.begun(usual if sound.delay_s is None else sound.delay_s)


def compare_pictures(match: Match, pictures: Mapping[str, Path], problems: list[str]) -> None:
    """Check that all versions with a picture have the same one.

    Copied pictures have the same packets; others must look the same at `LOOKS` moments.
    """
    names = list(pictures)
    if len(names) < 2:
        return
    first, *others = names
    digest = packets_digest(pictures[first])
    for name in others:
        if packets_digest(pictures[name]) == digest:
            continue
        apart = difference(pictures[first], pictures[name])
        if apart > LOOK_TOLERANCE:
            problems.append(f"{match.source} has different pictures in {first} and {name}")


def packets_digest(path: Path) -> str:
    """Hash of the packets of a picture, without container and time stamps."""
    digest = hashlib.sha256()
    with open_input(path) as container:
        stream = picture_stream(container)
        for packet in container.demux(stream):
            if packet.size:
                digest.update(packet)
    return digest.hexdigest()


def difference(one: Path, other: Path) -> float:
    """Largest mean difference of small frames at the same moments of two files, 0 to 255."""
    seconds = min(filter(None, (picture_seconds(one), picture_seconds(other))), default=0.0)
    moments = [(i + 0.5) * seconds / LOOKS for i in range(LOOKS)]
    looks = [looks_of(path, moments) for path in (one, other)]
    return float(np.abs(looks[0] - looks[1]).mean(axis=(1, 2, 3)).max())


def picture_seconds(path: Path) -> float | None:
    """Length of a picture as its file says."""
    info = probe(path)
    return (info.video.duration_s if info.video else None) or info.duration_s


def looks_of(path: Path, moments: list[float]) -> np.ndarray:
    """Small frames at seconds after the first frame, float64 [N, 3, H, W]."""
    info = probe(path)
    begin = (info.video.start_s if info.video else None) or 0.0
    stream = FrameStream(path, LOOK_SIZE, begin)
    try:
        return stream.at([begin + moment for moment in moments]).double().numpy()
    finally:
        stream.close()


def refuse(problems: Sequence[str]) -> None:
    """Say everything that is wrong, in one go.

    Raises:
        InputError: there is something.
    """
    if not problems:
        return
    said = "; ".join(problems[:SAID])
    more = f"; and {len(problems) - SAID} more" if len(problems) > SAID else ""
    raise InputError(
        f"the versions do not match ({len(problems)} problem{'s' * (len(problems) > 1)}): "
        f"{said}{more}; mend or remove these files"
    )
