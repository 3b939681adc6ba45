"""Latents of files and of drawn scenes: what a sample holds, what is left out, what a second run does again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seehear.data.clip_manifest import GenerateClip, write_clips
from seehear.errors import InputError, UsageError
from seehear.tasks.generate import latents
from seehear.tasks.generate.drawn_clips import redrawn
from seehear.tasks.generate.latent_clips import LatentClips
from seehear.tasks.generate.latents import computed, empty_features, networks, prepare_latents
from seehear.tasks.generate.latents_options import LatentsOptions
from tests.media_kit import tones, write_clip
from tests.unit.tasks.generate.latent_kit import make_part

SCENE = {
    "label": "rain",
    "kind": "drawn",
    "photo": "",
    "backdrop": "",
    "motion": "flash",
    "seed": 3,
}


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> LatentsOptions:
    root = tmp_path_factory.mktemp("clips")
    write_clip(root / "stereo.mp4", tones(2.4, 48000, 2))
    write_clip(root / "mono.mp4", tones(0.7, 44100, 1), rate=44100, layout="mono")
    write_clip(root / "dumb.mp4", None, seconds=1.0)
    write_clip(root / "quiet.mp4", np.zeros((2, 48000), np.float32))
    soundfile.write(root / "drawn.wav", tones(1.0, 16000, 1)[0], 16000)
    rows = [
        GenerateClip("stereo", "train", "a", "stereo.mp4", "", 0.4, 1.6, "r0"),
        GenerateClip("mono", "train", "b", "mono.mp4", "", 0.0, 0.7, "r1"),
        GenerateClip("dumb", "train", "b", "dumb.mp4", "", 0.0, 1.0, "r2"),
        GenerateClip("quiet", "val", "b", "quiet.mp4", "", 0.0, 1.0, "r3"),
        GenerateClip("drawn", "val", "rain", "", "drawn.wav", 0.0, 1.0, "r4", 5, SCENE),
    ]
    write_clips(root / "manifest.jsonl", rows)
    return LatentsOptions(
        source=root / "manifest.jsonl",
        output=root / "latents",
        vae=make_part(root / "vae", "melvae", latent_scale=0.5),
        cavp=make_part(root / "cavp", "quick_cavp"),
        renders=2,
        window=1.2,
        shard_size=2,
        workers=1,
    )


def test_samples_hold_what_the_networks_say(options: LatentsOptions) -> None:
    report = prepare_latents(options)
    assert report["clips"] == {"train": 2, "val": 2} and report["bad"] == 2
    assert "2 clips could not be used" in report["warnings"][0]
    bad = json.loads((options.output / "report.json").read_text())["bad"]
    assert "no sound track" in bad["dumb"] and "is silent" in bad["quiet"]
    clips = LatentClips(options.output)
    found = {row.id: key for key, row in clips.rows.items()}
    assert set(found) == {"stereo", "mono", "drawn", "drawn+1"}
    assert clips.rows[found["drawn+1"]].source_id == "r4"
    sizes = {name: (clips.read(k)[0].shape, clips.read(k)[1].shape) for name, k in found.items()}
    assert sizes["stereo"] == ((20, 40), (32, 32))  # 1.6 s
    assert sizes["mono"] == sizes["drawn"] == ((20, 30), (24, 32))  # repeated up to 1.2 s
    same, other = (clips.read(found[name]) for name in ("drawn", "drawn+1"))
    assert np.array_equal(same[0], other[0]) and not np.array_equal(same[1], other[1])
    sight, encoder = networks(latents.Making(options.vae, options.cavp, "auto", "auto", 1.2))
    sound = torch.from_numpy(
        soundfile.read(options.source.parent / "drawn.wav", dtype="float32")[0]
    )
    wave = sound.repeat(2)[: round(1.2 * 16000)]
    assert np.allclose(encoder.encode(wave[None])[0].numpy(), same[0], atol=5e-3)
    info = clips.info
    assert (info.scale, info.latent_rate, info.video_rate) == (0.5, 25.0, 20.0)
    assert np.allclose(info.null, empty_features(sight).numpy())
    assert sum(x * x for x in info.null) == pytest.approx(1.0, abs=1e-5)


def test_a_second_run_makes_only_what_is_missing(
    options: LatentsOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_latents(options)
    tars = sorted((options.output / "shards").glob("*.tar"))
    before = {path.name: path.read_bytes() for path in tars}
    tars[-1].unlink()
    made: list[str] = []
    real = latents.make_shard
    monkeypatch.setattr(latents, "make_shard", lambda job: made.append(job.path.name) or real(job))
    prepare_latents(options)
    assert made == [tars[-1].name]
    assert {path.name: path.read_bytes() for path in tars} == before
    prepare_latents(replace(options, renders=1))
    assert set(made[1:]) >= {"train-000000.tar", "val-000000.tar"}, "other clips, all anew"


def test_repeated_clips_stay_in_step(options: LatentsOptions) -> None:
    sight, encoder = networks(latents.Making(options.vae, options.cavp, "auto", "auto", 0.0))
    frames = torch.randint(0, 256, (14, 3, sight.frame_size, sight.frame_size), dtype=torch.uint8)
    waveform = torch.randn(round(0.7 * 16000)) * 0.1
    once = computed(waveform, frames, sight, encoder, 0.0)
    assert once[0].shape == (20, 18) and once[1].shape == (14, 32)
    more = computed(waveform, frames, sight, encoder, 2.0)
    assert more[0].shape == (20, 50) and more[1].shape == (40, 32)
    assert torch.equal(more[1][14:28], once[1]) and torch.equal(more[1][:14], once[1])


def test_another_rendering_is_the_same_thing_drawn_otherwise() -> None:
    clip = GenerateClip("x", "train", "rain", "", "drawn.wav", 0.0, 1.0, "", 5, SCENE)
    assert redrawn(clip, 0) is clip
    second, third = redrawn(clip, 1).scene, redrawn(clip, 2).scene
    assert second == redrawn(clip, 1).scene != third
    assert second is not None and {k for k in SCENE if SCENE[k] != second[k]} <= {"seed", "motion"}


def test_wrong_use_is_said(options: LatentsOptions, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--renders"):
        replace(options, renders=0)
    with pytest.raises(UsageError, match="--splits"):
        replace(options, splits=())
    only = GenerateClip("quiet", "val", "b", "quiet.mp4", "", 0.0, 1.0, "r3")
    write_clips(options.source.parent / "bad.jsonl", [only])
    told = replace(options, source=options.source.parent / "bad.jsonl", output=tmp_path)
    with pytest.raises(InputError, match="can be used; of the first one: the clip quiet is silent"):
        prepare_latents(told)
