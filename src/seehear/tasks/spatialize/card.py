"""Model card of bearings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seehear.data.credits import sources_text
from seehear.data.sounds import KINDS
from seehear.data.sources import SourceRow

ABOUT = (
    "Shares of directions across the picture per band and time (`seehear.models.bearings`), for "
    "`seehear spatialize`. Trained without a stereo recording, on pseudo visual-stereo pairs: photos "
    "pasted on canvases, sounds simulated from where they lie."
)
LIMITS = (
    "All training and all figures are simulated: still or drifting photos on canvases, sounds filtered "
    "with impulse responses of heads in the free field, band-limited to 5-8 kHz; no room, no real stereo "
    "recording. It recognises the things listed under `seen_and_heard`; other sounds go to what no "
    "other sound explains, or to the middle. It takes two things of one class for one, and says "
    "nothing about elevation or distance. Directions are places across the picture: the field of view is the "
    "user's to say."
)


def used_rows(rows: Sequence[SourceRow]) -> list[SourceRow]:
    """Rows of the training split that the model learns from."""
    return [r for r in rows if r.kind in KINDS or r.kind == "photo" or "midi=" in r.note]


def model_card(
    name: str, facts: Mapping[str, Any], rows: Sequence[SourceRow], results: str = ""
) -> str:
    """Text of a README.md.

    Args:
        name: title.
        facts: `meta` of the checkpoint.
        rows: training rows, as from `used_rows`.
        results: paragraph or table with measured figures.
    """
    plain = [f"| {k} | {v} |" for k, v in facts.items() if isinstance(v, (str, int, float))]
    plain += [f"| {k} | {', '.join(v)} |" for k, v in facts.items() if isinstance(v, list)]
    checked = facts.get("validation", {})
    plain += [f"| validation (simulated): {k} | {v:.4g} |" for k, v in checked.items()]
    parts = [
        f"# {name}",
        ABOUT,
        "\n".join(["| fact | value |", "|---|---|", *plain]),
        *([f"## Results\n\n{results}"] if results else []),
        f"## Limits\n\n{LIMITS}",
        f"## Sources\n\n{sources_text(rows)}" if rows else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
