"""The table of `listen plan`."""

from __future__ import annotations

from pathlib import Path

import pytest

from seehear.errors import UsageError
from seehear.listen.config import write_test
from seehear.listen.options import PlanOptions
from seehear.listen.planning import plan
from tests.listen_kit import made_up


def unseen(done: float, total: float, note: str) -> None:
    assert 0 <= done <= total and note


def test_power_grows_with_people_and_difference() -> None:
    options = PlanOptions(test="pairwise", versions=2, clips=8, effects=(0.5, 0.9), runs=150)
    made = plan(options, unseen)
    none, large = made.rows
    assert all(cell.power < 0.15 for cell in none)
    assert large[-1].power > 0.95 and large[0].power <= large[-1].power
    assert made.needed(0) is None
    needed = made.needed(1)
    assert needed is not None and needed <= 20
    assert made.lines()[2].endswith("more than 40")
    facts = made.as_json()
    assert facts["needed"][1] == {"effect": 0.9, "participants": needed}
    assert len(facts["cells"]) == 12


def test_needed_asks_for_all_larger_numbers_too() -> None:
    from dataclasses import replace

    options = PlanOptions(test="mushra", participants=(5, 10, 20), effects=(10.0,), runs=2)
    made = plan(options, unseen)
    powers = (0.9, 0.7, 0.9)
    cells = tuple(replace(c, power=p) for c, p in zip(made.rows[0], powers, strict=True))
    assert replace(made, rows=(cells,)).needed(0) == 20


def test_level_is_shared_among_pairs_and_anchors_are_not_compared(tmp_path: Path) -> None:
    test = made_up("ranking", 3, 5, clips_each=4)
    write_test(tmp_path, test)
    made = plan(PlanOptions(test=str(tmp_path), effects=(0.7,), runs=2), unseen)
    assert (made.versions, made.clips, made.comparisons) == (3, 4, 3)
    assert made.rows[0][0].alpha == pytest.approx(0.05 / 3)


def test_refusals() -> None:
    with pytest.raises(UsageError, match="folder of a test or one of"):
        plan(PlanOptions(test="rankings"), unseen)
    with pytest.raises(UsageError, match="at least --versions 2"):
        plan(PlanOptions(test="ranking", versions=1), unseen)
    with pytest.raises(UsageError, match="between 0 and 1"):
        PlanOptions(test="ranking", power=80)
    with pytest.raises(UsageError, match="numbers from 2"):
        PlanOptions(test="ranking", participants=(1,))
