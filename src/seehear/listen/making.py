"""`seehear listen new`: folders of results -> a folder with everything that a test needs.

    match ─ files of all versions by name; lengths and pictures compared       listen/matching
    level ─ stereo, 48 kHz, one length, one loudness, anchors                  listen/sounds
    write ─ one picture, one sound for each version under a name without sense listen/proxies
    say   ─ `test.toml`: what is asked, of what, in which order                listen/config

The folder appears under its name only when it is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seehear.errors import ConfigError, OutputError, UsageError
from seehear.listen.config import (
    CONFIG_NAME,
    ListeningTest,
    Screening,
    Trial,
    Version,
    check_versions,
    write_test,
)
from seehear.listen.design import noise, order_for
from seehear.listen.options import NewOptions
from seehear.listen.wording import CONSENT, QUESTIONS, TITLES, instructions, scale_of

Progress = Callable[[float, float, str], None]
SECONDS_A_VERSION = 1.6
"""Time on a page: every version is heard about one and a half times its length."""
SECONDS_A_PAGE = 5.0


def new_test(
    options: NewOptions, versions: Mapping[str, Path], progress: Progress
) -> dict[str, Any]:
    """Make a test.

    Args:
        options: what is asked and how.
        versions: name -> folder of its files (or one file each).
        progress: told how far it is.

    Returns:
        What was made: folder, numbers, estimated minutes, bytes, warnings.

    Raises:
        UsageError: options that do not go together.
        InputError: files that do not match; the message lists all of them.
        OutputError: the folder exists or cannot be written.
    """
    from seehear.listen.matching import draw, match_files, refuse, with_pictures

    cast = versions_of(options, versions)
    check_folder(options.output, options.force)
    matches, problems = match_files(versions)
    if options.picture is not None:
        matches = with_pictures(matches, options.picture, problems)
    refuse(problems)
    taken, left = draw(matches, options.clips, options.seed)
    practice, extra = choose_practice(options, taken, left)
    warnings: list[str] = []
    with complete_folder(options.output) as folder:
        trials = write_clips(options, [*taken, *extra], cast, folder, progress, warnings)
        spare = {match.id for match in extra}
        test = assemble(options, cast, trials, practice, spare)
        write_test(folder, test)
    return summary(options.output, test, warnings)


def versions_of(options: NewOptions, folders: Mapping[str, Path]) -> tuple[Version, ...]:
    """Versions with their roles, anchors added.

    Raises:
        UsageError: an unknown reference, mushra without one, a name that cannot be one.
    """
    from seehear.listen.sounds import ANCHORS

    if options.reference and options.reference not in folders:
        raise UsageError(
            f"--reference {options.reference!r} is none of the versions {', '.join(folders)}"
        )
    if options.kind == "mushra" and not options.reference:
        raise UsageError("mushra compares with the truth: say which version it is by --reference")
    cast = [
        Version(name, "reference" if name == options.reference else "version", str(folder))
        for name, folder in folders.items()
    ]
    if options.kind == "mushra" and options.anchors != "none":
        names = list(ANCHORS)[: 1 if options.anchors == "low" else 2]
        cast += [Version(name, "anchor", f"low-pass {ANCHORS[name]:g} Hz") for name in names]
    try:
        check_versions(options.kind, tuple(cast))
    except ConfigError as error:
        raise UsageError(str(error)) from error
    return tuple(cast)


def choose_practice(
    options: NewOptions, taken: Sequence[Any], left: Sequence[Any]
) -> tuple[str, list[Any]]:
    """Clip of the practice page, and a clip that is made for it alone.

    `auto` takes a clip that was not drawn for the test; if all were, the first of the test, which
    then comes again.

    Raises:
        UsageError: no clip has the name given.
    """
    if options.practice == "none":
        return "", []
    if options.practice == "auto":
        return (left[0].id, [left[0]]) if left else (taken[0].id, [])
    wanted = Path(options.practice).stem
    for match in (*taken, *left):
        if wanted in (match.source, match.id):
            return match.id, [match] if match in left else []
    raise UsageError(f"--practice {options.practice!r} is the name of none of the clips")


def write_clips(
    options: NewOptions,
    matches: Sequence[Any],
    cast: Sequence[Version],
    folder: Path,
    progress: Progress,
    warnings: list[str],
) -> list[Trial]:
    """Read every clip and write its proxies; problems of all clips are said at the end."""
    from seehear.listen.matching import read_clip, refuse

    problems: list[str] = []
    trials = []
    for number, match in enumerate(matches):
        progress(number, len(matches), match.source)
        clip = read_clip(match, problems)
        if clip is not None and not problems:  # after a problem the rest is only looked at
            trials.append(write_clip(options, clip, cast, folder, warnings))
    refuse(problems)
    return trials


def write_clip(
    options: NewOptions, clip: Any, cast: Sequence[Version], folder: Path, warnings: list[str]
) -> Trial:
    """Write picture, poster and sounds of one clip."""
    from seehear.listen.proxies import SUFFIX, write_picture, write_sound
    from seehear.listen.sounds import RATE, amplified, matched_gains, ready, with_anchors

    place = folder / "media" / clip.match.id
    place.mkdir(parents=True)
    sounds = {name: ready(sound, clip.seconds) for name, sound in clip.sounds.items()}
    missing = [version.name for version in cast if version.name not in sounds]
    if missing:  # anchors; an imported test may bring its own
        sounds = with_anchors(sounds, options.reference, missing)
    gains = matched_gains(sounds, options.level_match_lufs())
    paths = {}
    for name, waveform in sounds.items():
        if not waveform.any():
            warnings.append(f"{clip.match.source} of {name} is silent")
        stem = opaque_name(options.seed, clip.match.id, name)
        path = place / f"{stem}.{SUFFIX[options.sound]}"
        write_sound(path, amplified(waveform, gains[name]), noise(options.seed, "dither", stem))
        paths[name] = path.relative_to(folder).as_posix()
    seconds = round(clip.seconds * RATE) / RATE
    picture = poster = ""
    if clip.picture is not None:
        picture, poster = (f"media/{clip.match.id}/{n}" for n in ("picture.mp4", "poster.jpg"))
        write_picture(clip.picture, folder / picture, folder / poster, seconds, options.height)
    rounded = {name: round(gain, 2) for name, gain in gains.items()}
    return Trial(clip.match.id, seconds, paths, picture, poster, rounded, clip.match.source)


def opaque_name(seed: int, clip: str, version: str) -> str:
    """Media name that says nothing about the version, another one for every clip."""
    return hashlib.sha256(f"{noise(seed, 'name', clip, version)}".encode()).hexdigest()[:12]


def assemble(
    options: NewOptions,
    cast: tuple[Version, ...],
    trials: Sequence[Trial],
    practice: str,
    spare: set[str],
) -> ListeningTest:
    """The test with the words of its kind."""
    from dataclasses import replace

    kind = options.kind
    marked = tuple(replace(trial, counts=trial.id not in spare) for trial in trials)
    test = ListeningTest(
        kind=kind,
        title=options.title or TITLES[kind],
        question=options.question or QUESTIONS[kind],
        instructions="",
        consent=CONSENT,
        versions=cast,
        trials=marked,
        scale=scale_of(kind, len(cast)),
        no_preference=options.no_preference == "yes",
        one_at_a_time=not options.together,
        practice=practice,
        # On a scale of five steps the truth need not get the highest one.
        screening=Screening(reference_below=90.0 if kind == "mushra" else 60.0),
        seed=options.seed,
        level_match_lufs=options.level_match_lufs(),
    )
    return replace(test, instructions=instructions(kind, minutes_of(test)))


def minutes_of(test: ListeningTest) -> int:
    """About how long one participant takes."""
    pages = order_for(test, 0)
    heard = sum(len(page.versions) * page.trial.seconds * SECONDS_A_VERSION for page in pages)
    return max(math.ceil((heard + SECONDS_A_PAGE * len(pages)) / 60), 1)


def summary(output: Path, test: ListeningTest, warnings: list[str]) -> dict[str, Any]:
    """What was made, for people and machines."""
    media = [path for path in (output / "media").rglob("*") if path.is_file()]
    return {
        "test": str(output),
        "config": str(output / CONFIG_NAME),
        "kind": test.kind,
        "versions": list(test.names),
        "clips": sum(trial.counts for trial in test.trials),
        "pages": len(order_for(test, 0)),
        "minutes": minutes_of(test),
        "media_bytes": sum(path.stat().st_size for path in media),
        "warnings": warnings,
    }


def check_folder(output: Path, force: bool) -> None:
    """Refuse a folder that must not be written.

    Raises:
        OutputError: it exists (or is no test, even with force), or its parent does not.
    """
    if not output.parent.is_dir():
        raise OutputError(f"the folder {str(output.parent)!r} does not exist; make it first")
    if not output.exists():
        return
    if output.is_dir() and not any(output.iterdir()):
        return
    if not (output / CONFIG_NAME).is_file():
        raise OutputError(
            f"{str(output)!r} exists and is not a listening test; choose another name"
        )
    if not force:
        raise OutputError(
            f"{str(output)!r} exists already; add --force to replace it and all answers in it"
        )


@contextlib.contextmanager
def complete_folder(output: Path) -> Iterator[Path]:
    """A folder beside `output` that takes its name when the block is done, and goes otherwise.

    Raises:
        OutputError: it cannot be made.
    """
    part = output.with_name(output.name + ".seehear-part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
    except OSError as error:
        raise OutputError(f"cannot make {str(part)!r}: {error.strerror}") from error
    try:
        yield part
        old = output.with_name(output.name + ".seehear-old")
        shutil.rmtree(old, ignore_errors=True)
        if output.exists():
            output.rename(old)
        part.rename(output)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write {str(output)!r}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
