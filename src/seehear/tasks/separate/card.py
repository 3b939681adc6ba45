"""Model cards of the separator and of the network that sees for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seehear.data.credits import sources_text
from seehear.data.sounds import KINDS
from seehear.data.sources import SourceRow

ABOUT: Mapping[str, str] = {
    "bandmask": (
        "Masks per band and time for things asked for by word or picture "
        "(`seehear.models.bandmask`), for `seehear separate`."
    ),
    "concepts": (
        "One space for words and pictures (`seehear.models.concepts`): class scores of a frame, or "
        "of every place of it, become points beside the words. `separate/starter` is asked through it."
    ),
}
LIMITS: Mapping[str, str] = {
    "bandmask": (
        "Trained on mixtures of one to three sounds of the classes listed under `heard`, band-limited "
        "to 5-8 kHz, from a few dozen recordings per class. It knows no other sounds, cannot tell two "
        "sounds of one class apart, and keeps the phase of the mixture. Above 8 kHz the mask of the "
        "highest band is used."
    ),
    "concepts": (
        "It knows the photo classes below, mostly objects on plain ground seen from near by; people "
        "playing instruments, drawings and small things in a scene are new to it. Many classes have "
        "no photos: they can be asked for by word only."
    ),
}


def used_rows(kind: str, rows: Sequence[SourceRow]) -> list[SourceRow]:
    """Rows of the training split that a model of this kind learns from."""
    if kind == "concepts":
        return [row for row in rows if row.kind == "photo"]
    return [row for row in rows if row.kind in KINDS or "midi=" in row.note]


def model_card(
    name: str, kind: str, facts: Mapping[str, Any], rows: Sequence[SourceRow], results: str = ""
) -> str:
    """Text of a README.md.

    Args:
        name: title.
        kind: name of the model in the table of models.
        facts: `meta` of the checkpoint.
        rows: training rows, as from `used_rows`.
        results: paragraph or table with measured figures.
    """
    plain = [f"| {k} | {v} |" for k, v in facts.items() if isinstance(v, (str, int, float))]
    plain += [f"| {k} | {', '.join(v)} |" for k, v in facts.items() if isinstance(v, list)]
    checked = facts.get("validation", {})
    plain += [f"| validation: {key} | {value:.4g} |" for key, value in checked.items()]
    parts = [
        f"# {name}",
        ABOUT[kind],
        "\n".join(["| fact | value |", "|---|---|", *plain]),
        *([f"## Results\n\n{results}"] if results else []),
        f"## Limits\n\n{LIMITS[kind]}",
        f"## Sources\n\n{sources_text(rows)}" if rows else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
