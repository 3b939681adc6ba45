"""Values are refused when the options are made, before anything is opened."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seehear.config import from_dict, to_dict
from seehear.errors import ConfigError, UsageError
from seehear.tasks import IMPORTERS, TASKS, resolve
from seehear.tasks.highlight.config import HighlightOptions


def options(**values: Any) -> HighlightOptions:
    return HighlightOptions(**{"input": "in.mp4", "output": Path("out.mp4"), **values})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"strength": 1.001}, "--strength must be between 0 and 1"),
        ({"strength": -0.1}, "--strength must be between 0 and 1"),
        ({"strength": math.nan}, "--strength must be between 0 and 1"),
        ({"start": -0.5}, "--start must be 0 s or later"),
        ({"start": math.inf}, "--start must be 0 s or later"),
        ({"duration": 0.0}, "--duration must be more than 0 s"),
        ({"duration": math.nan}, "--duration must be more than 0 s"),
        ({"track": -1}, "--track counts audio streams from 0"),
        ({"seed": -1}, "--seed must be between"),
        ({"seed": 2**63}, "--seed must be between"),
        ({"device": "tpu"}, "--device must be auto, cpu, cuda or cuda:N"),
        ({"device": "cuda:"}, "--device must be"),
        ({"device": "cpu\n"}, "--device must be"),
        ({"context": "captions"}, "--context captions needs --captions FILE"),
        ({"context": "both"}, "--context both needs --captions FILE"),
        ({"captions": Path("c.srt")}, "--captions is of no use with --context frames"),
        ({"model": ""}, "--model is empty"),
        ({"input": ""}, "INPUT is empty"),
        ({"output": Path()}, "--output must name a file"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        options(**values)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:3"])
def test_limits_are_allowed(strength: float, device: str) -> None:
    assert options(strength=strength, device=device, seed=2**63 - 1).strength == strength


def test_options_survive_a_receipt() -> None:
    told = options(captions=Path("ü.srt"), context="both", duration=2.5, seed=2**40)
    assert from_dict(HighlightOptions, to_dict(told)) == told
    with pytest.raises(ConfigError, match="unknown key 'smell'"):
        from_dict(HighlightOptions, {**to_dict(told), "smell": 1})


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        options().strength = 0.0  # type: ignore[misc]


def test_table_names_modules_of_its_own_task() -> None:
    for name, task in TASKS.items():
        assert task.name == name
        optional = (action for action in (task.train, task.evaluate) if action is not None)
        for action in (task.job, *optional, *task.prepare.values()):
            assert action.options.startswith(f"seehear.tasks.{name}.")
            assert action.run.startswith(f"seehear.tasks.{name}.")
    assert all(target.startswith("seehear.tasks.") for target in IMPORTERS.values())


def test_all_options_import_without_torch_and_carry_what_the_console_needs() -> None:
    actions = [a for t in TASKS.values() for a in (t.job, t.evaluate, *t.prepare.values()) if a]
    told = [action.options for action in actions]
    told += [task.train.options for task in TASKS.values() if task.train]
    code = (
        "import sys; from seehear.tasks import resolve\n"
        "for target in sys.argv[1:]: resolve(target)\n"
        "sys.exit(' '.join({'torch', 'numpy', 'av'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code, *told], capture_output=True, text=True)
    assert ran.stderr.strip() == ""
    for action in actions:
        names = {field.name for field in dataclasses.fields(resolve(action.options))}
        assert {"json", "quiet", "debug"} <= names, action.options
