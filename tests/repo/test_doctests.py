"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.repo.source import modules

WITH_EXAMPLES = [name for name, path in modules().items() if ">>> " in path.read_text("utf-8")]


def test_there_are_doctests() -> None:
    assert {"seehear.config", "seehear.dsp.stft"} <= set(WITH_EXAMPLES)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_doctests(module: str) -> None:
    done = doctest.testmod(importlib.import_module(module), report=True)
    assert done.attempted > 0
    assert done.failed == 0
