"""Evaluation of the published networks on recordings of two ears."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.checkpoint import save_checkpoint
from seehear.errors import InputError, ModelError, OutputError
from seehear.models.bearings import tiny_bearings
from seehear.models.pseudobinaural import tiny_mono2binaural
from seehear.tasks.spatialize.evaluate import evaluate_spatialize
from seehear.tasks.spatialize.evaluate_options import EvaluateOptions
from seehear.tasks.spatialize.evaluate_recordings import is_of_recordings
from tests.media_kit import write_clip


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ears")
    rng = np.random.default_rng(0)
    lines = []
    for name, split, seconds in (("a", "train", 1.0), ("b", "test", 1.5), ("c", "test", 10.5)):
        noise = 0.2 * rng.standard_normal((1, round(seconds * 16000)))
        ears = np.concatenate([noise, 0.3 * noise]).astype(np.float32)
        write_clip(folder / f"{name}.mkv", ears, 16000, seconds=seconds)
        lines.append(json.dumps({"id": name, "split": split, "path": f"{name}.mkv"}))
    (folder / "clips.jsonl").write_text("\n".join(lines))
    return folder / "clips.jsonl"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    network = tiny_mono2binaural()
    # Nothing but the last bias: a mask of about +0.5 everywhere, left louder, whatever is seen.
    with torch.no_grad():
        network.audio.get_parameter("up.4.conv.weight").zero_()
        network.audio.get_parameter("up.4.conv.bias").copy_(torch.tensor([1.1, 0.0]))
    save_checkpoint(folder, network, "mono2binaural", {"task": "spatialize", "licence": "x"})
    return folder


def test_pieces_methods_and_figures(manifest: Path, model: Path, tmp_path: Path) -> None:
    options = EvaluateOptions(manifest=manifest, output=tmp_path, model=str(model))
    report = evaluate_spatialize(options)
    # One piece of the short recording, two of the long one; none of the training split.
    assert report["pieces"] == 3
    summary = json.loads((tmp_path / "summary.json").read_text())
    figures = summary["methods"]
    assert summary["recordings"] == 2 and set(figures) == {"mono", "model", "swapped"}
    assert figures["model"]["stft"]["value"] < figures["mono"]["stft"]["value"]
    assert figures["mono"]["stft"]["value"] < figures["swapped"]["stft"]["value"]
    assert figures["model"]["side_agrees"]["value"] == 1
    assert figures["swapped"]["side_agrees"]["value"] == 0
    assert figures["mono"]["mag_peak"]["value"] == pytest.approx(
        2 * figures["mono"]["stft_peak"]["value"]
    )
    with (tmp_path / "recordings.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 9 and {row["id"] for row in rows} == {"b", "c"}
    assert "| swapped |" in (tmp_path / "summary.md").read_text()
    with pytest.raises(OutputError, match="--force"):
        evaluate_spatialize(options)


def test_what_does_not_fit_is_said(manifest: Path, model: Path, tmp_path: Path) -> None:
    assert is_of_recordings(manifest) and not is_of_recordings(tmp_path / "none")
    other = tmp_path / "bearings"
    save_checkpoint(other, tiny_bearings(), "bearings", {"task": "spatialize", "licence": "x"})
    with pytest.raises(ModelError, match="mono2binaural or apnet"):
        evaluate_spatialize(
            EvaluateOptions(manifest=manifest, output=tmp_path / "x", model=str(other))
        )
    only = manifest.with_name("only.jsonl")
    only.write_text(manifest.read_text().splitlines()[0])
    with pytest.raises(InputError, match="no recordings"):
        evaluate_spatialize(EvaluateOptions(manifest=only, output=tmp_path / "x", model=str(model)))
