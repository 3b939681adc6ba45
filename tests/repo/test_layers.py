"""Imports go one way: the picture of docs/architecture.md, enforced on the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.repo.source import modules, tree

BASE = {"errors", "types", "config", "runtime"}
BLOCKS = {"nn", "sampling", "losses", "metrics"}
STORES = {"checkpoint", "registry"}
HANDS = {"features", "data", "train"}
BELOW_HANDS = {*BASE, "media", "dsp", *BLOCKS, "models", *STORES}

# Room -> rooms it may import beside itself.
ALLOWED: dict[str, set[str]] = {
    **dict.fromkeys(BASE, BASE),
    "media": BASE,
    "dsp": BASE,
    **{room: {*BASE, "dsp"} for room in BLOCKS},
    "models": {*BASE, "dsp", "nn"},
    **{room: {*BASE, "models", *STORES} for room in STORES},
    **dict.fromkeys(HANDS, BELOW_HANDS),
    "tasks": {*BELOW_HANDS, *HANDS},
    # Listening tests judge files of any origin: they know no job and no model.
    "listen": {*BASE, "media", "dsp"},
    # No maths here: the command line knows jobs, files and model names.
    "cli": {*BASE, "media", *STORES, "tasks", "listen"},
}


def room_of(module: str) -> str:
    """`seehear.dsp.stft` -> `dsp`; the package itself is ``."""
    return module.split(".")[1] if "." in module else ""


def imported(module: str) -> Iterator[tuple[str, int]]:
    """Modules of ours that a module imports anywhere, with the line."""
    for node in ast.walk(tree(modules()[module])):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from seehear.media import probe` imports the module, `from seehear import __version__` a name.
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in modules() else node.module for name in inner]
        else:
            continue
        yield from ((n, node.lineno) for n in names if n.partition(".")[0] == "seehear")


def strings_naming_modules(module: str) -> Iterator[tuple[str, int]]:
    """Lazy targets such as "seehear.models.visah:VisAH" written as strings."""
    for node in ast.walk(tree(modules()[module])):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.partition(":")[0]
            if ":" in node.value and name in modules():
                yield name, node.lineno


def task_of(module: str) -> str:
    """`seehear.tasks.highlight.infer` -> `highlight`; shared files of `tasks` have none."""
    parts = module.split(".")
    return parts[2] if len(parts) > 2 and parts[1] == "tasks" else ""


def test_every_room_has_a_rule() -> None:
    rooms = {room_of(name) for name in modules()} - {""}
    assert rooms <= set(ALLOWED), "a new room needs a line in docs/architecture.md and here"


@pytest.mark.parametrize("module", sorted(set(modules()) - {"seehear"}))
def test_imports_go_one_way(module: str) -> None:
    room = room_of(module)
    wrong = [
        f"{module}:{line} imports {name}"
        for name, line in (*imported(module), *strings_naming_modules(module))
        if room_of(name) and room_of(name) != room and room_of(name) not in ALLOWED[room]
    ]
    assert not wrong, "\n".join(wrong)


def test_tasks_do_not_import_each_other() -> None:
    folders = {task_of(m) for m in modules() if len(m.split(".")) > 3 and task_of(m)}
    wrong = [
        f"{module}:{line} imports {name}"
        for module in modules()
        if task_of(module) in folders
        for name, line in imported(module)
        if task_of(name) in folders and task_of(name) != task_of(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_models_know_neither_sampling_nor_data() -> None:
    # The rule that is broken first when somebody is in a hurry; kept apart from the table above.
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        if room_of(module) == "models"
        for name, _ in imported(module)
        if room_of(name) in {"sampling", "data", "media", "train", "tasks"}
    ]
    assert not wrong, "\n".join(wrong)
