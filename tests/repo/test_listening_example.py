"""The versions that `examples.listening` makes can be put into a listening test."""

from __future__ import annotations

from pathlib import Path

import torch
from examples.listening import LATE_S, make_sounds, target_of

from seehear.data.manifest import read_manifest
from seehear.listen.matching import match_files, read_clip, with_pictures
from seehear.listen.proxies import displacement
from tests.repo.source import ROOT

CLIPS = ROOT / "examples" / "clips"


def test_sounds_match_each_other_and_the_picture(tmp_path: Path) -> None:
    manifest = read_manifest(CLIPS / "manifest.jsonl")
    row = manifest.rows[0]
    second = slice(None), slice(0, row.sample_rate)  # one second will do
    targets = {"lesson": target_of(manifest, row)[second], "street": torch.randn(2, 48000) * 0.1}
    make_sounds(tmp_path, targets, {"lesson": row.sample_rate, "street": 48000})
    matches, problems = match_files({n: tmp_path / n for n in ("right", "late", "other")})
    matches = with_pictures(matches, CLIPS, problems)
    assert [match.id for match in matches] == ["lesson", "street"]
    clip = read_clip(matches[1], problems)
    assert problems == [] and clip is not None and clip.picture == CLIPS / "street.mp4"
    right, late = (clip.sounds[name].waveform.mean(0) for name in ("right", "late"))
    assert displacement(right, late, reach=30000) == round(LATE_S * 48000)
