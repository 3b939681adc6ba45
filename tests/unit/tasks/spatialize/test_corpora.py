"""Recipes of stereo corpora on fake trees of their published layouts."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from seehear.data.binaural_clips import read_clips
from seehear.data.splits import drawn_split
from seehear.errors import InputError, OutputError, UsageError
from seehear.tasks.spatialize.corpora_options import StereoOptions
from seehear.tasks.spatialize.prepare_corpora import (
    prepare_fair_play,
    prepare_music_stereo,
    prepare_stereo_videos,
    prepare_youtube_asmr,
)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def fair_play(tmp_path: Path) -> Path:
    """Six clips; both kinds of lists, with the authors' folders in them and no newline at the end."""
    root = tmp_path / "FAIR-Play"
    for n in range(1, 7):
        touch(root / "videos" / f"{n:06d}.mp4", root / "binaural_audios" / f"{n:06d}.wav")
    parts = {"train": (1, 2, 3, 9), "val": (4,), "test": (5, 6)}
    for split, numbers in parts.items():
        folder = root / "new_splits" / "split2"
        folder.mkdir(parents=True, exist_ok=True)
        text = "\n".join(f"{n:06d}.mp3" for n in numbers)
        (folder / f"{split}.txt").write_text(text)
        folder = root / "splits" / "split10"
        folder.mkdir(parents=True, exist_ok=True)
        names = [f"/authors/{n:06d}.wav".encode() for n in numbers]
        with h5py.File(folder / f"{split}.h5", "w") as file:
            file["audio"] = np.array(names)
    return root


def test_fair_play_has_both_kinds_of_splits(fair_play: Path, tmp_path: Path) -> None:
    report = prepare_fair_play(
        StereoOptions(source=fair_play, output=tmp_path / "new", split_number=2)
    )
    assert report["kept"] == {"train": 3, "val": 1, "test": 2}
    assert report["missing"] == {"train": 1} and "1 of 7" in report["warnings"][0]
    clips = read_clips(tmp_path / "new" / "manifest.jsonl")
    assert clips[0].id == "000001" and clips[0].sound and clips[0].sound.endswith("000001.wav")
    # The last name of a list without a newline is whole.
    assert clips[-1].id == "000006"
    old = prepare_fair_play(
        StereoOptions(
            source=fair_play, output=tmp_path / "old", splits="published", split_number=10
        )
    )
    assert old["kept"] == report["kept"] and "same scenes" in old["warnings"][0]
    with pytest.raises(InputError, match="published layout"):
        prepare_fair_play(StereoOptions(source=fair_play, output=tmp_path / "x"))
    with pytest.raises(UsageError, match="1 to 5"):
        StereoOptions(source=fair_play, output=tmp_path, split_number=6)


def test_single_sources_of_test_clips_are_not_used(fair_play: Path, tmp_path: Path) -> None:
    listed = tmp_path / "mono.txt"
    listed.write_text("000001.mp3\n000005.mp3\n000004.mp3")
    report = prepare_fair_play(
        StereoOptions(source=fair_play, output=tmp_path / "out", split_number=2, mono_list=listed)
    )
    assert (report["mono"], report["mono_elsewhere"]) == (1, 2)
    clips = read_clips(tmp_path / "out" / "manifest.jsonl")
    assert [clip.id for clip in clips if clip.mono] == ["000001"]


def test_a_recording_in_two_splits_is_refused(fair_play: Path, tmp_path: Path) -> None:
    lists = fair_play / "new_splits" / "split2"
    (lists / "val.txt").write_text("000004.mp3\n000005.mp3\n")
    options = StereoOptions(source=fair_play, output=tmp_path / "out", split_number=2)
    with pytest.raises(InputError, match="000005 in test and val"):
        prepare_fair_play(options)
    dropped = prepare_fair_play(
        StereoOptions(source=fair_play, output=tmp_path / "out", split_number=2, drop_leaks=True)
    )
    assert dropped["leaks_dropped"] == ["000005"]
    assert dropped["kept"] == {"train": 3, "val": 1, "test": 2}
    with pytest.raises(OutputError, match="--force"):
        prepare_fair_play(options)


