"""Arguments -> options dataclass: `tyro` does the work, wrong use becomes one sentence.

`tyro` explains mistakes in boxes of several lines. Here the unknown option, by far the commonest
mistake, is found before it starts, and whatever it says itself is boiled down to its first clause.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import re
import typing
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from seehear.errors import UsageError

T = TypeVar("T")
HELP = ("-h", "--help")
SIDES = re.compile(r"^[│|]|[│|]\s*$")
RULE = re.compile(r"^\s*[─-]{3,}\s*$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def parse(cls: type[T], argv: Sequence[str], words: str) -> T:
    """Build an options dataclass from the words after a verb; a word too many is an error.

    Args:
        cls: frozen dataclass; its `__post_init__` refuses wrong values.
        argv: arguments after the verb.
        words: the verb (and its second word), as in `models fetch`.

    Raises:
        UsageError: unknown option, missing or surplus argument, a value of the wrong kind.
        SystemExit: with code 0 after help was printed.
    """
    options, rest = parse_some(cls, argv, words)
    if rest:
        raise UsageError(f"{words} has no use for the word {rest[0]!r}; {pointer(words)}")
    return options


def parse_some(cls: type[T], argv: Sequence[str], words: str) -> tuple[T, list[str]]:
    """Like `parse`, but hands back the words that the dataclass has no place for."""
    import tyro

    refuse_unknown(cls, argv, words)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options, rest = tyro.cli(
                cls,
                prog=f"seehear {words}",
                args=list(argv),
                return_unknown_args=True,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UsageError(f"{boil_down(said.getvalue(), words)}; {pointer(words)}") from None
    return options, list(rest)


def pointer(words: str) -> str:
    """Where to read on."""
    return f"see seehear {words} --help"


def refuse_unknown(cls: type, argv: Sequence[str], words: str) -> None:
    """Find the first option that the dataclass does not have.

    Raises:
        UsageError: names it, and the option that was probably meant.
    """
    known = {*HELP, *option_names(cls)}
    for token in argv:
        if token == "--":
            return
        if not re.match(r"--?[^\W\d]", token) or known_option(token, known):
            continue
        name = token.partition("=")[0]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}, or " if near else ""
        if not token.startswith("--"):
            hint += f"write ./{token} if it is a file, or "
        raise UsageError(f"unknown option {name} for {words}; {hint}{pointer(words)}")


def known_option(token: str, known: set[str]) -> bool:
    """Whether a word that begins with a dash is an option of ours.

    Values glued to a short option (`-out.mp4` for `-o ut.mp4`) are not read: it is more often a
    file name that begins with a dash.
    """
    name = token.partition("=")[0]
    return (name.replace("_", "-") if name.startswith("--") else name) in known


def option_names(cls: type) -> Iterator[str]:
    """All `--long` and `-s` spellings of a dataclass's fields."""
    hints = typing.get_type_hints(cls, include_extras=True)
    fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(cls)
    for field in fields:
        details = getattr(hints[field.name], "__metadata__", ())
        # Markers such as Positional are not our business; argument details carry the aliases.
        if any("Positional" in repr(detail) for detail in details):
            continue
        yield "--" + field.name.replace("_", "-")
        for detail in details:
            yield from getattr(detail, "aliases", None) or ()


def boil_down(box: str, words: str) -> str:
    """Turn what `tyro` printed into one clause without a full stop.

    >>> boil_down("╭─ Missing argument ─╮\\n│ Missing value for argument '--seed'. │", "x")
    '--seed needs a value'
    """
    lines = [SIDES.sub("", COLOUR.sub("", line)).rstrip() for line in box.splitlines()]
    body = [line for line in lines[1:] if line.strip()]
    if body and RULE.match(body[0]):  # without UTF-8 a rule stands in for the upper edge
        del body[0]
    first = next((i for i, line in enumerate(body) if RULE.match(line)), len(body))
    clause, after = body[:first], body[first + 1 :]
    if clause and clause[0].strip().startswith("Missing from"):
        depth = min((indent(line) for line in clause[1:]), default=0)
        names = [line.strip() for line in clause[1:] if indent(line) == depth]
        return f"{words} needs {' and '.join(names)}"
    text = " ".join(" ".join(clause).split()).rstrip(".")
    return rephrase(text, after[1].strip() if len(after) > 1 else "") or f"wrong use of {words}"


def rephrase(text: str, spelling: str) -> str:
    """Say the usual complaints about values as this project says them.

    Args:
        text: first clause of what `tyro` said.
        spelling: the option with the kind of value it takes, as in `--seed INT`, if known.
    """
    if match := re.match(r"Missing value for argument '(?:\S+/)?(\S+)'", text):
        return f"{match[1] if match[1].startswith('-') else match[1].upper()} needs a value"
    if match := re.match(
        r"invalid choice (.+) for argument '(\S+)'. Expected one of \((.+)\)", text
    ):
        return f"{match[2]} must be one of {match[3].rstrip(',')}, not {match[1]}"
    if spelling and text.startswith("Error parsing"):
        given = re.findall(r"'([^']*)'", text)
        return f"expected {spelling}, got {given[-1]!r}" if given else f"expected {spelling}"
    return text


def indent(line: str) -> int:
    """Number of leading blanks."""
    return len(line) - len(line.lstrip())
