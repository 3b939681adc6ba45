"""Reading clips of a manifest: mixes made again, published mixes, frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seehear.data.manifest import Manifest, read_manifest
from seehear.data.muddy import make_muddy
from seehear.errors import InputError
from seehear.tasks.highlight import pairs
from tests.unit.tasks.highlight.corpus import RATE, write_corpus


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return read_manifest(write_corpus(tmp_path, 2))


def test_mix_is_made_again_from_stems_and_seed(manifest: Manifest) -> None:
    row = manifest.rows[0]
    assert row.muddy is not None
    pair = pairs.load_pair(manifest, row)
    stems = pairs.load_stems(manifest, row)
    assert stems.shape == (3, 1, RATE)
    assert torch.equal(pair.target.waveform, stems.sum(0))
    assert torch.equal(pair.mixture.waveform, make_muddy(stems, RATE, row.muddy)[0])
    harder = pairs.load_pair(manifest, row, "high").mixture.waveform
    expected = make_muddy(stems, RATE, replace(row.muddy, level="high"))[0]
    assert torch.equal(harder, expected)
    assert not torch.equal(harder, pair.mixture.waveform)


def test_published_mix_wins_and_is_cut_or_padded_as_published(
    tmp_path: Path, manifest: Manifest
) -> None:
    long = 0.1 * np.random.standard_normal((2 * RATE, 2)).astype(np.float32)
    soundfile.write(tmp_path / "mix.wav", long, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "raw.wav", long[: RATE // 2, 0], RATE, subtype="FLOAT")
    row = replace(manifest.rows[0], stems=None, muddy=None, mixture="mix.wav", target="raw.wav")
    pair = pairs.load_pair(manifest, row)
    assert pair.mixture.waveform.shape == pair.target.waveform.shape == (1, RATE)
    assert np.allclose(pair.mixture.waveform[0].numpy(), long[:RATE].mean(1), atol=1e-7)
    assert not pair.target.waveform[:, RATE // 2 :].any()
    with pytest.raises(InputError, match="no stems and seed to make a low mix"):
        pairs.load_pair(manifest, row, "low")


def test_wrong_length_is_an_error_for_our_own_rows(manifest: Manifest) -> None:
    row = replace(manifest.rows[0], duration_s=3.0)
    with pytest.raises(InputError, match=r"is 1.00 s long, the manifest says 3.00 s"):
        pairs.load_pair(manifest, row)


def test_other_rates_are_resampled(manifest: Manifest) -> None:
    pair = pairs.load_pair(manifest, replace(manifest.rows[0], sample_rate=8000))
    assert pair.target.sample_rate == 8000
    assert pair.target.num_samples == 8000


def test_frames(tmp_path: Path, manifest: Manifest) -> None:
    row = manifest.rows[0]
    stored = pairs.load_frames(manifest, row)
    assert stored is not None and stored.frames.shape == (2, 3, 16, 16)
    scaled = pairs.load_frames(manifest, row, 8)
    assert scaled is not None and scaled.frames.shape == (2, 3, 8, 8)
    assert torch.equal(scaled.frames[:, :, 0, 0], stored.frames[:, :, 0, 0])
    assert pairs.load_frames(manifest, replace(row, frames=None)) is None
    np.savez(tmp_path / "bad.npz", pictures=np.zeros(3))
    with pytest.raises(InputError, match="not an npz with `frames` and `times`"):
        pairs.load_frames(manifest, replace(row, frames="bad.npz"))
    with pytest.raises(InputError, match="cannot read the frames"):
        pairs.load_frames(manifest, replace(row, frames="none.npz"))
