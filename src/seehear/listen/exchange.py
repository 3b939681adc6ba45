"""`seehear listen import` and `export`: tests and answers from and to webMUSHRA."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import soundfile

from seehear.errors import ConfigError, InputError, OutputError
from seehear.listen.answers import CSV_NAME, DATABASE, csv_text, read_answers, read_csv
from seehear.listen.config import KINDS, ListeningTest, Role, Version, read_test, write_test
from seehear.listen.design import counting_trials
from seehear.listen.making import (
    assemble,
    check_folder,
    complete_folder,
    summary,
    write_clips,
)
from seehear.listen.matching import Match, refuse
from seehear.listen.options import ExportOptions, ImportOptions, NewOptions
from seehear.listen.sounds import RATE, read_sound
from seehear.listen.webmushra import Foreign, foreign_yaml, read_foreign
from seehear.listen.webmushra_results import FILE_OF, page_type, read_results, results_text

Progress = Callable[[float, float, str], None]
CONFIGS, RESOURCES, RESULTS = "configs", "resources", "results"


def import_test(options: ImportOptions, progress: Progress) -> dict[str, Any]:
    """Make a test of a webMUSHRA configuration, with its answers where result files are given.

    Sounds are taken as they are: no level is matched.

    Raises:
        ConfigError: the file says something that cannot be a test here.
        InputError: sounds or answers that do not fit; all missing files are listed.
        OutputError: the folder exists or cannot be written.
    """
    foreign = read_foreign(options.config, options.type)
    check_folder(options.output, options.force)
    making = making_options(options, foreign)
    cast_ = versions_of(foreign)
    warnings = unsaid(foreign)
    matches = clips_of(options, foreign)
    with complete_folder(options.output) as folder:
        trials = write_clips(making, matches, cast_, folder, progress, warnings)
        test = taken_over(assemble(making, cast_, trials, "", set()), foreign)
        write_test(folder, test)
        answers = 0
        if options.results:
            read = read_results(options.results, foreign)
            path = folder / CSV_NAME
            path.write_text(csv_text(read), encoding="utf-8")
            answers = len(read_csv(path, test).rows)
    return {**summary(options.output, test, warnings), "answers": answers}


def making_options(options: ImportOptions, foreign: Foreign) -> NewOptions:
    """The same test as `listen new` would be told.

    Raises:
        ConfigError: the file names a kind that there is not.
    """
    if foreign.kind not in KINDS:
        raise ConfigError(
            f"{options.config} names the kind {foreign.kind!r}, which is none of ours"
        )
    made = foreign.pages[0].made
    anchors: Literal["both", "low", "none"] = "both" if len(made) > 1 else "low" if made else "none"
    return NewOptions(
        kind=foreign.kind,
        output=options.output,
        reference=foreign.pages[0].reference if foreign.kind == "mushra" else "",
        level_match="off",
        anchors=anchors,
        no_preference="yes" if foreign.no_preference else "no",
        together=foreign.type == "likert_multi_stimulus",
        practice="none",
        title=foreign.title,
        question=foreign.question,
    )


def versions_of(foreign: Foreign) -> tuple[Version, ...]:
    """Versions with their roles; a page's reference and low-passed conditions have theirs."""
    reference = foreign.pages[0].reference if foreign.kind != "pairwise" else ""
    if foreign.kind == "pairwise" and not foreign.roles:
        reference = foreign.pages[0].reference  # in files of others it is the same on all pages
    usual: dict[str, Role] = {reference: "reference"} if reference else {}
    roles = {**usual, **cast(dict[str, Role], foreign.roles)}
    versions = [Version(name, roles.get(name, "version")) for name in foreign.names]
    made = [Version(name, "anchor", "low-pass") for name in foreign.pages[0].made]
    return (*versions, *made)


def unsaid(foreign: Foreign) -> list[str]:
    """Warnings about what a test here does otherwise."""
    if foreign.kind == "pairwise" and not foreign.roles and len(foreign.names) > 2:
        return [
            "webMUSHRA compares every condition with the reference only; this test will also ask "
            "for the other pairs"
        ]
    return []


