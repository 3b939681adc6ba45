"""Entry point of the command line: picks the verb, turns errors into one sentence and a code.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 done with a warning that matters, 130 after Ctrl-C and
143 after SIGTERM. Nothing heavy is imported before a verb needs it.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence

from seehear import __version__
from seehear.cli.output import complain
from seehear.cli.verbs import VERBS, print_help
from seehear.errors import SeehearError, UsageError
from seehear.tasks import resolve


def run() -> None:
    """Console script `seehear`."""
    argv = sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        # File names need not be text in this locale; showing them must not fail.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if "--debug" not in argv:
        warnings.simplefilter("ignore")  # of libraries; ours are sentences in `Result.warnings`
    code = main(argv)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`seehear models list | head -1`); keep the interpreter from noticing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are on stderr already."""
    try:
        return dispatch(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0
    except SeehearError as error:
        explain(error, str(error), argv)
        return error.exit_code
    except KeyboardInterrupt as error:
        explain(error, "interrupted", argv)
        return 130
    except BrokenPipeError:
        return 1
    except Exception as error:  # noqa: BLE001  the one place where a bug may end as a sentence
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        explain(error, f"unexpected {what}; run again with --debug to see where", argv)
        return 1


def dispatch(argv: Sequence[str]) -> int:
    """Find the verb and run it.

    Raises:
        UsageError: no verb or an unknown one; the message lists what there is.
    """
    if not argv:
        raise UsageError(f"expected a verb ({', '.join(VERBS)}); see seehear --help")
    first = argv[0]
    if first in ("-h", "--help", "help"):
        return print_help()
    if first == "--version":
        sys.stdout.write(f"seehear {__version__}\n")
        return 0
    if first not in VERBS:
        kind = "option" if first.startswith("-") else "verb"
        raise UsageError(f"unknown {kind} {first!r}; the verbs are {', '.join(VERBS)}")
    code: int = resolve(VERBS[first].run)(first, list(argv[1:]))
    return code


def explain(error: BaseException, sentence: str, argv: Sequence[str]) -> None:
    """One line on stderr, after the traceback if it was asked for."""
    if "--debug" in argv:
        traceback.print_exception(error)
    complain(sentence)
