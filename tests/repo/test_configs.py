"""Configurations are the configuration: each file loads, each field is read by something."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from seehear.config import load_config, to_dict
from seehear.errors import ConfigError
from seehear.models import build_config
from seehear.tasks import TASKS
from seehear.tasks.training_options import training_class
from tests.repo.source import ROOT, modules, tree

FILES = sorted((ROOT / "configs").rglob("*.toml"))


def config_classes() -> list[tuple[str, ast.ClassDef]]:
    """Dataclasses that hold what a user can set, with the module they are in."""
    found = []
    for module, path in modules().items():
        for node in ast.walk(tree(path)):
            is_data = isinstance(node, ast.ClassDef) and any(
                "dataclass" in ast.unparse(d) for d in node.decorator_list
            )
            if is_data and node.name.endswith(("Config", "Options", "MuddySpec")):  # type: ignore[attr-defined]
                found.append((module, node))
    return found  # type: ignore[return-value]


def fields_of(node: ast.ClassDef) -> list[str]:
    return [
        statement.target.id
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and "ClassVar" not in ast.unparse(statement.annotation)
    ]


def attributes_read(without: ast.ClassDef) -> set[str]:
    """Attributes read anywhere in the package, but for a class's own check of its values."""
    checks = {
        inner
        for method in without.body
        if isinstance(method, ast.FunctionDef) and method.name == "__post_init__"
        for inner in ast.walk(method)
    }
    return {
        node.attr
        for path in modules().values()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node not in checks
    }


@pytest.mark.parametrize(
    ("module", "node"), config_classes(), ids=[f"{m}:{n.name}" for m, n in config_classes()]
)
def test_every_field_is_read(module: str, node: ast.ClassDef) -> None:
    dead = sorted(set(fields_of(node)) - attributes_read(node))
    assert not dead, f"{module}.{node.name} has fields that nothing reads: {', '.join(dead)}"


# What a user has to name on the command line: where their material is.
MATERIAL = ("sources=sources.csv", "manifest=manifest.jsonl")


def load(file: Path) -> tuple[type, Any, tuple[str, ...]]:
    """The dataclass that the task's trainer takes, the file read into it, and the material it was told."""
    train = TASKS[file.parent.name].train
    assert train is not None
    cls = training_class(train.options, file)
    *others, last = told(cls)
    for words in others:
        with contextlib.suppress(ConfigError):
            return cls, load_config(cls, file, words), words
    return cls, load_config(cls, file, last), last


def told(cls: type) -> list[tuple[str, ...]]:
    """Those of `MATERIAL` that a configuration knows: all together, or where it takes one, each alone."""
    names = {field.name for field in dataclasses.fields(cls)}
    known = tuple(item for item in MATERIAL if item.partition("=")[0] in names)
    return [(item,) for item in known] + [known]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_every_file_loads_and_changes_something(file: Path) -> None:
    cls, config, words = load(file)
    untouched = load_config(cls, None, (*words, f"kind={config.kind}"))
    assert to_dict(config) != to_dict(untouched), "a file that changes nothing is noise"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_every_file_describes_a_model_that_exists(file: Path) -> None:
    _, config, _ = load(file)
    build_config(config.kind, config.model)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_files_hold_differences_only(file: Path) -> None:
    lines = [x for x in file.read_text("utf-8").splitlines() if x.strip() and x.strip()[0] != "#"]
    assert len(lines) <= 30, "defaults belong in the dataclass"
