"""Tar files of samples: the same bytes, readable by the library, by our stream and by place."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from seehear.data.shards import ShardIndex, read_samples, split_name, write_shard
from seehear.errors import InputError, OutputError

SAMPLES: list[tuple[str, dict[str, bytes]]] = [
    ("a-000000", {"json": b"{}", "frame0000.jpg": b"picture", "flac": b"sound" * 1000}),
    ("a-000001", {"json": b"{}", "flac": b""}),
]


def test_streams_places_and_the_library_agree(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    first, second = tmp_path / "0.tar", tmp_path / "1.tar"
    write_shard(first, SAMPLES)
    write_shard(second, [("b-000000", {"txt": b"words"})])
    streamed = list(read_samples([first, second]))
    assert streamed == [*SAMPLES, ("b-000000", {"txt": b"words"})]
    index = ShardIndex([first, second])
    for key, parts in streamed:
        assert {name: index.read(key, name) for name in index.places[key]} == parts
    read = _by_library(webdataset, [first, second])
    assert [{k: v for k, v in s.items() if not k.startswith("__")} for s in read] == [
        parts for _, parts in streamed
    ]
    assert [sample["__key__"] for sample in read] == [key for key, _ in streamed]


def _by_library(webdataset: Any, shards: list[Path]) -> list[dict[str, Any]]:
    streams = ({"url": str(p), "stream": io.BytesIO(p.read_bytes())} for p in shards)
    files = webdataset.tariterators.tar_file_expander(streams)
    return [
        {k: v for k, v in sample.items() if k != "__url__"}
        for sample in webdataset.tariterators.group_by_keys(files)
    ]


def test_the_same_samples_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.tar", "two.tar"):
        write_shard(tmp_path / name, SAMPLES)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_shard_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> Any:
        yield SAMPLES[0]
        raise InputError("a clip is wrong")

    with pytest.raises(InputError, match="a clip is wrong"):
        write_shard(tmp_path / "x.tar", broken())
    with pytest.raises(InputError, match="no dots"):
        write_shard(tmp_path / "x.tar", [("a.b", {"json": b""})])
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        write_shard(tmp_path / "file" / "x.tar", SAMPLES)


def test_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    write_shard(path, SAMPLES)
    with pytest.raises(InputError, match="another shard too"):
        write_shard(tmp_path / "y.tar", SAMPLES[:1])
        ShardIndex([path, tmp_path / "y.tar"])
    with pytest.raises(InputError, match="have no a-000000"):
        ShardIndex([path]).read("a-000000", "png")
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(InputError, match=r"cut off|cannot read the shard"):
        ShardIndex([path])
    path.write_text("no tar file")
    with pytest.raises(InputError, match="cannot read the shard"):
        list(read_samples([path]))


def test_folders_in_a_shard_belong_to_the_key(tmp_path: Path) -> None:
    assert split_name("val/dog.1/000.frame0.jpg") == ("val/dog.1/000", "frame0.jpg")
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("val"))
        entry = tarfile.TarInfo("val/a.json")
        entry.size = 2
        tar.addfile(entry, io.BytesIO(b"{}"))
    assert ShardIndex([path]).read("val/a", "json") == b"{}"
