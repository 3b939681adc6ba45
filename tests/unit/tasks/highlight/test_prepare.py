"""Preparing corpora from fake trees of the three layouts."""

from __future__ import annotations

import json
import sys
import tarfile
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from seehear.data.manifest import read_manifest
from seehear.data.muddy import STEMS
from seehear.errors import Cancelled, InputError, MissingDependency, OutputError, UsageError
from seehear.features.captions import read_captions
from seehear.media.read import read_audio
from seehear.tasks import engines
from seehear.tasks.highlight import prepare_clip
from seehear.tasks.highlight.pairs import load_frames, load_pair, load_stems
from seehear.tasks.highlight.prepare import prepare_muddy_mix
from seehear.tasks.highlight.prepare_options import MuddyMixOptions
from tests.media_kit import tones, write_clip
from tests.unit.tasks.highlight.corpus import stem_waves

RATE = 16000
THIS = __name__


def _options(source: Path, output: Path, **changes: Any) -> MuddyMixOptions:
    base = MuddyMixOptions(
        source=source, output=output, sample_rate=RATE, piece=1.0, frame_size=16, workers=1
    )
    return replace(base, **changes)


def _write_stems(folder: Path, seconds: float = 2.5, **extra: Any) -> np.ndarray:
    folder.mkdir(parents=True)
    waves = stem_waves(np.random.default_rng(len(folder.name)), seconds, extra.get("rate", RATE))
    for name, wave in zip(STEMS, waves, strict=True):
        soundfile.write(folder / f"{name}.wav", wave, extra.get("rate", RATE), subtype="FLOAT")
    return waves


def separate_in_thirds(source: Path, folder: Path) -> None:
    """A separator of little use: two stems, and a residual that it forgets."""
    sound, rate = soundfile.read(source, dtype="float32", always_2d=True)
    if np.abs(sound).max() < 1e-3:
        raise RuntimeError("nothing to separate")
    for name, share in zip(STEMS, (0.5, 0.3, 0.1), strict=True):
        soundfile.write(folder / f"{name}.wav", share * sound, rate, subtype="FLOAT")


# --- folders of stems ------------------------------------------------------------------------


def test_stems_are_cut_into_pieces_that_sum_to_the_target(tmp_path: Path) -> None:
    waves = _write_stems(tmp_path / "in" / "scene.one")
    made = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "out"))
    manifest = read_manifest(Path(made["manifest"]))
    assert [row.id for row in manifest.rows] == ["scene_one_000", "scene_one_001"]
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        *("clips", "manifest.jsonl", "prepare.json", "report.json"),
    }
    for number, row in enumerate(manifest.rows):
        part = waves[:, number * RATE : (number + 1) * RATE]
        stems = load_stems(manifest, row)
        assert np.allclose(stems[:, 0].numpy(), part, atol=1e-7)
        pair = load_pair(manifest, row)
        assert np.allclose(pair.target.waveform[0].numpy(), part.sum(0), atol=1e-6)
        assert not torch.equal(pair.mixture.waveform, pair.target.waveform)
        assert row.recordings() == {"scene_one"}
        assert len(row.focus) == 1 and row.focus[0] in STEMS
    assert manifest.rows[0].muddy != manifest.rows[1].muddy, "each clip has a seed of its own"
    report = json.loads(Path(made["report"]).read_text())
    assert report["dropped_s"] == pytest.approx(0.5)
    assert report["bad"] == [] and made["warnings"] == []


def test_short_stems_stay_whole_and_keep_their_name(tmp_path: Path) -> None:
    _write_stems(tmp_path / "in" / "a", 0.5 + 0.6)
    _write_stems(tmp_path / "in" / "tiny", 0.4)
    made = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "out", piece=10.0))
    (row,) = read_manifest(Path(made["manifest"])).rows
    assert (row.id, row.duration_s) == ("a", pytest.approx(1.1))
    assert made["bad"] == 1 and "could not be prepared" in made["warnings"][0]
    report = json.loads(Path(made["report"]).read_text())
    assert report["bad"] == [
        {"source": "tiny", "reason": "only 0.40 s of sound; at least 1 s are needed"}
    ]


