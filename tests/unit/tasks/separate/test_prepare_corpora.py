"""Manifests of corpora, from fake copies in the published layouts."""

from pathlib import Path

import pytest

from seehear.data.splits import drawn_split
from seehear.data.thing_manifest import ThingClip, leaks, read_clips, write_clips
from seehear.errors import InputError, OutputError, UsageError
from seehear.tasks.separate.corpora_options import CorpusOptions
from seehear.tasks.separate.prepare_corpora import (
    SUBSETS,
    prepare_ave,
    prepare_music,
    prepare_vggsound,
    prepare_videos,
)


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def fake_music(root: Path) -> Path:
    for split, names in (("train", "ab"), ("val", "c"), ("test", "d")):
        rows = [f"audio/flute/{n}.mp3,frames/flute/{n}.mp4,199" for n in names]
        (root / f"{split}.csv").write_text("\n".join(rows) + "\n")
    for name in ("a.mp4", "b.webm", "d.mkv"):
        touch(root / "video" / "flute" / name)
    return root


def test_music_counts_what_is_missing_and_points_at_files(tmp_path: Path) -> None:
    source = tmp_path / "music"
    source.mkdir()
    report = prepare_music(CorpusOptions(source=fake_music(source), output=tmp_path / "out"))
    assert report["listed"] == {"train": 2, "val": 1, "test": 1}
    assert report["missing"] == {"val": 1} and report["warnings"] == ["1 of 4 clips are missing"]
    clips = read_clips(tmp_path / "out" / "manifest.jsonl")
    assert [(c.video_id, c.label, c.split) for c in clips] == [
        ("a", "flute", "train"),
        ("b", "flute", "train"),
        ("d", "flute", "test"),
    ]
    assert all((tmp_path / "out" / clip.path).is_file() for clip in clips)
    with pytest.raises(OutputError, match="exists"):
        prepare_music(CorpusOptions(source=source, output=tmp_path / "out"))


def test_a_recording_in_two_splits_is_refused_by_its_id(tmp_path: Path) -> None:
    for split in ("train", "val", "test"):
        rows = ["Bark&v0&good&0&10"] if split == "val" else [f"Bark&v1&good&0&{i}" for i in (3, 10)]
        (tmp_path / f"{split}Set.txt").write_text("\n".join(rows) + "\n")
    for name in ("v0", "v1"):
        touch(tmp_path / "AVE" / f"{name}.mp4")
    with pytest.raises(InputError, match="v1 in test and train; say --drop-leaks"):
        prepare_ave(CorpusOptions(source=tmp_path, output=tmp_path / "out"))
    report = prepare_ave(CorpusOptions(source=tmp_path, output=tmp_path / "out", drop_leaks=True))
    assert report["kept"] == {"train": 0, "val": 1, "test": 2}
    assert report["leaks_dropped"] == ["v1"]


def test_subsets_of_vggsound_take_so_many_of_each_class(tmp_path: Path) -> None:
    rows = []
    for label in (*SUBSETS["vehicle10"][:2], "driving buses"):
        for number in range(8):
            split = "test" if number < 3 else "train"
            name = f"{label[:3]}{number}"
            rows.append(f'{name},{number},"{label}",{split}')
            touch(tmp_path / "video" / f"{name}_{number:06d}.mp4")
    (tmp_path / "vggsound.csv").write_text("\n".join(rows) + "\n")

    def made(**told: object) -> list[ThingClip]:
        options = CorpusOptions(source=tmp_path, output=tmp_path / "o", force=True, **told)  # type: ignore[arg-type]
        prepare_vggsound(options)
        return read_clips(tmp_path / "o" / "manifest.jsonl")

    assert len(made()) == 24
    chosen = made(subset="vehicle10", per_class=(4, 2))
    assert {clip.label for clip in chosen} == set(SUBSETS["vehicle10"][:2])
    # Of 5 training clips 4 are asked for; the other one is left for validation.
    assert {split: sum(c.split == split for c in chosen) for split in ("train", "val", "test")} == {
        "train": 8,
        "val": 2,
        "test": 4,
    }
    assert chosen == made(subset="vehicle10", per_class=(4, 2))
    assert chosen != made(subset="vehicle10", per_class=(4, 2), seed=1)
    assert all(len(classes) == 10 for classes in SUBSETS.values())


def test_any_folder_of_videos_gets_splits_by_name(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        for number in range(40):
            touch(tmp_path / "in" / label / f"{label}{number}.mp4")
    touch(tmp_path / "in" / "cat" / "notes.txt")
    report = prepare_videos(CorpusOptions(source=tmp_path / "in", output=tmp_path / "out"))
    assert sum(report["kept"].values()) == 80 and report["classes"] == 2
    assert report["kept"]["train"] > 50 and not report["warnings"]
    for clip in read_clips(tmp_path / "out" / "manifest.jsonl"):
        assert clip.split == drawn_split(clip.video_id, 0)


def test_wrong_layouts_are_named(tmp_path: Path) -> None:
    options = CorpusOptions(source=tmp_path / "none", output=tmp_path / "out")
    for recipe in (prepare_music, prepare_ave, prepare_vggsound):
        with pytest.raises(InputError, match="published layout"):
            recipe(options)
    with pytest.raises(InputError, match="one folder per class"):
        prepare_videos(options)
    (tmp_path / "vggsound.csv").write_text("a,b,c\n")
    with pytest.raises(InputError, match="line 1: expected id, start"):
        prepare_vggsound(CorpusOptions(source=tmp_path, output=tmp_path / "out"))
    (tmp_path / "vggsound.csv").write_text("a,1,c,train\n")
    with pytest.raises(InputError, match="none of the 1 clips"):
        prepare_vggsound(CorpusOptions(source=tmp_path, output=tmp_path / "out"))
    with pytest.raises(UsageError, match="per-class"):
        CorpusOptions(source=tmp_path, output=tmp_path, per_class=(0, 1))


def test_clip_manifests_come_back_as_written(tmp_path: Path) -> None:
    clips = [
        ThingClip("a", "v", "dog", "train", "x.mp4"),
        ThingClip("b", "v", "dog", "val", "x.mp4", 1.0, 2.0),
    ]
    write_clips(tmp_path / "m.jsonl", clips)
    assert read_clips(tmp_path / "m.jsonl") == clips
    assert leaks(clips) == {"v": ("train", "val")}
    (tmp_path / "m.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(InputError, match="line 1"):
        read_clips(tmp_path / "m.jsonl")
