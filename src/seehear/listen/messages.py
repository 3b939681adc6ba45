"""What browsers may say: strict readers of JSON that refuse everything else with one sentence.

A message that passed these readers has the right types, finite numbers and bounded sizes; whether
it fits the test (pages, slots, scale) is checked in `session.py`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from seehear.listen.refusals import RefusalError

ID = re.compile(r"[0-9a-f]{32}\Z")
SLOT = re.compile(r"[1-9][0-9]?\Z")
STEPS = ("asks", "headphones", "volume", "practice")
TEXT_CHARACTERS = 200
LONGEST_S = 30 * 24 * 3600.0
MOST_SWITCHES = 100_000

COMMON = {"id", "kind", "ago_s"}
# kind -> what it has besides.
KINDS: dict[str, set[str]] = {
    "answer": {"page", "values", "switches", "played_s", "shown_for_s"},
    "done": {"page"},
    "headphones": {"headphones"},
    "fields": {"fields"},
    "step": {"step"},
    "finish": set(),
}


@dataclass(frozen=True)
class Record:
    """A message of a listener's page, of right types.

    Args:
        id: made by the page.
        kind: one of `KINDS`.
        ago_s: age of what it tells, s.
        page: number of the page, -1 if it belongs to none.
        values: slot (or `choice`) -> value.
        switches: slot -> how often the listener turned to it.
        played_s: slot -> for how long it was heard, s.
        shown_for_s: time from the page being shown to the answer, s.
        fields: what the listener was asked.
        headphones: result of the headphone check.
        step: name of a finished step.
    """

    id: str
    kind: str
    ago_s: float
    page: int = -1
    values: Mapping[str, float] = field(default_factory=dict)
    switches: Mapping[str, float] = field(default_factory=dict)
    played_s: Mapping[str, float] = field(default_factory=dict)
    shown_for_s: float = 0.0
    fields: Mapping[str, str] = field(default_factory=dict)
    headphones: Mapping[str, Any] = field(default_factory=dict)
    step: str = ""


def read_object(body: bytes) -> dict[str, Any]:
    """Bytes -> JSON object.

    Raises:
        RefusalError: 400, no JSON (NaN and Infinity are none), or no object.
    """

    def no_constant(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        value = json.loads(body.decode("utf-8"), parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise RefusalError(400, "expected JSON") from None
    if not isinstance(value, dict):
        raise RefusalError(400, "expected a JSON object")
    return value


def read_start(body: bytes) -> str:
    """The id of a listener who agrees to take part.

    Raises:
        RefusalError: 400 or 422.
    """
    value = read_object(body)
    if set(value) != {"id", "consent"}:
        wrong("id and consent")
    if value["consent"] is not True:
        raise RefusalError(422, "nobody takes part without consent")
    return hex_id(value["id"])


def read_record(body: bytes) -> Record:
    """A message of a listener's page.

    Raises:
        RefusalError: 400 for no JSON, 422 for anything that is not exactly such a message.
    """
    value = read_object(body)
    kind = value.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        wrong("a known kind of message")
    wanted = COMMON | KINDS[kind]
    if set(value) != wanted:
        wrong(f"exactly {', '.join(sorted(wanted))}")
    common: dict[str, Any] = {
        "id": hex_id(value["id"]),
        "kind": kind,
        "ago_s": number(value["ago_s"], 0, LONGEST_S),
    }
    readers: dict[str, Callable[[Any], Any]] = {
        "page": page_number,
        "values": slots_and_choice,
        "switches": lambda v: slots(v, 0, MOST_SWITCHES),
        "played_s": lambda v: slots(v, 0, LONGEST_S),
        "shown_for_s": lambda v: number(v, 0, LONGEST_S),
        "headphones": headphone_result,
        "fields": texts,
        "step": step_name,
    }
    return Record(**common, **{name: readers[name](value[name]) for name in KINDS[kind]})


def hex_id(value: object) -> str:
    """32 hexadecimal digits."""
    if not isinstance(value, str) or not ID.match(value):
        wrong("an id of 32 hexadecimal digits")
    return value


def number(value: object, low: float, high: float) -> float:
    """A finite number within limits; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        wrong("a number")
    # Compared before float(), which an integer of a thousand digits would overflow.
    if not low <= value <= high or not math.isfinite(value):
        wrong("a number within limits")
    return float(value)


def whole(value: object, low: int, high: int) -> int:
    """A whole number within limits."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        wrong("a whole number within limits")
    return value


def page_number(value: object) -> int:
    """Number of a page."""
    return whole(value, 0, 10_000)


def slots(value: object, low: float, high: float) -> dict[str, float]:
    """Slots `1`, `2`, ... with a number each."""
    return {slot: number(v, low, high) for slot, v in mapping(value, SLOT).items()}


def slots_and_choice(value: object) -> dict[str, float]:
    """Slots with numbers, or `choice` with one."""
    return {
        slot: number(v, -1e6, 1e6)
        for slot, v in mapping(value, re.compile(r"choice\Z|[1-9][0-9]?\Z")).items()
    }


def mapping(value: object, key: re.Pattern[str]) -> dict[str, object]:
    """A small object whose keys have a form."""
    if not isinstance(value, dict) or len(value) > 99 or not all(key.match(k) for k in value):
        wrong("an object of slots")
    return value


def texts(value: object) -> dict[str, str]:
    """Short texts by key."""
    given = mapping(value, re.compile(r"[a-z][a-z0-9_]{0,63}\Z"))
    made = {}
    for key, text in given.items():
        if not isinstance(text, str) or len(text) > TEXT_CHARACTERS:
            wrong(f"texts of at most {TEXT_CHARACTERS} characters")
        if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in text):
            wrong("texts without control characters")
        made[key] = text
    return made


def step_name(value: object) -> str:
    """One of the steps before the test."""
    if not isinstance(value, str) or value not in STEPS:
        wrong(f"one of the steps {', '.join(STEPS)}")
    return value


def headphone_result(value: object) -> dict[str, Any]:
    """Result of the headphone check: counts, and each trial with what was chosen."""
    if not isinstance(value, dict) or set(value) != {"correct", "of", "tries", "trials", "passed"}:
        wrong("the result of a headphone check")
    trials = value["trials"]
    if not isinstance(trials, list) or not 1 <= len(trials) <= 20:
        wrong("the trials of a headphone check")
    return {
        "correct": whole(value["correct"], 0, len(trials)),
        "of": whole(value["of"], len(trials), len(trials)),
        "tries": whole(value["tries"], 1, 9),
        "trials": [headphone_trial(trial) for trial in trials],
    }


def headphone_trial(value: object) -> dict[str, int]:
    """Which of three tones was quiet, which had opposed sides, and which was chosen."""
    if not isinstance(value, dict) or set(value) != {"quiet", "opposed", "answer"}:
        wrong("a trial of a headphone check")
    return {name: whole(value[name], 0, 2) for name in ("quiet", "opposed", "answer")}


def wrong(expected: str) -> NoReturn:
    """Refuse a message of the wrong form."""
    raise RefusalError(422, f"expected {expected}")
