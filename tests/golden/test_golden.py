"""The golden runner: the stored fixtures hold, and what should not hold does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.golden import run
from tests.golden.compare import Produced, Tolerance, compare
from tests.golden.recipe import Recipe, sinusoid_table


@pytest.mark.parametrize("name", sorted(run.FIXTURES))
def test_fixture_holds(name: str) -> None:
    lines = run.check(name)
    assert lines and not [str(line) for line in lines if not line.holds]


def test_weight_rule() -> None:
    # Check values of the fixtures' description.
    made = Recipe().weight(["encoder.0.conv.weight", [24, 1, 8, 1], "float32", "mat", 1.5])
    assert made is not None
    assert made.ravel()[:4] == pytest.approx([0.741285, -0.598499, -0.280290, 0.102849], abs=1e-6)
    made = Recipe().weight(["encoder.4.norm1.weight", [384], "float32", "norm", None])
    assert made is not None and made[:2] == pytest.approx([1.076345, 0.918890], abs=1e-6)
    made = Recipe().weight(["encoder.0.conv.bias", [24], "float32", "bias", None])
    assert made is not None and made[:2] == pytest.approx([0.002056, 0.065291], abs=1e-6)
    assert Recipe().weight(["pe.pe", [1, 5000, 512], "float32", "keep", None]) is None


def test_shifted_names_and_seeds_give_other_numbers() -> None:
    row = ["encoder.0.conv.bias", [24], "float32", "bias", None]
    stored, shifted = Recipe().weight(row), Recipe(name_prefix="x").weight(row)
    assert stored is not None and shifted is not None and not np.allclose(stored, shifted)
    assert np.array_equal(Recipe(seed_offset=2).normal((3,), 5), Recipe().normal((3,), 7))


def test_position_table() -> None:
    table = sinusoid_table((1, 5000, 512))
    assert table.shape == (1, 5000, 512) and table.dtype == np.float32
    assert table[0, 1, :2] == pytest.approx([np.sin(1), np.cos(1)])
    assert table[0, 0, 1::2].min() == 1.0


def test_other_seeds_do_not_match_the_stored_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["visah_metrics", "--seed-offset", "1", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["holds"] and len(told["lines"]) == 17
    # A pure change of gain costs the same for any sound; everything else moves.
    held = {line["name"] for line in told["lines"] if line["holds"]}
    assert held <= {name for name in held if "item1.mr_stft" in name}


def test_other_numbers_are_taken_from_another_spec(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = json.loads((run.HERE / "visah_metrics" / "spec.json").read_text())
    spec["scalars"]["item1"]["MAG"] *= 1.001
    other = tmp_path / "other.json"
    other.write_text(json.dumps(spec))
    assert run.main(["visah_metrics", "--expect", str(other)]) == 1
    failed = [x for x in capsys.readouterr().out.splitlines() if x.startswith("FAIL")]
    assert len(failed) == 1 and "item1.MAG" in failed[0]


def test_what_nobody_can_produce_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run.HERE / "visah_metrics"
    files = ["--spec", str(folder / "spec.json"), "--io", str(folder / "io.npz")]
    assert run.main(["unheard_of", *files]) == 1
    assert capsys.readouterr().out.count("cannot be produced") == 17
    assert run.main(["unheard_of"]) == 1
    assert "unheard_of" in capsys.readouterr().err


def test_comparison() -> None:
    produced = Produced(
        arrays={"a": np.ones(4), "shape": np.ones(3), "nan": np.full(2, np.nan)},
        scalars={"inner": {"x": 2.0}},
        tolerances={"": Tolerance.parse("relative L2 <= 1e-4; |diff| <= 1e-3 * max|expected|")},
    )
    expected = {"a": np.ones(4), "shape": np.ones(4), "nan": np.zeros(2), "absent": np.ones(1)}
    lines = compare(produced, expected, {"inner": {"x": 2.0, "y": 1.0}}, {})
    assert {line.name: line.holds for line in lines} == {
        "a": True,
        "shape": False,
        "nan": False,
        "absent": False,
        "scalars.inner.x": True,
        "scalars.inner.y": False,
    }
    # One element far off fails, though the whole is near.
    large = np.ones(10**6)
    off = large.copy()
    off[0] += 0.05
    line = compare(Produced({"a": off}, tolerances=produced.tolerances), {"a": large}, {}, {})[0]
    assert line.relative is not None and line.relative < 1e-4 and not line.holds


def test_comparison_of_decibels_and_angles() -> None:
    produced = Produced(
        arrays={"angle": np.array([np.pi, 0.3]), "turned": np.array([0.2])},
        scalars={"dB": [304.0, 5.001], "off": [3.0], "order": [1, 0]},
        tolerances={
            "^scalars": Tolerance(np.inf, absolute=0.01, ceiling=60.0),
            "": Tolerance(1e-3),
        },
        phases={"angle": np.array([1.0, 0.0]), "turned": np.array([1.0])},
    )
    arrays = {"angle": np.array([-np.pi, 2.0]), "turned": np.array([0.1])}
    expected = {"dB": [99.0, 5.0], "off": [3.5], "order": [1, 0]}
    lines = compare(produced, arrays, expected, {})
    assert [line.holds for line in lines] == [True, False, True, False, True]
    assert lines[2].as_dict()["tolerance"] is None
