"""Entry point of the command line: verbs, exit codes, one-sentence errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from seehear.errors import SeehearError, UsageError


def main(argv: Sequence[str]) -> int:
    """Run one verb and return its exit code."""
    if not argv or argv[0] != "highlight":
        raise UsageError("the first word must be a verb: highlight")
    import tyro

    from seehear.tasks import TASKS, resolve

    job = TASKS["highlight"].job
    options = tyro.cli(
        resolve(job.options),
        prog="seehear highlight",
        args=list(argv[1:]),
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    result = resolve(job.run)(options, None)
    for sentence in result.warnings:
        sys.stderr.write(f"seehear: warning: {sentence}\n")
    if options.json:
        sys.stdout.write(json.dumps(result.record) + "\n")
    return 3 if result.warnings else 0


def run() -> None:
    """Console script."""
    try:
        code = main(sys.argv[1:])
    except SeehearError as error:
        if "--debug" in sys.argv:
            raise
        sys.stderr.write(f"seehear: {error}\n")
        code = error.exit_code
    sys.exit(code)
