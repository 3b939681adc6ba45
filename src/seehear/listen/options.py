"""What `seehear listen ...` can be told. Nothing heavy is imported here."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seehear.errors import UsageError

Kind = Literal["ranking", "pairwise", "mos-quality", "mos-alignment", "mushra"]
TestFolder = tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="TEST")]]
OutputFolder = Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="DIR")]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewOptions:
    """Make a listening test from folders of results: NAME=DIR for each version.

    Args:
        kind: what is asked of listeners.
        output: folder of the test.
        reference: name of the version that is the truth (mushra needs one).
        picture: folder of videos for versions that are sound alone; their own sound is not used.
        clips: take only this many clips, drawn by the seed; 0 takes all.
        level_match: loudness of every sound, LUFS, or off.
        sound: flac is exact (4 to 7 MB a minute and version), opus takes about 1 MB.
        anchors: names of the low-passed anchors of mushra, 3.5 and 7 kHz, or none.
        no_preference: whether pairwise offers "no preference".
        together: MOS: all versions of a clip on one page instead of one a page.
        practice: clip of the practice page by file name, auto, or none.
        title: heading of the pages.
        question: what every page asks, in your own words.
        seed: decides drawn clips, orders and names of media files.
        height: pixels; larger pictures are made smaller.
        force: replace a test that is there, answers included.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.
    """

    kind: tyro.conf.Positional[Annotated[Kind, tyro.conf.arg(metavar="KIND")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="TEST")]
    reference: Annotated[str, tyro.conf.arg(metavar="NAME")] = ""
    picture: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    clips: int = 0
    level_match: Annotated[str, tyro.conf.arg(metavar="LUFS|off")] = "-23"
    sound: Literal["flac", "opus"] = "flac"
    anchors: Literal["both", "low", "none"] = "both"
    no_preference: Literal["yes", "no"] = "yes"
    together: bool = False
    practice: Annotated[str, tyro.conf.arg(metavar="FILE|auto|none")] = "auto"
    title: str = ""
    question: str = ""
    seed: int = 0
    height: int = 720
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if self.clips < 0:
            raise UsageError(f"--clips is a number of clips, or 0 for all, not {self.clips}")
        if self.height < 64:
            raise UsageError(f"--height is at least 64 pixels, not {self.height}")
        self.level_match_lufs()

    def level_match_lufs(self) -> float | None:
        """Wanted loudness, None for off.

        Raises:
            UsageError: neither a loudness from -60 to -5 LUFS nor off.
        """
        if self.level_match == "off":
            return None
        try:
            loudness = float(self.level_match)
        except ValueError:
            loudness = 0.0
        if not -60 <= loudness <= -5:
            raise UsageError(
                f"--level-match is a loudness from -60 to -5 LUFS, or off, not {self.level_match!r}"
            )
        return loudness


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """Say how many participants a test needs for which difference, by simulation.

    Args:
        test: folder of a test, or a kind for one that is not made yet.
        versions: number of versions, when a kind is given.
        clips: number of clips, when a kind is given.
        effects: true differences to look at: points on the scale (mos, mushra), or the share of
            listeners who prefer the better one of two (ranking, pairwise).
        participants: numbers of participants to look at.
        power: share of repeated tests that should find the difference.
        alpha: level of significance.
        runs: simulated tests for each figure.
        seed: random seed.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.
    """

    test: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="TEST|KIND")]]
    versions: int = 4
    clips: int = 10
    effects: tuple[float, ...] = ()
    participants: tuple[int, ...] = (5, 10, 15, 20, 30, 40)
    power: float = 0.8
    alpha: float = 0.05
    runs: int = 1000
    seed: int = 0
    json: bool = False
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.power < 1 or not 0 < self.alpha < 1:
            raise UsageError("--power and --alpha lie between 0 and 1")
        if self.runs < 1 or any(n < 2 for n in self.participants) or not self.participants:
            raise UsageError("--runs is at least 1, and --participants are numbers from 2")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Serve a listening test to browsers until stopped.

    Args:
        test: folder of the test.
        host: address to listen on; the default is reached from this machine only.
        port: TCP port.
        password: word for the page of progress; one is drawn and printed if none is given.
        quiet: say nothing about requests.
        debug: show a traceback when something fails.
    """

    test: TestFolder
    host: str = "127.0.0.1"
    port: int = 8080
    password: str = ""
    quiet: bool = False
    debug: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise UsageError(f"--port is 0 to 65535, not {self.port}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """Turn the answers of a test into statistics, plots and a page.

    Args:
        test: folder of the test.
        output: folder of the report.
        answers: read answers from this CSV file instead of the test's own.
        seed: random seed of the bootstrap.
        force: overwrite a report that is there.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.
    """

    test: TestFolder
    output: OutputFolder
    answers: Annotated[Path | None, tyro.conf.arg(metavar="CSV")] = None
    seed: int = 0
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Turn a webMUSHRA configuration, and results if you have them, into a test of this project.

    Args:
        config: webMUSHRA's YAML file; its sounds are looked for beside it.
        output: folder of the test.
        type: page type to take (mushra, paired_comparison, ...), when the file holds several.
        media: folder that the file's paths start from, if it is not the folder of the file.
        results: webMUSHRA's CSV files (mushra, paired_comparison, lss).
        force: replace a test that is there, answers included.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.
    """

    config: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="YAML")]]
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"], metavar="TEST")]
    type: Annotated[str, tyro.conf.arg(metavar="TYPE")] = ""
    media: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    results: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="CSV")] = ()
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Write a test as a webMUSHRA configuration with its sounds, and its answers as result files.

    Args:
        test: folder of the test.
        output: folder to write.
        force: overwrite an export that is there.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.
    """

    test: TestFolder
    output: OutputFolder
    force: bool = False
    json: bool = False
    quiet: bool = False
    debug: bool = False
