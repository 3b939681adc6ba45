"""The shipped model takes the duet of the examples apart, by click and by word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import seehear
from seehear.cli.main import main
from seehear.media.part import receipt_path
from seehear.media.read import read_audio
from seehear.metrics.separation import si_sdr
from tests.repo.source import ROOT

CLIPS = ROOT / "examples" / "clips"
CLIP = CLIPS / "duet.mp4"


def mono(path: Path) -> NDArray[np.float64]:
    return np.asarray(soundfile.read(path, always_2d=True)[0].mean(axis=1))


def nearness(sound: NDArray[np.float64], source: str) -> float:
    truth = mono(CLIPS / f"duet.{source}.opus")
    length = min(len(sound), len(truth))
    return float(si_sdr(truth[None, :length], sound[None, :length])[0])


@pytest.fixture(scope="module")
def mixture() -> NDArray[np.float64]:
    return np.asarray(read_audio(CLIP).waveform.double().mean(dim=0).numpy())


@pytest.mark.parametrize(
    ("asked", "source", "other"),
    [
        ({"text": "speech"}, "speech", "guitar"),
        ({"text": "guitar"}, "guitar", "speech"),
        ({"at": "0.25,0.4@2"}, "speech", "guitar"),
        ({"at": "0.82,0.68@2"}, "guitar", "speech"),
    ],
    ids=["word speech", "word guitar", "click face", "click guitar"],
)
def test_the_duet_comes_apart(
    mixture: NDArray[np.float64], tmp_path: Path, asked: dict[str, Any], source: str, other: str
) -> None:
    seehear.separate(CLIP, tmp_path / "out.wav", **asked)
    answer = mono(tmp_path / "out.wav")
    assert nearness(answer, source) > nearness(mixture, source) + 1.0
    assert nearness(answer, other) < nearness(mixture, other)


def test_all_lists_both_with_the_place_of_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, parts = tmp_path / "all.wav", tmp_path / "parts"
    words = ["separate", str(CLIP), "-o", str(out), "--all", "--stems", str(parts), "--quiet"]
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == str(out)
    assert any(line.startswith("speech: heard, ") and "; seen at 0." in line for line in said[1:])
    record = json.loads(receipt_path(out).read_text(encoding="utf-8"))
    found = {row["label"]: row for row in record["sources"]}
    assert len(said) == 1 + len(found)
    assert found["speech"]["place"]["seen"]
    assert {"acoustic guitar", "electric guitar"} & found.keys()
    assert found["speech"]["place"]["x"] < 0.5
    assert (parts / "speech.png").exists()
