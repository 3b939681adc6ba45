"""`prepare`, `train`, `evaluate`: work on corpora rather than on one file.

What there is to prepare, to train and to evaluate stands in the tables of `seehear.tasks`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import tyro

from seehear.cli.output import flatten, progress_bar, say, say_json, warn
from seehear.cli.parsing import parse, parse_some, pointer
from seehear.cli.stopping import stoppable
from seehear.config import to_dict
from seehear.errors import UsageError
from seehear.tasks import TASKS, Action, resolve
from seehear.tasks.training_options import read_training


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """Train a model; add key=value for what should differ from the configuration.

    Args:
        config: TOML file with differences from the published values.
        json: print one JSON object on stdout.
        quiet: show no progress.
        debug: show a traceback when something fails.
    """

    config: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    json: bool = False
    quiet: bool = False
    debug: bool = False


def prepare(verb: str, argv: list[str]) -> int:
    """`seehear prepare RECIPE SOURCE -o DIR`."""
    recipes = {name: act for task in TASKS.values() for name, act in task.prepare.items()}
    name, action = pick(verb, argv, recipes)
    options = parse(resolve(action.options), argv[1:], f"{verb} {name}")
    return perform(
        action, options, options, "the corpus is not complete; run the same command again"
    )


def evaluate(verb: str, argv: list[str]) -> int:
    """`seehear evaluate TASK --manifest FILE -o DIR`."""
    judges = {name: task.evaluate for name, task in TASKS.items() if task.evaluate is not None}
    name, action = pick(verb, argv, judges)
    options = parse(resolve(action.options), argv[1:], f"{verb} {name}")
    return perform(action, options, options, "no summary was written")


def train(verb: str, argv: list[str]) -> int:
    """`seehear train TASK --config FILE [key=value ...]`."""
    trainers = {name: task.train for name, task in TASKS.items() if task.train is not None}
    name, action = pick(verb, argv, trainers)
    words = f"{verb} {name}"
    options, overrides = parse_some(TrainOptions, argv[1:], words)
    for item in overrides:
        if "=" not in item:
            raise UsageError(f"{words} expected key=value, got {item!r}; {pointer(words)}")
    config = read_training(action.options, options.config, overrides)
    return perform(action, config, options, "the same command goes on from the last state on disk")


def pick(verb: str, argv: list[str], table: Mapping[str, Action]) -> tuple[str, Action]:
    """Row of the second word.

    Raises:
        UsageError: it is missing or unknown; the message lists what there is.
        SystemExit: with code 0 after the list was asked for.
    """
    if argv and argv[0] in ("-h", "--help"):
        for name, action in table.items():
            say(f"seehear {verb} {name}: {action.summary}")
        raise SystemExit(0)
    if not argv or argv[0] not in table:
        got = f", not {argv[0]!r}" if argv else ""
        raise UsageError(f"{verb} takes one of {', '.join(table)}{got}; {pointer(verb)}")
    return argv[0], table[argv[0]]


def perform(action: Action, told: Any, console: Any, advice: str) -> int:
    """Run an action with progress and signals handled, then report.

    Args:
        action: what to run.
        told: its options or its configuration.
        console: has `json` and `quiet`.
        advice: what the user can do after an interruption.

    Returns:
        Exit code: 3 when the action's report has `warnings`.
    """
    with stoppable(advice) as stop, progress_bar(console.quiet, stop.check) as progress:
        made = resolve(action.run)(told, progress)
    report = dict(made) if isinstance(made, Mapping) else to_dict(made)
    warnings = report.get("warnings", ())
    if console.json:
        say_json(report)
    else:
        for key, value in flatten(report):
            if key != "warnings":
                say(f"{key}: {value}")
    for sentence in warnings:
        warn(sentence)
    return 3 if warnings else 0
