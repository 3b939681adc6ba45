"""Recipes of clips with picture and sound on fake trees of their published layouts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seehear.data.clip_manifest import GenerateClip, read_clips
from seehear.errors import InputError, OutputError
from seehear.tasks import TASKS, resolve
from seehear.tasks.generate.corpora_lists import (
    AIST_TEST_SONGS,
    SONGS_EACH,
    recording_of,
    song_split,
)
from seehear.tasks.generate.corpora_options import ClipsOptions
from seehear.tasks.generate.prepare_corpora import (
    prepare_aist,
    prepare_audioset,
    prepare_landscape,
    prepare_mv100k,
    prepare_vggsound,
    prepare_videos,
)
from tests.media_kit import tones, write_clip

Put = Callable[..., None]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_clip(path, tones(2.5, 16000, 1), 16000, "mono")


@pytest.fixture
def put(clip: Path, tmp_path: Path) -> Put:
    def copies(*names: str) -> None:
        for name in names:
            path = tmp_path / "in" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, path)

    return copies


def options(root: Path, **told: Any) -> ClipsOptions:
    made = ClipsOptions(source=root / "in", output=root / "out", no_filters=True, workers=1)
    return replace(made, **told)


def kept(root: Path) -> list[GenerateClip]:
    return read_clips(root / "out" / "manifest.jsonl")


def text(root: Path, name: str, lines: list[str]) -> None:
    path = root / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines))


def test_vggsound_counts_what_is_missing(put: Put, tmp_path: Path) -> None:
    put("video/aaaaaaaaaaa_000030.mp4", "video/bbbbbbbbbbb_000001.mp4")
    rows = ['aaaaaaaaaaa,30,"dog, barking",train', "bbbbbbbbbbb,1,rain,test", "c,2,rain,test"]
    text(tmp_path, "vggsound.csv", rows)
    report = prepare_vggsound(options(tmp_path))
    assert report["kept"] == {"train": 1, "val": 0, "test": 1}
    assert report["missing"] == {"test": 1} and report["warnings"] == ["1 of 3 clips are missing"]
    clips = kept(tmp_path)
    assert clips[0].label == "dog, barking" and clips[0].source_id == "aaaaaaaaaaa"
    assert clips[0].seconds == pytest.approx(2.5, abs=0.1)
    assert (tmp_path / "out" / clips[0].video).is_file()
    with pytest.raises(OutputError, match="exists"):
        prepare_vggsound(options(tmp_path))
    text(tmp_path, "vggsound.csv", ["a,b"])
    with pytest.raises(InputError, match="line 1: expected id, start"):
        prepare_vggsound(options(tmp_path, force=True))


def test_audioset_reads_its_lists_and_names_of_classes(put: Put, tmp_path: Path) -> None:
    put("video/balanced_train/YaAa.mp4", "video/b_30.000_40.000.mp4")
    head = ["# Segments csv created", "# num_ytids=1", "# YTID, start_seconds, end_seconds, labels"]
    text(tmp_path, "balanced_train_segments.csv", [*head, 'aAa, 0.000, 10.000, "/m/1,/m/2"'])
    text(tmp_path, "eval_segments.csv", [*head, 'b, 30.000, 40.000, "/m/2"', "c, 1, 2, /m/3"])
    text(tmp_path, "class_labels_indices.csv", ["index,mid,display_name", '0,/m/1,"Dog, bark"'])
    report = prepare_audioset(options(tmp_path))
    assert report["listed"] == {"train": 1, "val": 0, "test": 2} and report["missing"] == {
        "test": 1
    }
    assert [(c.id, c.label) for c in kept(tmp_path)] == [
        ("aAa_000000", "Dog, bark; /m/2"),
        ("b_000030", "/m/2"),
    ]


def aist(put: Put, root: Path) -> None:
    names = {
        "train": ["gBR_sBM_cAll_d04_mBR3_ch03", "gBR_sBM_cAll_d04_mBR4_ch03"],
        "val": ["gBR_sBM_cAll_d05_mBR0_ch01"],
        "test": ["gBR_sBM_cAll_d05_mBR0_ch02", "gBR_sBM_cAll_d06_mBR1_ch02"],
    }
    for split, own in names.items():
        text(root, f"splits/crossmodal_{split}.txt", own)
        put(*(f"videos/{name.replace('cAll', 'c01')}.mp4" for name in own))
    text(root, "ignore_list.txt", ["gBR_sBM_cAll_d04_mBR4_ch03"])


def test_aist_keeps_songs_apart(put: Put, tmp_path: Path) -> None:
    aist(put, tmp_path)
    report = prepare_aist(options(tmp_path))
    assert report["kept"] == {"train": 1, "val": 1, "test": 2}
    clips = kept(tmp_path)
    songs = {split: {c.source_id for c in clips if c.split == split} for split in report["kept"]}
    assert songs == {"train": {"mBR3"}, "val": {"mBR1"}, "test": {"mBR0"}}
    assert {clip.label for clip in clips} == {"BR"}


def test_aists_published_parts_share_songs_and_are_refused(put: Put, tmp_path: Path) -> None:
    aist(put, tmp_path)
    with pytest.raises(InputError, match="mBR0 in test and val; say --drop-leaks"):
        prepare_aist(options(tmp_path, splits="published"))
    report = prepare_aist(options(tmp_path, splits="published", drop_leaks=True))
    assert report["kept"] == {"train": 1, "val": 0, "test": 2}
    assert report["leaks_dropped"] == ["mBR0"]


def test_each_genre_has_one_test_song_and_one_for_validation() -> None:
    for song in AIST_TEST_SONGS:
        splits = [song_split(f"{song[:-1]}{n}") for n in range(SONGS_EACH)]
        assert sorted(splits) == ["test", "train", "train", "train", "train", "val"]


def test_landscape_keeps_a_recording_in_one_split(put: Put, tmp_path: Path) -> None:
    put("train/rain/aaaaaaaaaaa_10.mp4", "test/rain/aaaaaaaaaaa_20.mp4", "test/fire/f_1.mp4")
    with pytest.raises(InputError, match="aaaaaaaaaaa in test and train"):
        prepare_landscape(options(tmp_path))
    report = prepare_landscape(options(tmp_path, drop_leaks=True))
    assert report["kept"] == {"train": 0, "val": 0, "test": 2} and report["classes"] == 2
    shutil.rmtree(tmp_path / "in" / "train")
    with pytest.raises(InputError, match="expects train and test"):
        prepare_landscape(options(tmp_path, force=True))


def test_mv100k_takes_lists_of_ids(put: Put, tmp_path: Path) -> None:
    put("video/x1.mp4", "video/x2.mp4", "video/x3.mp4")
    text(tmp_path, "list.txt", ["x1", "x2,music video", "x3", "x4", "# a remark", "x1"])
    report = prepare_mv100k(options(tmp_path))
    assert sum(report["kept"].values()) == 3 and sum(report["missing"].values()) == 1
    text(tmp_path, "test.txt", ["x2"])
    text(tmp_path, "train.txt", ["x1"])
    text(tmp_path, "val.txt", ["x3"])
    report = prepare_mv100k(options(tmp_path, force=True))
    assert report["kept"] == {"train": 1, "val": 1, "test": 1}


def test_any_folder_is_filtered_and_each_rejected_clip_has_its_reason(
    put: Put, tmp_path: Path
) -> None:
    put("train/cat/a.mp4", "b.mkv")
    root = tmp_path / "in"
    write_clip(root / "silent.mp4", np.zeros((1, 40000), np.float32), 16000, "mono")
    write_clip(root / "mute.mp4", None, seconds=2.5)
    write_clip(root / "short.mp4", tones(1.0, 16000, 1), 16000, "mono")
    (root / "broken.mp4").write_bytes(b"nothing")
    report = prepare_videos(options(tmp_path, no_filters=False))
    assert report["rejected"] == {"unreadable": 2, "silent": 1, "too short": 1}
    assert "2 clips could not be read" in report["warnings"][0]
    lines = (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()
    reasons = {row["id"]: row["reason"] for row in map(json.loads, lines)}
    assert sorted(reasons) == ["broken", "mute", "short", "silent"]
    assert "no sound track" in reasons["mute"] and "dBFS" in reasons["silent"]
    clips = {clip.id: clip for clip in kept(tmp_path)}
    assert clips["train/cat/a"].split == "train" and clips["train/cat/a"].label == "cat"


def test_long_files_become_several_clips_of_one_recording(put: Put, tmp_path: Path) -> None:
    put("one.mp4")
    prepare_videos(options(tmp_path, piece=1.0, shortest=0.4))
    clips = kept(tmp_path)
    assert [clip.start_s for clip in clips] == [0.0, 1.0, 2.0]
    assert len({clip.source_id for clip in clips}) == 1 and len({c.split for c in clips}) == 1


def test_two_workers_give_the_same_manifest_as_one(put: Put, tmp_path: Path) -> None:
    put(*(f"{n}.mp4" for n in range(4)))
    prepare_videos(options(tmp_path))
    alone = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    prepare_videos(options(tmp_path, force=True, workers=2))
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == alone


def test_wrong_layouts_are_named(tmp_path: Path) -> None:
    told = options(tmp_path)
    for recipe in (prepare_vggsound, prepare_audioset, prepare_aist, prepare_mv100k):
        with pytest.raises(InputError, match="published layout"):
            recipe(told)
    with pytest.raises(InputError, match="must hold videos"):
        prepare_videos(told)
    text(tmp_path, "splits/crossmodal_train.txt", ["strange"])
    for split in ("val", "test"):
        text(tmp_path, f"splits/crossmodal_{split}.txt", [])
    with pytest.raises(InputError, match="'strange'"):
        prepare_aist(told)


def test_recordings_are_ids_of_videos_where_names_have_one() -> None:
    assert recording_of("aB3-_x9Zq0k_000030") == "aB3-_x9Zq0k"
    assert recording_of("aB3-_x9Zq0k") == "aB3-_x9Zq0k"
    assert recording_of("waterfall_12") == "waterfall_12"


def test_every_recipe_is_in_the_table_once() -> None:
    names = [name for task in TASKS.values() for name in task.prepare]
    assert len(names) == len(set(names))
    for name in ("generate-vggsound", "audioset", "aist", "landscape", "mv100k", "generate-videos"):
        action = TASKS["generate"].prepare[name]
        assert resolve(action.options) is ClipsOptions and callable(resolve(action.run))
