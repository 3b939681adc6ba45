"""One listener's view of a test: what they are given, and what their messages mean.

A browser knows pages by number and versions by slot (`1` is the first button); which version that is
stays here. The plan of a listener is fixed when they begin, so that editing `test.toml` later cannot
give their answers another meaning.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from seehear.listen.config import NO_PREFERENCE, ListeningTest
from seehear.listen.design import canonical_pair, order_for, practice_page
from seehear.listen.mediatable import OPEN_REFERENCE, PICTURE, POSTER, MediaTable
from seehear.listen.messages import Record
from seehear.listen.refusals import RefusalError
from seehear.listen.store import Message, Participant, Plan, Rating

CHOICE = "choice"


def plan_for(test: ListeningTest, participant: int) -> Plan:
    """What the n-th listener is given, as it is stored."""
    return [
        {"key": page.key, "clip": page.trial.id, "versions": list(page.versions)}
        for page in order_for(test, participant)
    ]


def public_view(test: ListeningTest) -> dict[str, Any]:
    """What everybody may know: words and scale, no names of versions or clips."""
    scale = test.scale
    return {
        "kind": test.kind,
        "title": test.title,
        "question": test.question,
        "instructions": test.instructions,
        "consent": test.consent,
        "thanks": test.thanks,
        "headphones": test.screening.headphones,
        "headphones_correct": test.screening.headphones_correct,
        "no_preference": test.no_preference,
        "asks": [
            {
                "key": ask.key,
                "question": ask.question,
                "choices": list(ask.choices),
                "required": ask.required,
            }
            for ask in test.asks
        ],
        "scale": scale
        and {
            "minimum": scale.minimum,
            "maximum": scale.maximum,
            "step": scale.step,
            "labels": [{"value": label.value, "text": label.text} for label in scale.labels],
        },
    }


def session_view(
    test: ListeningTest, media: MediaTable, who: Participant, progress: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that a listener's page needs, and where they stand."""
    keys = {page["key"]: number for number, page in enumerate(who.plan)}
    practice = practice_page(test)
    answers = {
        keys[key]: slots_of(test, who.plan[keys[key]]["versions"], values)
        for key, values in progress["answers"].items()
        if key in keys
    }
    return {
        "number": who.number,
        "practice": practice and page_view(test, media, -1, practice.trial.id, practice.versions),
        "pages": [
            page_view(test, media, number, page["clip"], page["versions"])
            for number, page in enumerate(who.plan)
        ],
        "answers": answers,
        "done": sorted({keys[key] for key in progress["done"] if key in keys}),
        "steps": progress["steps"],
        "finished": progress["finished"],
    }


def page_view(
    test: ListeningTest, media: MediaTable, number: int, clip: str, versions: Sequence[str]
) -> dict[str, Any]:
    """One page: where its picture and sounds are, in the order of the buttons.

    Raises:
        RefusalError: 409, the test was edited and the clip or a version is gone.
    """
    try:
        sounds = [media.address(clip, name) for name in versions]
        shown = test.kind == "mushra"
        return {
            "number": number,
            "seconds": test.trial(clip).seconds,
            "picture": media.address(clip, PICTURE),
            "poster": media.address(clip, POSTER),
            "reference": media.address(clip, OPEN_REFERENCE) if shown else None,
            "sounds": sounds,
        }
    except LookupError:
        raise RefusalError(409, "this test was changed after you began; ask who runs it") from None


def slots_of(
    test: ListeningTest, versions: Sequence[str], values: Mapping[str, Any]
) -> dict[str, float]:
    """Stored values by version -> values by slot."""
    if test.kind == "pairwise":
        (preferred,) = values.values()
        return {CHOICE: 0 if preferred == NO_PREFERENCE else versions.index(preferred) + 1}
    return {str(versions.index(name) + 1): value for name, value in values.items()}


def message_of(test: ListeningTest, who: Participant, record: Record) -> Message:
    """What a message means in this test.

    Raises:
        RefusalError: 422, it does not fit the test.
    """
    now = time.time()
    at = now - record.ago_s
    if record.kind == "answer":
        page = page_of(who, record.page)
        ratings = ratings_of(test, page["versions"], record)
        return Message(
            id=record.id,
            kind=record.kind,
            trial=page["key"],
            detail={name: rating.value for name, rating in ratings.items()},
            ratings=ratings,
            shown_at=at - record.shown_for_s,
            at=at,
        )
    detail: Mapping[str, Any] = {}
    trial = None
    if record.kind == "done":
        trial = page_of(who, record.page)["key"]
    elif record.kind == "headphones":
        detail = headphones_of(test, record)
    elif record.kind == "fields":
        detail = fields_of(test, record)
    elif record.kind == "step":
        detail = {"step": record.step}
    return Message(id=record.id, kind=record.kind, trial=trial, detail=detail, at=at)


def page_of(who: Participant, number: int) -> dict[str, Any]:
    """A page of this listener."""
    if not 0 <= number < len(who.plan):
        raise RefusalError(422, "expected the number of one of your pages")
    return who.plan[number]


def ratings_of(test: ListeningTest, versions: Sequence[str], record: Record) -> dict[str, Rating]:
    """Values by slot -> ratings by version."""
    names = {str(slot): name for slot, name in enumerate(versions, 1)}
    for given in (record.switches, record.played_s):
        if not set(given) <= set(names):
            raise RefusalError(422, "expected slots of this page")
    if test.kind == "pairwise":
        return {canonical_pair(test, tuple(versions)): choice_of(test, versions, record)}
    if not record.values or not set(record.values) <= set(names):
        raise RefusalError(422, "expected values for slots of this page")
    allowed = set(test.values())
    for value in record.values.values():
        if value not in allowed:
            raise RefusalError(422, "expected values of the scale")
    if test.kind == "ranking" and len(set(record.values.values())) < len(record.values):
        raise RefusalError(422, "expected different ranks")
    return {
        names[slot]: Rating(
            value, int(record.switches.get(slot, 0)), float(record.played_s.get(slot, 0.0))
        )
        for slot, value in record.values.items()
    }


def choice_of(test: ListeningTest, versions: Sequence[str], record: Record) -> Rating:
    """Which of two."""
    choice = record.values.get(CHOICE)
    allowed = (0, 1, 2) if test.no_preference else (1, 2)
    if set(record.values) != {CHOICE} or choice not in allowed:
        raise RefusalError(422, f"expected a choice among {', '.join(map(str, allowed))}")
    value = versions[int(choice) - 1] if choice else NO_PREFERENCE
    return Rating(value, int(sum(record.switches.values())), float(sum(record.played_s.values())))


def fields_of(test: ListeningTest, record: Record) -> dict[str, str]:
    """What the test asks, and nothing else."""
    asks = {ask.key: ask for ask in test.asks}
    if not set(record.fields) <= set(asks):
        raise RefusalError(422, "expected only what this test asks")
    for key, ask in asks.items():
        said = record.fields.get(key, "")
        if ask.required and not said:
            raise RefusalError(422, "expected an answer to every required question")
        if said and ask.choices and said not in ask.choices:
            raise RefusalError(422, "expected one of the choices")
    return dict(record.fields)


def headphones_of(test: ListeningTest, record: Record) -> dict[str, Any]:
    """The result, counted again from its trials."""
    trials = record.headphones["trials"]
    correct = sum(trial["quiet"] == trial["answer"] for trial in trials)
    passed = correct >= test.screening.headphones_correct
    return {**record.headphones, "correct": correct, "passed": passed}
