"""Model card of CAVP and QuickCAVP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seehear.data.procedural_clips import BACKDROP, CLASSES, KINDS, PHOTO_LABELS
from seehear.data.sources import SourceRow

ABOUT: Mapping[str, str] = {
    "cavp": (
        "CAVP (`seehear.models.visualaudio.cavp`): features of pictures, 4 a second, in one space with "
        "features of sounds, for `seehear generate`."
    ),
    "quick_cavp": (
        "QuickCAVP (`seehear.models.visualaudio.quick_cavp`): features of pictures, 20 a second, in one "
        "space with features of sounds, for `seehear generate`."
    ),
}
_SIMULATED = (
    "Trained on procedural video: photos and drawings that move as a sound does. It knows the classes "
    "listed here; how real things move when they sound it has never seen."
)
LIMITS: Mapping[str, str] = {
    "cavp": (
        "It looks four times a second, so that it places an onset within about 60 ms. Whether these "
        "weights may be passed on depends on the terms of the corpus."
    ),
    "quick_cavp": _SIMULATED,
}


def used_rows(rows: Sequence[SourceRow]) -> list[SourceRow]:
    """Rows of the training split that drawn clips are made of."""
    return [row for row in rows if _is_used(row)]


def _is_used(row: SourceRow) -> bool:
    if row.kind == "photo":
        return row.label in PHOTO_LABELS or row.label == BACKDROP
    label = "speech" if row.kind == "speech" else row.label
    return label in CLASSES and (row.kind in KINDS or "midi=" in row.note)
