"""When a run has not got better for long enough, it is over; the count outlives the process."""

from pathlib import Path

import pytest

from seehear.errors import ModelError
from seehear.train.patience import Patience


def test_counts_over_resumes(tmp_path: Path) -> None:
    first = Patience(tmp_path, 2)
    first.tell(better=True)
    first.tell(better=False)
    assert not first.over()
    second = Patience(tmp_path, 2)
    second.tell(better=False)
    assert second.over() and Patience(tmp_path, 2).over()
    second.tell(better=True)
    assert not Patience(tmp_path, 2).over()


def test_without_limit_it_never_ends_nor_writes(tmp_path: Path) -> None:
    endless = Patience(tmp_path, 0)
    for _ in range(9):
        endless.tell(better=False)
    assert not endless.over() and not list(tmp_path.iterdir())


def test_a_damaged_count_is_named(tmp_path: Path) -> None:
    (tmp_path / "patience.json").write_text("{}")
    with pytest.raises(ModelError, match="delete it"):
        Patience(tmp_path, 1)
