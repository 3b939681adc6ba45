"""Model cards: what a checkpoint is, how it was trained, and whose recordings and photos are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seehear.data.sources import SourceRow

ABOUT: Mapping[str, str] = {
    "bandgain": (
        "Gains per band and time from a mixture and the picture beside it "
        "(`seehear.models.bandgain`), for `seehear highlight`."
    ),
    "glance": (
        "Small visual encoder (`seehear.models.glance`): a square frame in, a short vector out. "
        "`highlight/starter` looks through it."
    ),
    "visah": "VisAH (CVPR 2025) in this project's implementation, for `seehear highlight`.",
}
LIMITS: Mapping[str, str] = {
    "bandgain": (
        "Trained on scenes of exactly one speaker, one instrument or piece of music and one of ten "
        "kinds of effect, mixed by rule and band-limited to 5-8 kHz, with one still photo a second. "
        "Real films have other sounds, other mixes and moving pictures; how well it does there "
        "is not measured. Above 8 kHz the gain of the highest band is used."
    ),
    "glance": (
        "It knows the photo classes listed in `config.json`, mostly objects on plain ground seen from near by; people "
        "playing instruments, drawings and small things in a scene are new to it."
    ),
    "visah": "See the manifest it was trained on.",
}


def used_rows(kind: str, rows: Sequence[SourceRow]) -> list[SourceRow]:
    """Rows of the training split that a model of this kind learns from."""
    if kind == "glance":
        return [row for row in rows if row.kind == "photo"]
    return [row for row in rows if row.stem or row.kind == "photo" or "midi=" in row.note]