def test_music_stereo_cuts_whole_videos_or_takes_cut_ones(tmp_path: Path) -> None:
    root = tmp_path / "MUSIC-Stereo"
    touch(root / "video" / "aaa.webm", root / "video" / "bbb_20.mp4", root / "video" / "ccc.mp4")
    (root / "train.txt").write_text("aaa,0\naaa, 10\nbbb,20\nddd,0\n")
    (root / "val.txt").write_text("ccc\n")
    (root / "test.txt").write_text("")
    report = prepare_music_stereo(StereoOptions(source=root, output=tmp_path / "out"))
    assert report["kept"] == {"train": 3, "val": 1, "test": 0} and report["recordings"] == 3
    clips = read_clips(tmp_path / "out" / "manifest.jsonl")
    assert [(c.id, c.start_s, c.duration_s) for c in clips] == [
        ("aaa_0", 0.0, 10.0),
        ("aaa_10", 10.0, 10.0),
        ("bbb_20", 0.0, 10.0),
        ("ccc", 0.0, None),
    ]
    (root / "test.txt").write_text("aaa,50\n")
    with pytest.raises(InputError, match="aaa in test and train"):
        prepare_music_stereo(StereoOptions(source=root, output=tmp_path / "leak"))
    (root / "test.txt").write_text("aaa,soon\n")
    with pytest.raises(InputError, match="line 1: expected seconds"):
        prepare_music_stereo(StereoOptions(source=root, output=tmp_path / "bad"))


def test_youtube_asmr_is_read_as_its_script_saves_it(tmp_path: Path) -> None:
    root = tmp_path / "asmr"
    for split, name in (("train", "-x_y"), ("val", "bbb"), ("test", "ccc")):
        data = root / f"{split}_data" / "data"
        touch(data / "video" / f"{name}_1500_11500.mp4", data / "audio" / f"{name}_1500_11500.flac")
        (root / f"{split}.csv").write_text(f"# a comment\n{name}, 1.5, 11.5\n")
    report = prepare_youtube_asmr(StereoOptions(source=root, output=tmp_path / "out"))
    assert report["kept"] == {"train": 1, "val": 1, "test": 1}
    clip = read_clips(tmp_path / "out" / "manifest.jsonl")[0]
    assert clip.video_id == "-x_y" and clip.sound and clip.sound.endswith("-x_y_1500_11500.flac")
    (root / "val.csv").write_text("bbb\n")
    with pytest.raises(InputError, match="expected id, start, end"):
        prepare_youtube_asmr(StereoOptions(source=root, output=tmp_path / "bad"))


def test_any_folder_gives_its_stereo_videos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import seehear.media.probe as probing

    class Track:
        def __init__(self, channels: int) -> None:
            self.channels = channels

    class Report:
        def __init__(self, path: Path) -> None:
            self.audio = (Track(1 if "mono" in path.name else 2),)

    monkeypatch.setattr(probing, "probe", Report)
    root = tmp_path / "mine"
    names = [f"clip{n}" for n in range(40)]
    touch(*(root / "day" / f"{name}.mp4" for name in names), root / "mono.mkv", root / "notes.txt")
    report = prepare_stereo_videos(StereoOptions(source=root, output=tmp_path / "out"))
    assert sum(report["kept"].values()) == 40 and report["without_two_channels"] == 1
    assert report["kept"]["train"] > report["kept"]["val"] + report["kept"]["test"]
    rows = [json.loads(x) for x in (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()]
    assert {row["split"] for row in rows if row["video_id"] == "clip3"} == {drawn_split("clip3", 0)}
    with pytest.raises(InputError, match="not a folder"):
        prepare_stereo_videos(StereoOptions(source=tmp_path / "none", output=tmp_path / "y"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="none of the 0 clips"):
        prepare_stereo_videos(StereoOptions(source=tmp_path / "empty", output=tmp_path / "z"))
