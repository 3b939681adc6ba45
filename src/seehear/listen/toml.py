"""Plain values -> TOML that a person can edit: comments, one key a line, texts over several lines.

The standard library reads TOML but does not write it. Only what configurations hold is written:
tables, lists of tables, lists, strings, numbers, booleans. None is left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")


def toml_text(
    values: Mapping[str, Any],
    comments: Mapping[str, str] | None = None,
    heading: Sequence[str] = (),
) -> str:
    """Write a table as TOML.

    Args:
        values: nested tables of plain values.
        comments: dotted key -> line above it.
        heading: lines at the top of the file.

    >>> print(toml_text({"size": 3, "inner": {"name": "a"}}, {"size": "in pixels"}), end="")
    # in pixels
    size = 3
    <BLANKLINE>
    [inner]
    name = "a"
    """
    lines = [f"# {line}" for line in heading]
    lines += [""] if heading else []
    write_table(values, "", comments or {}, lines)
    return "\n".join(lines) + "\n"


def write_table(
    values: Mapping[str, Any], prefix: str, comments: Mapping[str, str], lines: list[str]
) -> None:
    """Append one table: plain keys first, then its tables, as TOML wants it."""
    later = []
    for key, value in values.items():
        dotted = f"{prefix}.{key}" if prefix else key
        if value is None:
            continue
        if prefix == "" and is_table(value):
            later.append((dotted, value))
            continue
        if dotted in comments:
            lines.append(f"# {comments[dotted]}")
        lines.append(f"{key_text(key)} = {value_text(value)}")
    for dotted, value in later:
        lines.append("")
        if dotted in comments:
            lines.append(f"# {comments[dotted]}")
        if isinstance(value, Mapping):
            lines.append(f"[{dotted}]")
            write_table(value, dotted, comments, lines)
            continue
        for item in value:
            lines.append(f"[[{dotted}]]")
            write_table(item, dotted, {}, lines)
            lines.append("")
        lines.pop()


def is_table(value: Any) -> bool:
    """Whether a value gets a heading of its own: a table, or a list of tables."""
    if isinstance(value, Mapping):
        return True
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def key_text(key: str) -> str:
    """A key, quoted where TOML wants it."""
    return key if BARE_KEY.match(key) else quoted(key)


def quoted(text: str) -> str:
    """A string on one line (JSON's escapes are TOML's, except that DEL must be escaped)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def value_text(value: Any) -> str:
    """A value.

    >>> value_text([1, 2.5, "x", {"value": 20, "text": "bad"}])
    '[1, 2.5, "x", { value = 20, text = "bad" }]'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return paragraphs(value) if "\n" in value else quoted(value)
    if isinstance(value, Mapping):
        inner = ", ".join(
            f"{key_text(k)} = {value_text(v)}" for k, v in value.items() if v is not None
        )
        return f"{{ {inner} }}" if inner else "{}"
    assert isinstance(value, (list, tuple)), f"TOML has no {type(value).__name__}"
    return f"[{', '.join(value_text(item) for item in value)}]"


def paragraphs(text: str) -> str:
    """A string over several lines."""
    body = "\n".join(quoted(line)[1:-1].replace('\\"', '"') for line in text.split("\n"))
    # The backslash at the end takes away the line break before the closing quotes.
    return '"""\n' + body.replace('"""', '""\\"') + '\\\n"""'
