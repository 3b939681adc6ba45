"""Verbs with actions of their own: `seehear models list`, `seehear listen new`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seehear.cli.output import say
from seehear.cli.parsing import HELP, pointer
from seehear.errors import UsageError


def run_second_word(
    verb: str, actions: Mapping[str, Callable[[list[str]], int]], argv: list[str]
) -> int:
    """Run the action that the second word names.

    Args:
        verb: the first word.
        actions: second word -> function of the words after it; the first line of its text is the help.
        argv: words after the verb.

    Raises:
        UsageError: there is no second word, or no such action.
    """
    if argv and argv[0] in HELP:
        for name, action in actions.items():
            say(f"seehear {verb} {name}: {(action.__doc__ or '').splitlines()[0]}")
        return 0
    if not argv or argv[0] not in actions:
        got = f", not {argv[0]!r}" if argv else ""
        raise UsageError(f"{verb} takes one of {', '.join(actions)}{got}; {pointer(verb)}")
    return actions[argv[0]](argv[1:])