def clips_of(options: ImportOptions, foreign: Foreign) -> list[Match]:
    """Files of every clip, found from the places that the file's paths may start from.

    Raises:
        InputError: files that are not there, or a clip without one of the versions.
    """
    folder = options.config.resolve().parent
    roots = [options.media] if options.media else [folder, folder.parent, folder.parent.parent]
    problems: list[str] = []
    files: dict[str, dict[str, Path]] = {}
    for page in foreign.pages:
        clip = files.setdefault(page.clip, {})
        for name, path in page.files.items():
            found = [root / path for root in roots if (root / path).is_file()]
            if found:
                clip[name] = found[0]
            else:
                problems.append(f"{path} of page {page.id} is not there")
    for clip_id, named in files.items():
        lacking = [name for name in foreign.names if name not in named]
        if lacking and not problems:
            problems.append(f"{clip_id} has no {' and no '.join(lacking)}")
    refuse(problems)
    return [
        Match(clip, clip, {name: named[name] for name in foreign.names})
        for clip, named in files.items()
    ]


def taken_over(test: ListeningTest, foreign: Foreign) -> ListeningTest:
    """The test with the scale and the questions of the file."""
    scale = foreign.scale() if foreign.type.startswith("likert") else test.scale
    return replace(test, scale=scale, asks=foreign.asks)


def export_test(options: ExportOptions, progress: Progress) -> dict[str, Any]:
    """Write a test as webMUSHRA wants it: copy the folder over its own.

        DIR/configs/TEST.yaml               the configuration (?config=TEST.yaml)
        DIR/configs/resources/TEST/...      sounds as WAV
        DIR/results/TEST/*.csv              answers, if there are any

    Raises:
        InputError: the folder is no test, or its sounds cannot be read.
        OutputError: the output exists or cannot be written.
    """
    test = read_test(options.test)
    check_export(options.output, options.force)
    test_id = re.sub(r"[^a-z0-9_]+", "-", options.test.resolve().name.lower()).strip("-") or "test"
    warnings = ["webMUSHRA plays no picture"] if any(t.picture for t in test.trials) else []
    if test.kind == "pairwise":
        warnings.append("webMUSHRA shows the first of each pair as an open reference as well")
    with complete_folder(options.output) as folder:
        files = write_sounds(options.test, test, folder, test_id, progress)
        config = folder / CONFIGS / f"{test_id}.yaml"
        config.write_text(foreign_yaml(test, test_id, files), encoding="utf-8")
        rows = write_results(options.test, test, folder, test_id)
    return {
        "folder": str(options.output),
        "config": str(options.output / CONFIGS / config.name),
        "sounds": sum(len(paths) for paths in files.values()),
        "answers": rows,
        "warnings": warnings,
    }


def check_export(output: Path, force: bool) -> None:
    """Refuse a folder that must not be written.

    Raises:
        OutputError: it exists (or is no export, even with force), or its parent does not.
    """
    if not output.parent.is_dir():
        raise OutputError(f"the folder {str(output.parent)!r} does not exist; make it first")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not force:
        raise OutputError(f"{str(output)!r} exists already; add --force to replace it")
    if not (output / CONFIGS).is_dir():
        raise OutputError(f"{str(output)!r} exists and is not an export; choose another name")


def write_sounds(
    source: Path, test: ListeningTest, folder: Path, test_id: str, progress: Progress
) -> dict[str, dict[str, str]]:
    """Sounds as WAV, 16 bit; clip -> version -> path relative to webMUSHRA's root."""
    files: dict[str, dict[str, str]] = {}
    trials = counting_trials(test)
    for number, trial in enumerate(trials):
        progress(number, len(trials), trial.id)
        place = Path(CONFIGS, RESOURCES, test_id, trial.id)
        (folder / place).mkdir(parents=True)
        files[trial.id] = {}
        for name in test.names:
            path = place / f"{name.replace(' ', '_')}.wav"
            if path.as_posix() in files[trial.id].values():
                raise InputError(f"{name!r} and another version would share the file {path.name}")
            waveform = read_sound(source / trial.sounds[name]).waveform
            soundfile.write(folder / path, waveform.numpy().T, RATE, subtype="PCM_16")
            files[trial.id][name] = path.as_posix()
    return files


def write_results(source: Path, test: ListeningTest, folder: Path, test_id: str) -> int:
    """Answers as a result file; returns how many there are."""
    if not any((source / name).is_file() for name in (DATABASE, CSV_NAME)):
        return 0
    answers = read_answers(source, test)
    kind = page_type(test)
    place = folder / RESULTS / test_id
    place.mkdir(parents=True)
    text = results_text(test, answers, test_id, kind)
    (place / FILE_OF[kind]).write_text(text, encoding="utf-8")
    return len(answers.rows)
