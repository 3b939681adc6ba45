"""Options of separate: exactly one query, and only places and times that can exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seehear.errors import UsageError
from seehear.tasks.separate.config import Place, SeparateOptions


def options(**told: Any) -> SeparateOptions:
    return SeparateOptions(input="in.mp4", output=Path("out.mp4"), **told)


def test_one_query_is_needed() -> None:
    with pytest.raises(UsageError, match=r"exactly one.*got none"):
        options()
    with pytest.raises(UsageError, match="--text and --span"):
        options(text="dog", span="1-2")
    assert options(text="dog").query == "text"
    assert options(all=True, stems=Path("s")).query == "all"


def test_all_needs_a_folder() -> None:
    with pytest.raises(UsageError, match="--stems DIR"):
        options(all=True)


def test_places() -> None:
    assert options(at="0.25,1").place == Place(0.25, 1.0)
    assert options(at="0.25,0.5@12.5").place == Place(0.25, 0.5, at_s=12.5)
    assert options(box="0.1,0.2,0.3,0.8@0").place == Place(0.1, 0.2, 0.3, 0.8, 0.0)
    assert options(text="dog").place is None


@pytest.mark.parametrize(
    "told",
    [
        {"at": "0.5"},
        {"at": "0.5,x"},
        {"at": "0.5,0.5@"},
        {"at": "0.5,0.5@-1"},
        {"at": "0.5,0.5@inf"},
        {"at": "nan,0.5"},
        {"at": "1.2,0.5"},
        {"at": "-0.1,0.5"},
        {"box": "0.5,0.5"},
        {"box": "0.5,0.5,0.6,0.1"},
        {"box": "0.5,0.5,0.1,0"},
        {"span": "3"},
        {"span": "3-2"},
        {"span": "2-2"},
        {"span": "a-b"},
        {"text": "  "},
        {"text": "dog", "model": ""},
    ],
)
def test_wrong_values_are_refused(told: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        options(**told)


def test_spans() -> None:
    assert options(span="12.5-14").seconds == (12.5, 14.0)
    assert options(span=" 0 - .5 ").seconds == (0.0, 0.5)
    assert options(at="0,0").seconds is None
