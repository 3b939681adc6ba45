"""Shards of a corpus: what is in them, what happens to bad clips, and after an interruption."""

import json
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seehear.data.pair_list import read_pairs
from seehear.data.shards import read_samples
from seehear.data.thing_clips import open_clips
from seehear.errors import Cancelled, InputError, UsageError
from seehear.tasks.separate import prepare_shards
from seehear.tasks.separate.corpora_options import CorpusOptions
from tests.unit.tasks.separate.clips import make_videos, prepare

TOLD: dict[str, Any] = {"shards": 7, "frame_size": 16, "frame_rate": 2.0}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_videos(tmp_path_factory.mktemp("videos"))
    (root / "dog" / "broken.mkv").write_bytes(b"no video at all")
    return root


def test_shards_hold_sound_and_frames_of_what_can_be_read(videos: Path, tmp_path: Path) -> None:
    report = prepare(videos, tmp_path, **TOLD)
    assert (
        list(report["bad"]) == ["dog/broken"]
        and "1 clips could not be read" in report["warnings"][0]
    )
    assert sum(report["kept"].values()) == 24
    paths = sorted((tmp_path / "shards").glob("*.tar"))
    assert len(paths) == report["shards"] and paths[0].name.startswith("test-000000")
    samples = list(read_samples(paths))
    assert len(samples) == 24
    for key, parts in samples:
        described = json.loads(parts["json"])
        assert key.startswith(described["clip"]["split"]) and described["sample_rate"] == 11025
        frames = [name for name in parts if name.endswith(".jpg")]
        assert len(frames) == described["num_frames"] == 4 and len(parts["flac"]) > 1000
        assert "/" not in described["clip"]["path"], "a shard tells nothing of the user's folders"
    source = open_clips(tmp_path / "shards")
    assert len(read_pairs(tmp_path / "pairs-test.jsonl", source.clips)) == report["pairs"]["test"]
    clip = next(c for c in source.clips if c.label == "flute")
    whole, part = source.sound(clip, 0.0, None), source.sound(clip, 0.5, 0.25)
    assert part.num_samples == round(0.25 * 11025)
    assert (whole.waveform[:, 5512 : 5512 + part.num_samples] == part.waveform).all()
    video = source.frames(clip, 1.0, 8)
    assert video.frames.shape == (2, 3, 8, 8) and video.times.tolist() == [0.0, 1.0]
    assert video.frames[0].float().mean((1, 2)).argmax() == 1, "flutes are green"
    with pytest.raises(InputError, match="no sound at 9"):
        source.sound(clip, 9.0, 1.0)


def test_an_interrupted_run_goes_on_where_it_was(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    real = prepare_shards.pack_shard

    def counted(job: prepare_shards.ShardJob) -> dict[str, str]:
        if len(made) == 2:
            raise Cancelled("asked to stop")
        made.append(job.path.name)
        return real(job)

    monkeypatch.setattr(prepare_shards, "pack_shard", counted)
    with pytest.raises(Cancelled):
        prepare(videos, tmp_path, **TOLD)
    assert not (tmp_path / "manifest.jsonl").exists()
    first = list(made)
    monkeypatch.setattr(
        prepare_shards, "pack_shard", lambda job: made.append(job.path.name) or real(job)
    )
    report = prepare(videos, tmp_path, **TOLD)
    assert len(made) == len(set(made)) == report["shards"] and made[:2] == first
    assert list(report["bad"]) == ["dog/broken"]
    # Other options: nothing of the old ones is left.
    again = prepare(videos, tmp_path, force=True, **{**TOLD, "frame_size": 8, "shards": 30})
    assert len(list((tmp_path / "shards").glob("*.tar"))) == again["shards"] == 3


def test_ray_and_a_pool_run_the_same_function(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(videos, tmp_path / "one", **TOLD)
    fake: Any = types.ModuleType("ray")
    fake.is_initialized = lambda: True
    fake.remote = lambda function: types.SimpleNamespace(remote=function)
    fake.wait = lambda waiting, num_returns: (waiting[:1], waiting[1:])
    fake.get = lambda ready: ready
    monkeypatch.setitem(sys.modules, "ray", fake)
    prepare(videos, tmp_path / "two", engine="ray", **TOLD)
    for path in sorted((tmp_path / "one" / "shards").glob("*.tar")):
        assert path.read_bytes() == (tmp_path / "two" / "shards" / path.name).read_bytes()


def test_wrong_places_and_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no shards"):
        open_clips(tmp_path)
    options = CorpusOptions(source=tmp_path, output=tmp_path)
    for wrong in ({"shards": -1}, {"sample_rate": 1}, {"frame_rate": 0.0}, {"frame_size": 4}):
        with pytest.raises(UsageError, match="must be"):
            replace(options, **wrong)  # type: ignore[arg-type]
