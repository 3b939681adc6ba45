"""The words that the shipped concept space knows: classes, other names for them, and groups.

Written by us for the classes of sounds and photos that the starter models are trained on. A word
outside this list means nothing to them; `find_classes` says so and lists what it knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from seehear.errors import InputError

NAMES: Mapping[str, tuple[str, ...]] = {
    "accordion": ("accordion", "squeezebox", "concertina"),
    "acoustic_guitar": ("acoustic guitar", "guitar", "classical guitar", "strumming"),
    "airplane": ("airplane", "aeroplane", "plane", "jet"),
    "background": ("background", "surroundings", "scenery", "nothing"),
    "banjo": ("banjo",),
    "bass_drum": ("bass drum", "kick drum", "kick"),
    "bassoon": ("bassoon",),
    "car": ("car", "automobile"),
    "cello": ("cello", "violoncello", "cellist"),
    "cellphone": ("cellphone", "mobile phone", "telephone", "phone"),
    "chainsaw": ("chainsaw", "chain saw", "saw", "sawing"),
    "clarinet": ("clarinet", "clarinettist"),
    "clock_tick": ("clock tick", "clock", "ticking", "tick", "watch", "metronome", "timepiece"),
    "crackling_fire": ("crackling fire", "fire", "campfire", "fireplace", "flames", "crackling"),
    "crying_baby": ("crying baby", "baby", "infant", "crying", "child crying"),
    "dog": ("dog", "puppy", "hound", "barking", "bark", "dalmatian"),
    "dolphin": ("dolphin",),
    "double_bass": ("double bass", "contrabass", "upright bass"),
    "drum_kit": ("drum kit", "drum set", "drummer"),
    "electric_guitar": ("electric guitar",),
    "elephant": ("elephant", "trumpeting elephant"),
    "euphonium": ("euphonium", "tuba"),
    "ferry": ("ferry", "ship"),
    "flute": ("flute", "flutist", "flautist"),
    "french_horn": ("french horn", "horn"),
    "gramophone": ("gramophone", "record player"),
    "helicopter": ("helicopter", "chopper", "rotor"),
    "hi_hat": ("hi hat", "hihat"),
    "kalimba": ("kalimba", "thumb piano"),
    "mandolin": ("mandolin",),
    "marimba": ("marimba", "xylophone"),
    "motorcycle": ("motorcycle", "motorbike"),
    "oboe": ("oboe",),
    "piano": ("piano", "pianist", "grand piano"),
    "pigeon": ("pigeon", "dove", "cooing"),
    "rain": ("rain", "raining", "rainfall", "downpour"),
    "rooster": ("rooster", "cock", "cockerel", "crowing", "cock a doodle doo"),
    "sailing_boat": ("sailing boat", "sailboat", "boat"),
    "saxophone": ("saxophone", "sax", "saxophonist"),
    "sea_waves": ("sea waves", "sea", "waves", "ocean", "surf", "beach"),
    "singing": ("singing", "singer", "song"),
    "snare_drum": ("snare drum", "snare"),
    "sneeze": ("sneeze", "sneezing", "achoo"),
    "speech": (
        *("speech", "voice", "talking", "speaking", "speaker", "talk", "man talking", "narrator"),
        *("woman talking", "person", "people", "man", "woman", "face", "human", "conversation"),
    ),
    "steel_drums": ("steel drums", "steel drum", "steelpan"),
    "string_section": ("string section", "string orchestra"),
    "tabla": ("tabla",),
    "trombone": ("trombone",),
    "trumpet": ("trumpet", "trumpeter"),
    "vibraphone": ("vibraphone", "vibes"),
    "violin": ("violin", "fiddle", "violinist"),
    "wild_cat": ("wild cat", "leopard", "cougar"),
}
"""Class -> its names; the first is what it is called in messages."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "animal": ("dog", "rooster"),
    "bird": ("rooster",),
    "drum": ("bass_drum", "snare_drum", "hi_hat", "drum_kit"),
    "percussion": ("bass_drum", "snare_drum", "hi_hat", "drum_kit", "tabla"),
    "string instrument": ("violin", "cello", "double_bass", "acoustic_guitar"),
    "wind instrument": ("flute", "clarinet", "saxophone", "trumpet"),
    "woodwind": ("flute", "clarinet", "saxophone"),
    "brass": ("trumpet", "french_horn"),
    "instrument": (
        *("violin", "cello", "double_bass", "acoustic_guitar", "electric_guitar", "piano"),
        *("flute", "clarinet", "saxophone", "trumpet"),
    ),
    "machine": ("chainsaw", "helicopter"),
    "engine": ("chainsaw", "helicopter"),
    "water": ("rain", "sea_waves"),
    "weather": ("rain",),
}
"""Word for several classes -> these; its place in the space is the middle of theirs."""

PHOTO_CLASSES: Mapping[str, str] = {
    "face": "speech",
    "watch": "clock_tick",
    "metronome": "clock_tick",
}
"""Photo class -> class whose sound the thing makes, where the names differ."""

ALIASES: Mapping[str, str] = {
    "music": "instrument",
    "drums": "drum",
    "musical instrument": "instrument",
}
FILLERS = frozenset(
    ("a", "an", "the", "of", "sound", "sounds", "noise", "some", "please", "that", "is")
)


def find_classes(text: str) -> tuple[str, ...]:
    """Classes that a text names; longer names win over shorter ones inside them.

    Args:
        text: words of a user, e.g. `the barking dog` or `a man talking`.

    Returns:
        Classes in order of appearance, each once; a group word gives all its classes.

    Raises:
        InputError: no known word in it; the message lists the names.

    >>> find_classes("a puppy and a violin")
    ('dog', 'violin')
    """
    words = [_singular(w) for w in re.findall(r"[a-z]+", text.lower())]
    table = _table()
    longest = max(len(name) for name in table)
    found: dict[str, None] = {}
    place = 0
    while place < len(words):
        for size in range(min(longest, len(words) - place), 0, -1):
            classes = table.get(tuple(words[place : place + size]))
            if classes:
                found.update(dict.fromkeys(classes))
                place += size
                break
        else:
            place += 1
    if not found:
        raise InputError(_unknown(text, words))
    return tuple(found)


def known_words() -> tuple[str, ...]:
    """The first name of every class and all group words, sorted."""
    return tuple(sorted({names[0] for names in NAMES.values()} | set(GROUPS)))


def _table() -> dict[tuple[str, ...], tuple[str, ...]]:
    table: dict[tuple[str, ...], tuple[str, ...]] = {}
    for alias, target in ALIASES.items():
        table[_key(alias)] = GROUPS[target]
    for group, classes in GROUPS.items():
        table[_key(group)] = classes
    for label, names in NAMES.items():
        for name in names:
            table[_key(name)] = (label,)
    return table


def _key(name: str) -> tuple[str, ...]:
    return tuple(_singular(w) for w in name.split())


def _singular(word: str) -> str:
    """Plural endings cut off, alike in names and in what users write."""
    if len(word) > 3 and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def _unknown(text: str, words: list[str]) -> str:
    names = sorted({" ".join(key) for key in _table()})
    wanted = " ".join(w for w in words if w not in FILLERS)
    close = get_close_matches(wanted, names, n=1, cutoff=0.75)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"no known word in {text!r}{hint}; known words: {', '.join(known_words())}"
