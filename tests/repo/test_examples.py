"""The committed clips are what their stems and their manifest say; the duet is the sum of its sounds."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

from seehear.data.manifest import ClipRow, read_manifest
from seehear.data.muddy import STEMS, make_muddy
from seehear.media.probe import probe
from seehear.media.read import read_audio, read_frames
from seehear.tasks.highlight.pairs import load_frames
from tests.repo.source import ROOT

CLIPS = ROOT / "examples" / "clips"
MANIFEST = read_manifest(CLIPS / "manifest.jsonl")
ROWS = {row.id: row for row in MANIFEST.rows}


def stems_of(row: ClipRow) -> Tensor:
    """float32 [3, 2, T]."""
    assert row.stems is not None
    paths = [MANIFEST.resolve(row.stems[name]) for name in STEMS]
    waves = [soundfile.read(path, dtype="float32", always_2d=True)[0].T for path in paths]
    return torch.stack([torch.from_numpy(wave) for wave in waves])


def below_3_khz(waves: Tensor, sample_rate: int) -> Tensor:
    spectrum = torch.fft.rfft(waves)
    spectrum[..., 3000 * waves.shape[-1] // sample_rate :] = 0
    return torch.fft.irfft(spectrum, waves.shape[-1])


def clip_of(row: ClipRow) -> Path:
    return CLIPS / f"{row.id}.mp4"


def test_nothing_is_missing_and_all_is_small() -> None:
    assert MANIFEST.missing_files() == []
    assert 2 <= len(ROWS) <= 3
    assert sum(p.stat().st_size for p in CLIPS.iterdir()) <= 3 * 10**6


@pytest.mark.parametrize("name", ROWS)
def test_clip_is_the_muddy_sum_of_its_stems(name: str) -> None:
    row = ROWS[name]
    assert row.muddy is not None
    stems = stems_of(row)
    muddy, scaled, _ = make_muddy(stems, row.sample_rate, row.muddy)
    heard = read_audio(clip_of(row))
    assert heard.sample_rate == row.sample_rate
    assert heard.waveform.shape == muddy.shape == stems.sum(0).shape
    # AAC replaces noise by other noise higher up, so samples agree only below 3 kHz.
    low = [below_3_khz(wave, row.sample_rate) for wave in (heard.waveform, muddy)]
    assert (low[0] - low[1]).square().sum() < 0.1 * low[1].square().sum()
    columns = below_3_khz(stems, row.sample_rate).reshape(3, -1).T
    gains = torch.linalg.lstsq(columns, low[0].reshape(-1, 1)).solution[:, 0]
    expected = (scaled * stems).sum((1, 2)) / stems.square().sum((1, 2))
    torch.testing.assert_close(gains, expected, rtol=0.08, atol=0)


@pytest.mark.parametrize("name", ROWS)
def test_what_is_in_shot_is_loudest_in_the_target(name: str) -> None:
    row = ROWS[name]
    rate = row.sample_rate
    seconds = len(row.focus)
    power = stems_of(row).square().mean(1)[:, : seconds * rate].reshape(3, seconds, rate).mean(2)
    loudest = [STEMS[i] for i in power.argmax(0).tolist()]
    # Pauses between sentences belong to the speaker all the same.
    agree = sum(a == b for a, b in zip(loudest, row.focus, strict=True))
    assert agree >= 0.7 * seconds, list(zip(loudest, row.focus, strict=True))


@pytest.mark.parametrize("name", ROWS)
def test_picture_and_sound_are_as_long_as_stated(name: str) -> None:
    row = ROWS[name]
    info = probe(clip_of(row))
    assert info.video is not None
    assert info.duration_s == pytest.approx(row.duration_s, abs=0.05)
    assert len(row.focus) == int(row.duration_s)
    frames = read_frames(clip_of(row), 1.0, size=32).frames.float()
    assert frames.shape[0] == int(row.duration_s)
    cuts = (frames[1:] - frames[:-1]).abs().mean((1, 2, 3))
    assert cuts.max() > 20, "the picture changes when the focus does"


@pytest.mark.parametrize("name", ROWS)
def test_stored_frames_are_those_of_the_clip(name: str) -> None:
    row = ROWS[name]
    stored = load_frames(MANIFEST, row, 64)
    assert stored is not None
    seen = read_frames(clip_of(row), 1.0, size=64)
    torch.testing.assert_close(stored.times, seen.times)
    apart = (stored.frames.float() - seen.frames.float()).abs().mean()
    assert apart < 1.0  # decoders round differently


def test_the_duet_is_the_sum_of_its_sounds() -> None:
    heard = read_audio(CLIPS / "duet.mp4")
    paths = [CLIPS / f"duet.{name}.opus" for name in ("speech", "guitar")]
    waves = [soundfile.read(path, dtype="float32", always_2d=True)[0].T for path in paths]
    stems = torch.stack([torch.from_numpy(wave) for wave in waves])
    assert heard.waveform.shape == stems[0].shape
    low = [below_3_khz(wave, heard.sample_rate) for wave in (heard.waveform, stems.sum(0))]
    assert (low[0] - low[1]).square().sum() < 0.1 * low[1].square().sum()
    levels = 10 * stems.square().mean(dim=(1, 2)).log10()
    assert (levels[0] - levels[1]).abs() < 3.0, "equally loud, but for pauses"
