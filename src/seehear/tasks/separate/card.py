"""Model cards of the separator and of the network that sees for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    "davis": (
        "DAVIS (`seehear.models.davis`): draws the spectrogram of the sound that belongs to the frames "
        "shown, for `seehear separate`."
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
    "davis": (
        "Trained on mixtures of two clips of different classes of one corpus. It hears the rate below, "
        "cannot tell two sounds of one class apart, and keeps the phase of the mixture, which alone "
        "limits SDR to about 13 dB. Whether these weights may be passed on depends on the terms of the "
        "corpus."
    ),
}


def used_rows(kind: str, rows: Sequence[SourceRow]) -> list[SourceRow]:
    """Rows of the training split that a model of this kind learns from."""
    if kind == "concepts":
        return [row for row in rows if row.kind == "photo"]
    return [row for row in rows if row.kind in KINDS or "midi=" in row.note]
