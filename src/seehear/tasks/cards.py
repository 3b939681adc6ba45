"""Model cards: what a checkpoint is, how it was trained, and whose recordings and photos are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seehear.data.credits import sources_text
from seehear.data.sources import SourceRow


def model_card(
    name: str,
    about: str,
    limits: str,
    facts: Mapping[str, Any],
    rows: Sequence[SourceRow] = (),
    results: str = "",
) -> str:
    """Text of a README.md.

    Args:
        name: title.
        about: what it is and what it is for.
        limits: what it cannot do.
        facts: `meta` of the checkpoint.
        rows: rows of the source manifest that it was trained on.
        results: paragraph or table with measured figures.
    """
    plain = [f"| {k} | {v} |" for k, v in facts.items() if isinstance(v, (str, int, float))]
    plain += [f"| {k} | {', '.join(v)} |" for k, v in facts.items() if _is_list_of_names(v)]
    checked = facts.get("validation", {})
    plain += [f"| validation: {key} | {value:.4g} |" for key, value in checked.items()]
    parts = [
        f"# {name}",
        about,
        "\n".join(["| fact | value |", "|---|---|", *plain]),
        f"## Results\n\n{results}" if results else "",
        f"## Limits\n\n{limits}",
        f"## Sources\n\n{sources_text(rows)}" if rows else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
