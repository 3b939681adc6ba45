"""Messages of browsers: exactly what is expected passes, everything else is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seehear.listen.messages import KINDS, Record, read_object, read_record, read_start
from seehear.listen.refusals import RefusalError

ID = "0123456789abcdef" * 2
ANSWER: dict[str, Any] = {
    "id": ID,
    "kind": "answer",
    "ago_s": 0.5,
    "page": 0,
    "values": {"1": 2, "2": 1},
    "switches": {"1": 1},
    "played_s": {"1": 0.75},
    "shown_for_s": 12,
}
HEADPHONES = {
    "correct": 1,
    "of": 1,
    "tries": 1,
    "passed": True,
    "trials": [{"quiet": 0, "opposed": 1, "answer": 0}],
}


def packed(value: object) -> bytes:
    return json.dumps(value).encode()


def test_an_answer_is_read() -> None:
    assert read_record(packed(ANSWER)) == Record(
        id=ID,
        kind="answer",
        ago_s=0.5,
        page=0,
        values={"1": 2.0, "2": 1.0},
        switches={"1": 1.0},
        played_s={"1": 0.75},
        shown_for_s=12.0,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b"\xff\xfe",
        b'{"id": NaN}',
        b'{"id": Infinity}',
        b"[" * 10_000,
        b'{"a":' * 5_000,
        b"1" * 5_000,
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(RefusalError) as caught:
        read_object(body)
    assert caught.value.status == 400


CHANGES: list[dict[str, Any]] = [
    {"id": "x"},
    {"id": ID.upper()},
    {"id": ID + "\n"},
    {"id": None},
    {"kind": "drop"},
    {"kind": ["answer"]},
    {"kind": None},
    {"page": -1},
    {"page": 1.5},
    {"page": True},
    {"page": "0"},
    {"page": 10**400},
    {"values": []},
    {"values": {"1": "2"}},
    {"values": {"1": True}},
    {"values": {"1": None}},
    {"values": {"0": 1}},
    {"values": {"__proto__": 1}},
    {"values": {"1": 10**400}},
    {"values": {str(i): 1 for i in range(1, 101)}},
    {"switches": {"1": -1}},
    {"switches": None},
    {"played_s": {"1": 1e12}},
    {"shown_for_s": -1},
    {"ago_s": -0.1},
    {"ago_s": "now"},
    {"extra": 1},
]


@pytest.mark.parametrize("change", CHANGES, ids=repr)
def test_what_is_not_exactly_a_message_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RefusalError) as caught:
        read_record(packed(ANSWER | change))
    assert caught.value.status == 422


@pytest.mark.parametrize("name", sorted(ANSWER))
def test_nothing_may_be_missing(name: str) -> None:
    with pytest.raises(RefusalError):
        read_record(packed({k: v for k, v in ANSWER.items() if k != name}))


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
def test_numbers_too_large_for_a_float_are_refused(number: str) -> None:
    body = packed(ANSWER).replace(b'"shown_for_s": 12', f'"shown_for_s": {number}'.encode())
    with pytest.raises(RefusalError):
        read_record(body)


@pytest.mark.parametrize(
    "fields",
    [{"age": 3}, {"Age": "3"}, {"age": "x" * 201}, {"age": "a\x00b"}, {"age": "\ud800"}, ["age"]],
    ids=repr,
)
def test_fields_are_short_texts(fields: object) -> None:
    with pytest.raises(RefusalError):
        read_record(packed({"id": ID, "kind": "fields", "ago_s": 0, "fields": fields}))


def test_headphone_results_are_read_strictly() -> None:
    body = {"id": ID, "kind": "headphones", "ago_s": 0, "headphones": HEADPHONES}
    assert read_record(packed(body)).headphones["correct"] == 1
    for change in ({"correct": 2}, {"of": 2}, {"trials": []}, {"tries": 0}, {"more": 1}):
        with pytest.raises(RefusalError):
            read_record(packed(body | {"headphones": {**HEADPHONES, **change}}))
    bad = {**HEADPHONES, "trials": [{"quiet": 3, "opposed": 1, "answer": 0}]}
    with pytest.raises(RefusalError):
        read_record(packed(body | {"headphones": bad}))


def test_nobody_begins_without_consent() -> None:
    assert read_start(packed({"id": ID, "consent": True})) == ID
    for value in (False, 1, "true", None):
        with pytest.raises(RefusalError):
            read_start(packed({"id": ID, "consent": value}))
    with pytest.raises(RefusalError):
        read_start(packed({"id": ID}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"id": st.just(ID) | JSON, "kind": st.sampled_from(sorted(KINDS)) | JSON},
        optional=dict.fromkeys(sorted({"ago_s"}.union(*KINDS.values())), JSON),
    )
)
def test_no_message_causes_anything_but_a_refusal(value: dict[str, Any]) -> None:
    try:
        body = json.dumps(value).encode("utf-8", "surrogatepass")
    except UnicodeEncodeError:
        return
    try:
        assert isinstance(read_record(body), Record)
    except RefusalError as refusal:
        assert refusal.status in (400, 422)
