"""Rules about the files themselves: no machine of ours in them, no pickles, nothing huge."""

from __future__ import annotations

import ast
import re

import pytest

from tests.repo.source import PACKAGE, ROOT, tracked, tree

TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".cff",
    ".html",
    ".json",
    ".jsonl",
    ".sh",
    ".yaml",
    ".yml",
    "",
}
LARGEST = 16 * 2**20
PYTHON = [path for path in tracked() if path.suffix == ".py"]
# Put together here so that this file does not contain what it looks for.
PLACES = ("work", "farm", "root", "home", "Users", "mnt", "scratch", "private")
MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_.~\w}])/(?:" + "|".join(PLACES) + r")/[A-Za-z0-9]")
IMPORTER = PACKAGE / "tasks" / "published.py"


def name_of(path: object) -> str:
    return str(path).removeprefix(f"{ROOT}/")


def calls(path: object) -> list[tuple[str, ast.Call]]:
    """Dotted name of every call in a Python file, with the call."""
    found = []
    for node in ast.walk(tree(path)):  # type: ignore[arg-type]
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            found.append((ast.unparse(node.func), node))
    return found


def test_no_paths_of_a_machine() -> None:
    wrong = []
    for path in tracked():
        if path.suffix in TEXT and path.name != "LICENSE":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if MACHINE_PATH.search(line):
                    wrong.append(f"{name_of(path)}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", PYTHON, ids=name_of)
def test_threads_are_never_set_by_a_call(path: object) -> None:
    # Batched LU is wrong after it in some builds: docs/decisions/0006-threads.md.
    assert not [name for name, _ in calls(path) if name.endswith("set_num_threads")]


def test_no_pickle_is_read_outside_the_importer() -> None:
    wrong = []
    for path in PYTHON:
        if PACKAGE not in path.parents:
            continue
        for name, call in calls(path):
            options = {k.arg: ast.unparse(k.value) for k in call.keywords}
            where = f"{name_of(path)}:{call.lineno}: {name}"
            if name == "torch.load" and options.get("weights_only") != "True":
                wrong.append(f"{where} without weights_only=True")
            elif name == "torch.load" and path != IMPORTER:
                wrong.append(f"{where} outside the importer")
            elif name.split(".")[0] in {"pickle", "cPickle", "dill", "joblib", "shelve"}:
                wrong.append(where)
            elif options.get("allow_pickle", "False") != "False":
                wrong.append(f"{where} with allow_pickle")
    assert not wrong, "\n".join(wrong)


def test_library_neither_prints_nor_exits() -> None:
    wrong = [
        f"{name_of(path)}:{call.lineno}: {name}"
        for path in PYTHON
        if PACKAGE in path.parents and "cli" not in path.parts
        for name, call in calls(path)
        if name in {"print", "exit", "quit", "sys.exit", "os._exit"}
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_is_larger_than_16_mib() -> None:
    large = [f"{name_of(p)}: {p.stat().st_size}" for p in tracked() if p.stat().st_size > LARGEST]
    assert not large, "\n".join(large)


def test_no_module_is_called_utils() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}
    assert not [name_of(p) for p in PYTHON if p.stem.strip("_") in vague]


def test_every_test_folder_is_a_package() -> None:
    # Two test files of the same name in different folders need it.
    folders = {p.parent for p in PYTHON if ROOT / "tests" in p.parents}
    assert not [name_of(f) for f in folders if not (f / "__init__.py").is_file()]