def test_residual_of_a_mix_beside_the_stems_goes_to_the_effects(tmp_path: Path) -> None:
    waves = _write_stems(tmp_path / "in" / "a", 1.0)
    mix = waves.sum(0) + 0.01 * np.random.standard_normal(RATE).astype(np.float32)
    soundfile.write(tmp_path / "in" / "a" / "mixture.wav", mix, RATE, subtype="FLOAT")
    made = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "out"))
    manifest = read_manifest(Path(made["manifest"]))
    stems = load_stems(manifest, manifest.rows[0])[:, 0].numpy()
    assert np.allclose(stems.sum(0), mix, atol=1e-6)
    assert np.allclose(stems[:2], waves[:2], atol=1e-7)
    assert not np.allclose(stems[2], waves[2], atol=1e-3)


def test_other_rates_channels_and_loud_sound(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "a"
    folder.mkdir(parents=True)
    loud = 1.5 * np.sin(np.arange(22050) * 0.05).astype(np.float32)
    for name in STEMS:
        sound = np.stack([loud, -loud], 1) if name == "music" else loud
        soundfile.write(folder / f"{name}.wav", sound, 22050, subtype="FLOAT")
    kept = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "keep", channels="keep"))
    manifest = read_manifest(Path(kept["manifest"]))
    stems = load_stems(manifest, manifest.rows[0])
    assert stems.shape == (3, 2, RATE)
    assert float(stems.abs().max()) > 1.4, "nothing is clipped"
    mono = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "mono"))
    manifest = read_manifest(Path(mono["manifest"]))
    assert float(load_stems(manifest, manifest.rows[0])[1].abs().max()) < 1e-3


def test_splits_by_folder_or_by_source(tmp_path: Path) -> None:
    for split in ("train", "test"):
        _write_stems(tmp_path / "a" / split / f"x{split}", 1.0)
    made = prepare_muddy_mix(_options(tmp_path / "a", tmp_path / "out_a"))
    assert made["clips"] == {"train": 1, "val": 0, "test": 1}
    for number in range(12):
        _write_stems(tmp_path / "b" / f"{number}", 2.0)
    made = prepare_muddy_mix(_options(tmp_path / "b", tmp_path / "out_b", val=0.3, test=0.3))
    rows = read_manifest(Path(made["manifest"])).rows
    by_source: dict[str, set[str]] = {}
    for row in rows:
        by_source.setdefault(row.id[:-4], set()).add(row.split)
    assert all(len(splits) == 1 for splits in by_source.values())
    assert len({split for splits in by_source.values() for split in splits}) == 3


def test_picture_and_captions_follow_their_piece(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "a"
    _write_stems(folder, 2.0)
    write_clip(folder / "picture.mp4", None, seconds=2.0)
    (folder / "captions.txt").write_text("first second\nsecond second\n")
    options = _options(tmp_path / "in", tmp_path / "out", frame_rate=4.0)
    manifest = read_manifest(Path(prepare_muddy_mix(options)["manifest"]))
    for row, words in zip(manifest.rows, ("first second", "second second"), strict=True):
        video = load_frames(manifest, row)
        assert video is not None and video.frames.shape == (4, 3, 16, 16)
        assert video.times.tolist() == [0, 0.25, 0.5, 0.75]
        assert row.captions is not None
        (caption,) = read_captions(manifest.resolve(row.captions))
        assert (caption.text, caption.start_s, caption.end_s) == (words, 0.0, 1.0)
    first, second = (load_frames(manifest, row) for row in manifest.rows)
    assert first is not None and second is not None
    assert not torch.equal(first.frames, second.frames), "the square has moved on"


def test_incomplete_and_damaged_folders_are_listed(tmp_path: Path) -> None:
    for name in ("good", "half", "broken", "uneven"):
        _write_stems(tmp_path / "in" / name, 1.0)
    (tmp_path / "in" / "half" / "music.wav").unlink()
    (tmp_path / "in" / "broken" / "speech.wav").write_bytes(b"RIFFnothing")
    soundfile.write(tmp_path / "in" / "uneven" / "music.wav", np.zeros(3 * RATE), RATE)
    made = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "out"))
    assert made["clips"]["train"] + made["clips"]["val"] + made["clips"]["test"] == 1
    bad = {b["source"]: b["reason"] for b in json.loads(Path(made["report"]).read_text())["bad"]}
    assert bad.keys() == {"half", "broken", "uneven"}
    assert bad["half"] == "no music beside the other stems"
    assert "not a media file" in bad["broken"]
    assert "differ in length" in bad["uneven"]
    assert [p.name for p in (tmp_path / "out" / "clips").iterdir()] == ["good"]


# --- film clips with a separator -------------------------------------------------------------


