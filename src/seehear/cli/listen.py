"""`seehear listen new|plan|serve|report|import|export`: listening tests with the picture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seehear.cli.output import flatten, progress_bar, say, say_json, warn
from seehear.cli.parsing import parse, parse_some, pointer
from seehear.cli.second_word import run_second_word
from seehear.cli.stopping import stoppable
from seehear.errors import UsageError
from seehear.listen import options as told
from seehear.tasks import resolve


def run(verb: str, argv: list[str]) -> int:
    """Pick the second word."""
    return run_second_word(verb, ACTIONS, argv)


def new(argv: list[str]) -> int:
    """Make a test from folders of results, NAME=DIR for each version."""
    options, words = parse_some(told.NewOptions, argv, "listen new")
    versions = named_folders(words)
    function = resolve("seehear.listen.making:new_test")
    with (
        stoppable("nothing was written; run the same command again") as stop,
        progress_bar(options.quiet, stop.check) as progress,
    ):
        report = function(options, versions, progress)
    return show(report, options)


def plan(argv: list[str]) -> int:
    """Say how many participants a test needs for which difference."""
    options = parse(told.PlanOptions, argv, "listen plan")
    function = resolve("seehear.listen.planning:plan")
    with (
        stoppable("nothing was written") as stop,
        progress_bar(options.quiet, stop.check) as progress,
    ):
        made = function(options, progress)
    if options.json:
        say_json(made.as_json())
    else:
        for line in made.lines():
            say(line)
    return 0


def serve(argv: list[str]) -> int:
    """Serve a test to browsers until stopped."""
    options = parse(told.ServeOptions, argv, "listen serve")
    resolve("seehear.listen.server:serve")(options, say_now)
    return 0


def say_now(line: str) -> None:
    """One line on stdout that is seen before the command ends."""
    say(line)
    sys.stdout.flush()


def report(argv: list[str]) -> int:
    """Turn the answers into statistics, plots and a page."""
    return perform("report", "seehear.listen.report:report", told.ReportOptions, argv)


def import_(argv: list[str]) -> int:
    """Make a test from a webMUSHRA configuration and its results."""
    return perform("import", "seehear.listen.exchange:import_test", told.ImportOptions, argv)


def export(argv: list[str]) -> int:
    """Write a test and its answers for webMUSHRA."""
    return perform("export", "seehear.listen.exchange:export_test", told.ExportOptions, argv)


def perform(name: str, target: str, cls: type[Any], argv: list[str]) -> int:
    """Parse, run with progress and signals handled, and show what came back."""
    options = parse(cls, argv, f"listen {name}")
    function = resolve(target)
    with (
        stoppable("nothing was written; run the same command again") as stop,
        progress_bar(options.quiet, stop.check) as progress,
    ):
        made = function(options, progress)
    return show(made, options)


def show(made: Mapping[str, Any], console: Any) -> int:
    """Result on stdout, warnings on stderr; 3 when there are warnings."""
    warnings = made.get("warnings", ())
    if console.json:
        say_json(made)
    else:
        for key, value in flatten(dict(made)):
            if key != "warnings":
                say(f"{key}: {value}")
    for sentence in warnings:
        warn(sentence)
    return 3 if warnings else 0


def named_folders(words: list[str]) -> dict[str, Path]:
    """`NAME=DIR` words -> folders by name.

    Raises:
        UsageError: a word of another form, or a name twice.
    """
    folders: dict[str, Path] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        if not (name and equals and folder) or name.startswith("-"):
            raise UsageError(f"listen new expected NAME=DIR, got {word!r}; {pointer('listen new')}")
        if name in folders:
            raise UsageError(f"listen new was given the version {name!r} twice")
        folders[name] = Path(folder)
    if not folders:
        raise UsageError(f"listen new needs NAME=DIR for each version; {pointer('listen new')}")
    return folders


ACTIONS: dict[str, Callable[[list[str]], int]] = {
    "new": new,
    "plan": plan,
    "serve": serve,
    "report": report,
    "import": import_,
    "export": export,
}
