"""Options of spatialize that exclude each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seehear.errors import UsageError
from seehear.tasks.spatialize.config import SpatializeOptions


def options(**values: Any) -> SpatializeOptions:
    return SpatializeOptions(**{"input": "a.mp4", "output": Path("b.wav"), **values})


def test_the_model_is_filled_in() -> None:
    assert options().model == "spatialize/starter"
    assert options(per_source=True).model == "separate/starter"
    assert options(model="x").model == "x"
    assert options(positions=Path("p.csv")).model is None


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"positions": Path("p"), "model": "x"}, "leave --model out"),
        ({"positions": Path("p"), "per_source": True}, "leave --per-source out"),
        ({"positions": Path("p"), "explain": Path("e")}, "leave --explain out"),
        ({"fov": 0.0}, "--fov"),
        ({"fov": float("nan")}, "--fov"),
        ({"format": "foa", "hrtf": "kemar"}, "need no head"),
        ({"format": "foa", "output": Path("b.mov")}, "ambisonics; use one of"),
        ({"hrtf": ""}, "--hrtf is empty"),
        ({"model": ""}, "--model is empty"),
    ],
)
def test_refusals(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        options(**values)