@pytest.mark.parametrize("kind", ["function", "command"])
def test_film_clips_are_taken_apart_and_sum_exactly(tmp_path: Path, kind: str) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    write_clip(tmp_path / "in" / "sub" / "Ab-c_1.mp4", tones(2.3, RATE, 2), RATE)
    separator = f"{THIS}:separate_in_thirds"
    if kind == "command":
        script = tmp_path / "my tool.py"
        script.write_text(
            "import sys, soundfile, pathlib\n"
            "sound, rate = soundfile.read(sys.argv[1])\n"
            "out = pathlib.Path(sys.argv[2]) / 'nested'\n"
            "out.mkdir()\n"
            "for name in ('speech', 'music', 'effects'):\n"
            "    soundfile.write(out / f'{name}.flac', 0.2 * sound, rate)\n"
        )
        separator = f"{sys.executable} '{script}' {{input}} {{output_dir}}"
    options = _options(tmp_path / "in", tmp_path / "out", separator=separator)
    manifest = read_manifest(Path(prepare_muddy_mix(options)["manifest"]))
    assert [row.id for row in manifest.rows] == ["Ab-c_1_000", "Ab-c_1_001"]
    mix = read_audio(tmp_path / "in" / "sub" / "Ab-c_1.mp4").waveform.mean(0)
    for number, row in enumerate(manifest.rows):
        stems = load_stems(manifest, row)
        expected = mix[number * RATE : (number + 1) * RATE]
        assert torch.allclose(stems.sum(0)[0], expected, atol=1e-6)
        assert row.frames is not None
    assert torch.allclose(stems[0, 0], (0.5 if kind == "function" else 0.2) * expected, atol=2e-4)


def test_a_separator_that_fails_on_one_film_does_not_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "good.mp4", tones(1.5, RATE, 1), RATE, "mono")
    write_clip(tmp_path / "in" / "quiet.mp4", 1e-5 * tones(1.5, RATE, 1), RATE, "mono")
    write_clip(tmp_path / "in" / "mute.mp4", None, seconds=1.5)
    (tmp_path / "in" / "good.webm").write_bytes(b"another file of that name")
    separator = f"{THIS}:separate_in_thirds"
    made = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "out", separator=separator))
    bad = {b["source"]: b["reason"] for b in json.loads(Path(made["report"]).read_text())["bad"]}
    assert bad["quiet"] == "the separator failed: nothing to separate"
    assert "no sound track" in bad["mute"]
    assert "good.webm has the name of" in bad["good"]
    assert made["bad"] == 3 and sum(made["clips"].values()) == 1


