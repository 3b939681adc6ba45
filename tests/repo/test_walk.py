"""The walk of the demo: mono, and in the picture she is where the table says."""

from __future__ import annotations

import numpy as np
import pytest
from examples.walk import FOV_DEG, NAME, SECONDS, place_at

from seehear.media.probe import probe
from seehear.media.read import read_audio, read_frames
from seehear.tasks.spatialize.positions import read_positions
from tests.repo.source import ROOT

CLIPS = ROOT / "examples" / "clips"


def test_sound_is_mono_and_as_long_as_stated() -> None:
    sound = read_audio(CLIPS / f"{NAME}.mp4")
    assert sound.num_channels == 1
    assert sound.duration_s == pytest.approx(SECONDS, abs=0.05)
    assert probe(CLIPS / f"{NAME}.mp4").duration_s == pytest.approx(SECONDS, abs=0.05)


def test_she_is_where_the_table_says() -> None:
    (way,) = read_positions(CLIPS / f"{NAME}.csv")
    frames = read_frames(CLIPS / f"{NAME}.mp4", 1.0, size=64).frames.double().numpy()
    # Her blouse is the bluest thing at the bottom of the picture.
    bottom = frames[:, :, 58:, :]
    blue = (bottom[:, 2] - bottom[:, 0]).clip(min=0).sum(axis=1)  # [N, 64]
    seen = (blue * (np.arange(64) + 0.5)).sum(axis=1) / blue.sum(axis=1) / 64
    told = 0.5 - way.at(np.arange(len(seen), dtype=float))[0] / FOV_DEG
    np.testing.assert_allclose(seen, told, atol=0.04)
    assert told[0] == pytest.approx(place_at(0.0), abs=1e-3)
