"""What the documents say to type exists, and what they point to is there."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest

import seehear.cli
from seehear.cli.main import dispatch
from tests.repo.source import ROOT, tracked

DOCUMENTS = [path for path in tracked() if path.suffix == ".md"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def command_lines() -> list[tuple[str, str]]:
    """(document, command) for every line in a code block that calls one of our programs."""
    found = []
    for path in DOCUMENTS:
        for language, block in FENCE.findall(path.read_text("utf-8")):
            if language in {"", "sh", "bash", "console"}:
                joined = block.replace("\\\n", " ")
                lines = [re.sub(r"\s+#.*$", "", line).strip() for line in joined.splitlines()]
                found += [(name_of(path), line) for line in lines if line]
    return found


SEEHEAR = [(d, c) for d, c in command_lines() if c.startswith("seehear ")]
MAKE = [(d, c) for d, c in command_lines() if c.startswith("make ")]
MODULE = [(d, c) for d, c in command_lines() if re.match(r"\S*python3? -m [a-z_.]+", c)]


class ParsedError(Exception):
    """Raised instead of running a verb."""


@pytest.fixture
def parse_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every verb stop after its arguments were understood."""
    from seehear.cli import parsing

    def stop(*args: object, **kwargs: object) -> None:
        real(*args, **kwargs)  # type: ignore[arg-type]
        raise ParsedError

    def stop_before_work(*args: object) -> None:
        raise ParsedError

    real = parsing.parse
    for info in pkgutil.iter_modules(seehear.cli.__path__, "seehear.cli."):
        module = importlib.import_module(info.name)
        if info.name == "seehear.cli.corpora":
            # Configurations are read between parsing and performing: let that happen too.
            monkeypatch.setattr(module, "perform", stop_before_work)
        elif info.name != "seehear.cli.parsing" and hasattr(module, "parse"):
            monkeypatch.setattr(module, "parse", stop)
        if info.name == "seehear.cli.listen":
            # NAME=DIR words are looked at after parsing, and making a test comes after that.
            monkeypatch.setattr(module, "resolve", stop_before_work)


@pytest.mark.usefixtures("parse_only")
@pytest.mark.parametrize(("document", "command"), SEEHEAR, ids=[c for _, c in SEEHEAR])
def test_commands_are_understood(
    document: str, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    words = shlex.split(command)[1:]
    if words[-1] in {"--help", "--version"}:
        with pytest.raises(SystemExit) if len(words) > 1 else capsys.disabled():
            assert dispatch(words) == 0
        return
    with pytest.raises(ParsedError):
        dispatch(words)


@pytest.mark.parametrize(("document", "command"), MAKE, ids=[c for _, c in MAKE])
def test_make_targets_exist(document: str, command: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = [word for word in shlex.split(command)[1:] if "=" not in word]
    assert set(named) <= set(targets), document


@pytest.mark.parametrize(("document", "command"), MODULE, ids=[c for _, c in MODULE])
def test_modules_to_run_exist(document: str, command: str) -> None:
    match = re.match(r"\S+ -m ([a-z_.]+)", command)
    assert match is not None
    base = ROOT / match[1].replace(".", "/")
    known_tool = match[1] in {"venv", "pip", "pytest", "ruff", "mypy"}
    assert known_tool or base.with_suffix(".py").is_file() or base.is_dir(), document


def slug(heading: str) -> str:
    """Anchor of a heading as GitHub makes it."""
    plain = re.sub(r"[`*_]", "", heading.strip().lower())
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text("utf-8"))
    for target in LINK.findall(text):
        if re.match(r"https?://|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (document.parent / file).resolve() if file else document
        assert path.exists(), f"{name_of(document)} links to {target}"
        if anchor and path.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {slug(h) for h in headings}, f"{name_of(document)}: {target}"


def test_readme_python_example_is_valid() -> None:
    blocks = [
        b
        for language, b in FENCE.findall((ROOT / "README.md").read_text("utf-8"))
        if language == "python"
    ]
    assert blocks, "the README shows how to use it from Python"
    for block in blocks:
        compile(block, "README.md", "exec")


def test_every_decision_is_numbered_once() -> None:
    numbers = [
        p.name[:4] for p in (ROOT / "docs" / "decisions").glob("*.md") if p.name[0].isdigit()
    ]
    assert numbers
    assert sorted(numbers) == [f"{i:04d}" for i in range(1, len(numbers) + 1)]


def test_code_points_to_decisions_that_exist() -> None:
    wrong = [
        f"{name_of(path)}: {target}"
        for path in tracked()
        if path.suffix == ".py"
        for target in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8"))
        if not (ROOT / target).is_file()
    ]
    assert not wrong, "\n".join(wrong)
