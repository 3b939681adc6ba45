"""Sounds and pictures of one split, for pseudo pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seehear.data.crops import crops_by_class
from seehear.data.pseudo_pairs import PairLibrary
from seehear.data.sounds import FEWEST, load_things
from seehear.data.sources import Sound, SourceRow
from seehear.errors import InputError
from seehear.features.vocabulary import PHOTO_CLASSES

SURROUNDINGS = "background"


def load_pair_library(
    rows: Sequence[SourceRow],
    extra: Iterable[Sound] = (),
    fewest: int = FEWEST,
    kinds: frozenset[str] = frozenset(("photo",)),
) -> PairLibrary:
    """Decode everything that pairs of a split are made of.

    Args:
        rows: source rows of the split.
        extra: further sounds, such as rendered melodies.
        fewest: sounds that a class needs.
        kinds: of pictures that are taken: photo, cutout, illustration.

    Raises:
        InputError: a file cannot be read, or no class has both sounds and pictures.
    """
    sounds = load_things(rows, extra, fewest)
    crops = crops_by_class(rows, PHOTO_CLASSES, kinds)
    backdrops = [crop.pixels[..., :3] for crop in crops.pop(SURROUNDINGS, [])]
    pictures = {label: own for label, own in crops.items() if label in sounds.things}
    silent = [crop for label, own in crops.items() if label not in sounds.things for crop in own]
    if not pictures:
        raise InputError(
            f"no class of the split {rows[0].split if rows else ''!r} has both sounds and pictures; "
            f"pseudo pairs need both"
        )
    return PairLibrary(sounds, pictures, silent, backdrops)
