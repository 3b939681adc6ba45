"""The public face of the package is what `__all__` says."""

from __future__ import annotations

import types

import seehear


def test_every_public_name_exists() -> None:
    for name in seehear.__all__:
        assert getattr(seehear, name) is not None, name


def test_all_is_complete_and_sorted() -> None:
    visible = {
        name
        for name in dir(seehear)
        if not name.startswith("_") and not isinstance(getattr(seehear, name), types.ModuleType)
    }
    foreign = {
        name
        for name in visible
        if not str(getattr(getattr(seehear, name), "__module__", "seehear")).startswith("seehear")
    }
    # `from __future__`, Any, Path and the like are neighbours, not part of the face.
    visible -= foreign | {"annotations", "TYPE_CHECKING"}
    assert visible == set(seehear.__all__) - {"__version__"}
    assert list(seehear.__all__) == sorted(seehear.__all__)


def test_each_verb_of_the_task_table_is_public() -> None:
    from seehear.tasks import TASKS

    assert set(TASKS) <= set(seehear.__all__)
