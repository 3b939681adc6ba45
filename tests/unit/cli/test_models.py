"""`models` subcommands on the real table and on a checkpoint folder of a toy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seehear import registry
from seehear.checkpoint import save_checkpoint
from seehear.cli.main import main
from seehear.errors import ModelError
from seehear.registry import ModelRow
from seehear.tasks import IMPORTERS
from tests.unit.test_registry import tiny_toy, toy_model

__all__ = ["toy_model"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    meta = {"licence": "CC0-1.0", "metrics": {"mag": 0.25}}
    save_checkpoint(tmp_path / "toy", tiny_toy(), "toy", meta)
    return tmp_path / "toy"


@pytest.fixture
def only_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table without rows that other parts of the package have to fill."""
    table = {
        "highlight/toy": registry.rows()["highlight/toy"],
        "highlight/far": ModelRow("highlight/far", "highlight", "MIT", "far", files=(("a", "b", "c", 1),)),
        "highlight/lost": ModelRow("highlight/lost", "highlight", "MIT", "lost", builtin="weights/no"),
    }  # fmt: skip
    monkeypatch.setattr(registry, "rows", lambda: table)


def run_json(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, object]:
    assert main(["models", *argv, "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    value: dict[str, object] = json.loads(shown.out)
    return value


@pytest.mark.usefixtures("only_toys")
def test_list_shows_state(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        "highlight/toy",
        "highlight/far",
        "highlight/lost",
    ]
    listed = run_json(capsys, "list")["models"]
    states = {row["id"]: row["state"] for row in listed}  # type: ignore[attr-defined]
    assert states == {
        "highlight/toy": "made on the spot",
        "highlight/far": "not fetched",
        "highlight/lost": "missing",
    }


def test_show_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run_json(capsys, "show", str(folder))
    assert shown["model"] == "toy" and shown["config"] == {"width": 3}
    assert main(["models", "show", str(folder)]) == 0
    assert "meta.metrics.mag: 0.25\n" in capsys.readouterr().out


def test_show_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "highlight/none"]) == 1
    assert "known: " in capsys.readouterr().err


def test_verify_names_and_folders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked = run_json(capsys, "verify", "highlight/toy", str(folder))
    assert checked == {
        "models": {
            "highlight/toy": registry.verify("highlight/toy"),
            str(folder): registry.verify(str(folder)),
        }
    }


@pytest.mark.usefixtures("only_toys")
def test_verify_looks_at_all_after_a_failure(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert main(["models", "verify", str(folder), "highlight/lost", "--json"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and len(shown.err.splitlines()) == 2
    assert main(["models", "verify"]) == 0


def test_fetch_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "fetch", lambda model, progress: tmp_path / model)
    assert run_json(capsys, "fetch", "highlight/far") == {
        "model": "highlight/far",
        "folder": str(tmp_path / "highlight/far"),
    }


def imported(checkpoint: Path, folder: Path) -> str:
    if not checkpoint.is_file():
        raise ModelError(f"cannot read {checkpoint}")
    folder.mkdir(exist_ok=True)
    (folder / "config.json").touch()
    return "abc"


def test_import_hands_over_both_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(IMPORTERS, "visah", f"{__name__}:imported")
    checkpoint, out = tmp_path / "x.ckpt", tmp_path / "new"
    assert main(["models", "import", "visah", str(checkpoint), "-o", str(out)]) == 1
    checkpoint.touch()
    capsys.readouterr()
    shown = run_json(capsys, "import", "visah", str(checkpoint), "-o", str(out))
    assert shown == {"folder": str(out), "sha256": "abc"} and out.is_dir()
    assert main(["models", "import", "visah", str(checkpoint), "-o", str(out)]) == 1
    assert "add --force to overwrite" in capsys.readouterr().err
    assert main(["models", "import", "visah", str(checkpoint), "-o", str(out), "--force"]) == 0
    assert main(["models", "import", "other", str(checkpoint), "-o", str(out)]) == 2
    err = capsys.readouterr().err
    assert "known: " in err
    assert "visah" in err


def test_assemble_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "new")
    assert main(["models", "assemble", str(tmp_path / "none"), "-o", out]) == 1
    assert "config.json" in capsys.readouterr().err
    assert main(["models", "assemble", str(tmp_path)]) == 2