def test_separators_that_cannot_work(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_clip(tmp_path / "in" / "a.mp4", tones(1.5, RATE, 1), RATE, "mono")
    source, out = tmp_path / "in", tmp_path / "out"
    with pytest.raises(UsageError, match="give --separator"):
        prepare_muddy_mix(_options(source, out))
    assert not out.exists()
    with pytest.raises(UsageError, match="cannot import the separator"):
        prepare_muddy_mix(_options(source, out, separator="no.such:thing"))
    absent = "/no/such/tool {input} {output_dir}"
    with pytest.raises(UsageError, match="cannot run the separator '/no/such/tool'"):
        prepare_muddy_mix(_options(source, out, separator=absent, force=True))
    for command, message in (
        ("false {input} {output_dir}", "failed with code 1: no message"),
        ("true {input} {output_dir}", "should write one speech.wav or speech.flac, found 0"),
    ):
        with pytest.raises(InputError, match=message):
            prepare_muddy_mix(_options(source, out, separator=command, force=True))
        assert json.loads((out / "report.json").read_text())["bad"][0]["source"] == "a"
    assert not list((out / "clips").iterdir())


# --- the released data set -------------------------------------------------------------------


@pytest.fixture
def released(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    listed = {"train": ["f1_000", "f1_001", "gone_000"], "val": ["f2_000"], "test": ["f3_002"]}
    for split, names in listed.items():
        file = "test_filter.csv" if split == "test" else f"{split}.csv"
        rows = [f"./data/Muddy_Mix/{n[:-4]}/sub_video/{n}" for n in names]
        (data / file).parent.mkdir(exist_ok=True)
        (data / file).write_text("\n".join(rows) + "\n")
    for number, name in enumerate(("f1_000", "f1_001", "f2_000", "f3_002")):
        middle = "sub-video" if name == "f2_000" else "sub_video"
        folder = data / "Muddy_Mix" / name[:-4] / middle / name
        for sub in ("audio_raw", "remix_global", "frames", "frames_captions"):
            (folder / sub).mkdir(parents=True)
        raw = 0.1 * np.random.default_rng(number).standard_normal((RATE, 2))
        soundfile.write(folder / "audio_raw" / f"{name}.wav", raw, RATE)
        soundfile.write(folder / "remix_global" / "target_mix.wav", 0.5 * raw.mean(1), RATE)
        if name != "f1_001":
            for second in range(3):
                colour = (80 * second, 10, 20)
                Image.new("RGB", (40, 20), colour).save(folder / "frames" / f"{second + 1:03d}.png")
        (folder / "frames_captions" / "InternVL2-8B_prompt1.txt").write_text("a street\na car\n")
    (data / "Muddy_Mix/f2/sub-video/f2_000/remix_global/target_mix.wav").unlink()
    return data


def test_released_layout(tmp_path: Path, released: Path) -> None:
    made = prepare_muddy_mix(_options(released, tmp_path / "out"))
    assert made["clips"] == {"train": 2, "val": 0, "test": 1}
    assert "train 2 of 15078, val 0 of 1927, test 1 of 1789" in made["warnings"][1]
    report = json.loads(Path(made["report"]).read_text())
    assert report["layout"] == "released"
    assert report["found"]["train_listed"] == 3 and report["found"]["train_missing"] == 1
    assert report["found"]["without_frames"] == 1 and report["found"]["without_stems"] == 3
    reasons = {Path(b["source"]).name: b["reason"] for b in report["bad"]}
    assert reasons == {
        "gone_000": "its folder is not there",
        "f2_000": "target_mix.wav is missing",
    }
    manifest = read_manifest(Path(made["manifest"]))
    row = manifest.split("test")[0]
    assert row.id == "f3_002" and row.recordings() == {"f3"}
    pair = load_pair(manifest, row)
    assert pair.target.duration_s == 10.0, "padded to ten seconds as published"
    heard = pair.target.waveform.mean(0)[:RATE]
    assert torch.allclose(pair.mixture.waveform.mean(0)[:RATE], 0.5 * heard, atol=1e-4)
    video = load_frames(manifest, row)
    assert video is not None and video.frames.shape == (3, 3, 16, 16)
    assert video.frames[:, 0, 8, 8].tolist() == [0, 80, 160]
    assert row.captions is not None and len(read_captions(manifest.resolve(row.captions))) == 2


def test_lists_may_lie_elsewhere(tmp_path: Path, released: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (released / "test_filter.csv").rename(lists / "test_filter.csv")
    for name in ("train.csv", "val.csv"):
        (released / name).unlink()
    options = _options(released, tmp_path / "out", layout="released")
    with pytest.raises(InputError, match="say where they are with --lists"):
        prepare_muddy_mix(options)
    assert prepare_muddy_mix(replace(options, lists=lists))["clips"]["test"] == 1


# --- resuming, engines, shards, errors -------------------------------------------------------


def test_a_second_run_passes_over_finished_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        _write_stems(tmp_path / "in" / name, 1.0)
    options = _options(tmp_path / "in", tmp_path / "out")

    def stop_after_one(done: int, total: int, note: str) -> None:
        if done == 1:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        prepare_muddy_mix(options, stop_after_one)
    assert [p.name for p in (tmp_path / "out" / "clips").iterdir()] == ["a"]
    assert not (tmp_path / "out" / "manifest.jsonl").exists()
    (tmp_path / "out" / "clips" / "b.1.part").mkdir()  # what a killed run leaves
    made = prepare_muddy_mix(options)
    assert made["reused"] == 1
    whole = prepare_muddy_mix(replace(options, output=tmp_path / "whole"))
    text, again = (Path(m["manifest"]).read_text() for m in (made, whole))
    assert text == again
    monkeypatch.setattr(prepare_clip, "_make", None)
    assert prepare_muddy_mix(replace(options, val=1.0, test=0.0))["clips"]["val"] == 3


def test_other_options_need_force(tmp_path: Path) -> None:
    _write_stems(tmp_path / "in" / "a", 2.0)
    options = _options(tmp_path / "in", tmp_path / "out")
    prepare_muddy_mix(options)
    other = replace(options, piece=2.0, level="high")
    with pytest.raises(OutputError, match="with another level, piece; use --force"):
        prepare_muddy_mix(other)
    made = prepare_muddy_mix(replace(other, force=True))
    assert made["clips"] and made["reused"] == 0
    assert [p.name for p in (tmp_path / "out" / "clips" / "a").iterdir() if p.is_dir()] == ["a"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").touch()
    with pytest.raises(OutputError, match="is not empty; use --force"):
        prepare_muddy_mix(replace(options, output=tmp_path / "mine"))


def test_pool_yields_every_result_and_passes_errors_on() -> None:
    assert sorted(engines.run_all(abs, [-3, -1, 2], "pool", 2)) == [1, 2, 3]
    with pytest.raises(TypeError):
        list(engines.run_all(abs, [-3, "no number", 2], "pool", 2))
    assert list(engines.run_all(abs, [], "pool", 2)) == []


@pytest.mark.slow
def test_pool_gives_the_same_corpus(tmp_path: Path) -> None:
    for name in "ab":
        _write_stems(tmp_path / "in" / name, 1.0)
    alone = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "alone"))
    pooled = prepare_muddy_mix(_options(tmp_path / "in", tmp_path / "pooled", workers=2))
    texts = [Path(made["manifest"]).read_text() for made in (alone, pooled)]
    assert texts[0] == texts[1]


def test_ray_runs_the_same_function(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingDependency, match=r"seehear\[ray\]"):
        monkeypatch.setitem(sys.modules, "ray", None)
        list(engines.run_all(abs, [-1], "ray"))
    fake: Any = types.ModuleType("ray")
    fake.is_initialized = lambda: False
    fake.init = lambda **_: None
    fake.wait = lambda waiting, num_returns: (waiting[-1:], waiting[:-1])
    fake.get = list

    def remote(function: Callable[[int], int]) -> Any:
        return types.SimpleNamespace(remote=function)

    fake.remote = remote
    monkeypatch.setitem(sys.modules, "ray", fake)
    assert sorted(engines.run_all(abs, [-1, -2, -3], "ray")) == [1, 2, 3]


def test_shards_are_readable_by_webdataset(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    for name in "abc":
        _write_stems(tmp_path / "in" / "train" / name, 1.0)
    options = _options(tmp_path / "in", tmp_path / "out", shards=2)
    manifest = read_manifest(Path(prepare_muddy_mix(options)["manifest"]))
    shards = sorted((tmp_path / "out" / "shards").iterdir())
    assert [p.name for p in shards] == ["train-000000.tar", "train-000001.tar"]
    samples = _samples(webdataset, shards)
    assert [s["__key__"] for s in samples] == ["train__a", "train__b", "train__c"]
    for sample, row in zip(samples, manifest.rows, strict=True):
        assert json.loads(sample["json"])["id"] == row.id
        assert row.stems is not None
        assert sample["music.flac"] == manifest.resolve(row.stems["music"]).read_bytes()
    before = shards[0].read_bytes()
    prepare_muddy_mix(replace(options, shards=3))
    assert [p.name for p in (tmp_path / "out" / "shards").iterdir()] == ["train-000000.tar"]
    prepare_muddy_mix(options)
    assert shards[0].read_bytes() == before
    with tarfile.open(shards[0]) as tar:
        assert {member.mtime for member in tar} == {0}


def _samples(webdataset: Any, shards: list[Path]) -> list[dict[str, bytes]]:
    def streams() -> Iterator[dict[str, Any]]:
        for path in shards:
            with path.open("rb") as stream:
                yield {"url": str(path), "stream": stream}

    files = webdataset.tariterators.tar_file_expander(streams())
    return list(webdataset.tariterators.group_by_keys(files))


def test_sources_that_are_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        prepare_muddy_mix(_options(tmp_path / "none", tmp_path / "out"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="has no video files"):
        prepare_muddy_mix(_options(tmp_path / "empty", tmp_path / "out"))
    with pytest.raises(InputError, match="no folders with speech, music and effects"):
        prepare_muddy_mix(_options(tmp_path / "empty", tmp_path / "out", layout="stems"))


@pytest.mark.parametrize(
    "changes",
    [
        {"frame_rate": 0.5},
        {"frame_rate": 9.0},
        {"piece": 0.0},
        {"val": 0.6, "test": 0.6},
        {"separator": "tool {input}"},
        {"separator": "package.module"},
        {"sample_rate": 100},
        {"seed": -1},
        {"workers": -1},
    ],
)
def test_wrong_options(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        _options(tmp_path, tmp_path / "out", **changes)


def test_focus_by_level() -> None:
    stems = 1e-5 * torch.randn(3, 2, 3 * RATE)
    stems[1, :, :RATE] *= 1e4
    stems[2, :, 2 * RATE :] *= 1e4
    assert prepare_clip.focus_by_level(stems, RATE) == ("music", "", "effects")
