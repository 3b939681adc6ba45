"""`prepare procedural` on a made-up tree of sources."""

from pathlib import Path

import numpy as np
import pytest
import torch

from seehear.data.clip_manifest import read_clips
from seehear.data.drive import frame_times
from seehear.data.procedural_clips import ClipFolder
from seehear.errors import OutputError, UsageError
from seehear.media.probe import probe
from seehear.media.read import read_frames
from seehear.tasks.generate.pair_batches import ListedPairs
from seehear.tasks.generate.prepare_procedural import prepare_procedural
from seehear.tasks.generate.procedural_options import ProceduralOptions
from tests.unit.data.corpus import make_corpus


def options(root: Path, name: str = "clips", **changes: object) -> ProceduralOptions:
    values = {"train": 4, "val": 4, "test": 8, "seconds": 2.0, "frame_size": 64, "melodies": 0}
    chosen = {**values, **changes}
    return ProceduralOptions(source=root / "sources.csv", output=root / name, **chosen)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    make_corpus(folder, ("train", "val", "test"))
    prepare_procedural(options(folder))
    return folder


def test_clips_have_files_and_scenes(root: Path) -> None:
    rows = read_clips(root / "clips" / "manifest.jsonl")
    assert [sum(r.split == s for r in rows) for s in ("train", "val", "test")] == [4, 4, 8]
    assert {r.label for r in rows} == {"dog", "piano", "rain", "speech"}
    for row in rows:
        assert row.scene is not None
        assert row.seconds == 2.0
        assert bool(row.video) is (row.split != "train")


def test_videos_are_silent_and_show_the_scene(root: Path) -> None:
    clips, folder = root / "clips", ClipFolder(root / "clips")
    for row in read_clips(clips / "manifest.jsonl", "test")[:3]:
        info = probe(clips / row.video)
        assert not info.audio
        assert info.video is not None
        seen = read_frames(clips / row.video, 20.0, 64).frames.float()
        drawn = folder.frames(row, frame_times(2.0, 20.0, 25.0), 64).float()
        assert len(seen) == len(drawn) == 40
        # What compression does to noise, and no more; near onsets the film's finer steps show as well.
        assert float((seen - drawn).abs().mean(dim=(1, 2, 3)).median()) < 16.0
        assert len(folder.waveform(row)) == 32000


def test_the_same_seed_gives_the_same_clips(root: Path) -> None:
    prepare_procedural(options(root, "again", train=0, val=0, test=3))
    first = {r.id: r for r in read_clips(root / "clips" / "manifest.jsonl", "test")}
    for row in read_clips(root / "again" / "manifest.jsonl"):
        assert first[row.id] == row
        for name in row.files():
            assert (root / "clips" / name).read_bytes() == (root / "again" / name).read_bytes()


def test_existing_clips_and_wrong_options_are_refused(root: Path) -> None:
    with pytest.raises(OutputError, match="exists"):
        prepare_procedural(options(root))
    for wrong in ({"train": 0, "val": 0, "test": 0}, {"frame_size": 33}, {"frame_rate": 2}):
        with pytest.raises(UsageError):
            options(root, **wrong)


def test_listed_pairs_are_excerpts_in_step(root: Path) -> None:
    manifest = root / "clips" / "manifest.jsonl"
    for split in ("train", "test"):
        pairs = ListedPairs(manifest, split, 20.0, 64, 0)
        one = pairs.pair(1, 1.0)
        assert one.frames.shape == (20, 3, 64, 64)
        assert one.waveform.shape == (16000,)
        assert torch.equal(one.waveform, pairs.pair(1, 1.0).waveform)
        longer = pairs.pair(0, 3.0)
        assert len(longer.frames) == 60
        assert len(longer.waveform) == 48000
    seen = {ListedPairs(manifest, "test", 20.0, 64, 0).pair(n, 1.0).label for n in range(8)}
    assert len(seen) == 4
    assert np.unique([p.id for p in pairs.rows]).size == 8
