"""What the model card of bearings says about them."""

from __future__ import annotations

from collections.abc import Sequence

from seehear.data.sounds import KINDS
from seehear.data.sources import SourceRow

ABOUT = (
    "Shares of directions across the picture per band and time (`seehear.models.bearings`), for "
    "`seehear spatialize`. Trained without a stereo recording, on pseudo visual-stereo pairs: photos "
    "pasted on canvases, sounds simulated from where they lie."
)
LIMITS = (
    "All training and all figures are simulated: still or drifting photos on canvases, sounds filtered "
    "with impulse responses of heads in the free field, band-limited to 5-8 kHz; no room, no real "
    "stereo recording. It recognises the things listed under `seen_and_heard`; other sounds go to what "
    "no other sound explains, or to the middle. It takes two things of one class for one, and says "
    "nothing about elevation or distance. Directions are places across the picture: the field of view is "
    "the user's to say."
)


def used_rows(rows: Sequence[SourceRow]) -> list[SourceRow]:
    """Rows of the training split that the model learns from."""
    return [r for r in rows if r.kind in KINDS or r.kind == "photo" or "midi=" in r.note]
