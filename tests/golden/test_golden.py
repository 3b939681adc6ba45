"""The fixtures that the project can produce hold, and the runner fails when it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.golden.run import FIXTURES, HERE, main


@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_fixture_holds(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name]) == 0, capsys.readouterr().out


def test_other_weights_do_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["visah_metrics", "--seed-offset", "1"]) == 1
    assert "FAIL target_step8" in capsys.readouterr().out


def test_what_is_not_produced_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(HERE / "visah_metrics" / "io.npz") as stored:
        np.savez(tmp_path / "io.npz", **{n: stored[n] for n in stored.files}, surprise=np.ones(3))
    spec = HERE / "visah_metrics" / "spec.json"
    assert main(["visah_metrics", "--spec", str(spec), "--io", str(tmp_path / "io.npz")]) == 1
    assert "surprise" in capsys.readouterr().out


def test_an_unknown_fixture_fails() -> None:
    assert main(["bigvgan"]) == 1
