"""The shipped model takes the duet of the examples apart, by click and by word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import seehear
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
        ({"box": "0.5,0.45,0.5,0.55@4"}, "guitar", "speech"),
    ],
    ids=["word speech", "word guitar", "click face", "click guitar", "box guitar"],
)
def test_the_duet_comes_apart(
    mixture: NDArray[np.float64], tmp_path: Path, asked: dict[str, Any], source: str, other: str
) -> None:
    seehear.separate(CLIP, tmp_path / "out.wav", **asked)
    answer = mono(tmp_path / "out.wav")
    assert nearness(answer, source) > nearness(mixture, source) + 1.0
    assert nearness(answer, other) < nearness(mixture, other)


def test_all_lists_both_with_the_place_of_each(tmp_path: Path) -> None:
    result = seehear.separate(CLIP, tmp_path / "all.wav", all=True, stems=tmp_path / "parts")
    found = {row["label"]: row for row in result.record["sources"]}
    assert "speech" in found
    assert {"acoustic guitar", "electric guitar"} & found.keys()
    assert found["speech"]["place"]["x"] < 0.5
    assert (tmp_path / "parts" / "speech.png").exists()
