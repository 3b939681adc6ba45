"""Table of verbs, and the page that `seehear --help` prints from it.

It must answer at once: nothing beyond the standard library is imported here.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from seehear.tasks import TASKS


@dataclass(frozen=True)
class Verb:
    """One verb.

    Args:
        usage: the words after it, as shown in the help.
        summary: one line for people.
        run: `module:name` of a function (verb, arguments) -> exit code.
    """

    usage: str
    summary: str
    run: str


VERBS: dict[str, Verb] = {
    **{
        name: Verb("INPUT -o OUT [options]", task.job.summary, "seehear.cli.jobs:run_job")
        for name, task in TASKS.items()
    },
    "prepare": Verb(
        "RECIPE SOURCE -o DIR", "build a corpus from your copy", "seehear.cli.corpora:prepare"
    ),
    "train": Verb(
        "TASK --config FILE [key=value ...]", "train a model", "seehear.cli.corpora:train"
    ),
    "evaluate": Verb(
        "TASK --manifest FILE [--model ID] -o DIR",
        "score a model on a manifest",
        "seehear.cli.corpora:evaluate",
    ),
    "models": Verb(
        "list|show|fetch|verify|import|assemble ...",
        "which models there are and where",
        "seehear.cli.models:run",
    ),
    "listen": Verb(
        "new|plan|serve|report|import|export ...",
        "listening tests with the picture",
        "seehear.cli.listen:run",
    ),
    "inspect": Verb(
        "FILE", "what is in a file and what would be done with it", "seehear.cli.inspect:run"
    ),
    "doctor": Verb("", "whether this machine is ready", "seehear.cli.doctor:run"),
    "replay": Verb("RECEIPT -o OUT", "do a recorded run again", "seehear.cli.jobs:replay"),
}


def help_page() -> str:
    """Text of `seehear --help`."""
    calls = [(f"{name} {verb.usage}".rstrip(), verb.summary) for name, verb in VERBS.items()]
    width = max(len(call) for call, _ in calls)
    lines = [
        "usage: seehear VERB ...",
        "",
        "Look at a video and make its sound right.",
        "",
        *(f"  {call.ljust(width)}  {summary}" for call, summary in calls),
        "",
        "  seehear VERB --help      options of one verb",
        "  seehear --version        version",
        "",
        "Exit codes: 0 done, 1 failed, 2 wrong use, 3 done with a warning, 130 interrupted.",
    ]
    return "\n".join(lines) + "\n"


def print_help() -> int:
    """Show the page."""
    sys.stdout.write(help_page())
    return 0
