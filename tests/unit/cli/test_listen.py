"""`seehear listen ...` as typed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from seehear.cli.listen import ACTIONS
from seehear.cli.main import main
from tests.listen_kit import two_folders


def test_help_names_every_second_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "--help"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[2].rstrip(":") for line in said] == list(ACTIONS)


def test_new_then_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = two_folders(tmp_path, clips=1, seconds=0.5)
    words = [f"{name}={folder}" for name, folder in made.items()]
    output = str(tmp_path / "test")
    # Options and versions may come in any order.
    call = ["listen", "new", "ranking", "-o", output, words[0], "--seed", "3", words[1], "--json"]
    assert main(call) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["versions"] == ["loud", "soft"] and report["clips"] == 1
    assert main(["listen", "plan", output, "--effects", "0.8", "--runs", "5"]) == 0
    assert "ranking, 2 versions, 1 clips each" in capsys.readouterr().out
    assert main(call) == 1
    assert "add --force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "listen takes one of new, plan, serve, report, import, export"),
        (["bake"], "not 'bake'"),
        (["new"], "listen new needs"),
        (["new", "rank", "-o", "t", "a=b"], "must be one of"),
        (["new", "ranking", "-o", "t"], "needs NAME=DIR for each version"),
        (["new", "ranking", "-o", "t", "folder"], "expected NAME=DIR, got 'folder'"),
        (["new", "ranking", "-o", "t", "a=x", "a=y"], "'a' twice"),
        (["new", "ranking", "-o", "t", "a=x", "--level-match", "loud"], "LUFS, or off, not 'loud'"),
        (["new", "ranking", "-o", "t", "a=x", "--levelmatch", "off"], "did you mean --level-match"),
        (["new", "ranking", "-o", "t", "a=x", "--clips", "-1"], "number of clips"),
        (["plan", "ranking", "--alpha", "5"], "between 0 and 1"),
        (["serve", "t", "--port", "99999"], "--port is 0 to 65535"),
    ],
)
def test_wrong_use_is_one_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["listen", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(re.findall("\n", error)) == 1
