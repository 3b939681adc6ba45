"""Finding, fetching and verifying models; the network is a server on loopback."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from seehear import models, registry
from seehear.checkpoint import save_checkpoint
from seehear.errors import ModelError, OutputError
from seehear.models import ModelEntry
from seehear.registry import ModelRow

Files = dict[str, bytes]
ID = "highlight/remote"


@dataclass(frozen=True)
class ToyConfig:
    width: int = 3


class Toy(nn.Module):
    """Nine numbers in a row."""

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config = config
        self.weight = nn.Parameter(torch.arange(float(config.width**2)))


def tiny_toy() -> Toy:
    return Toy(ToyConfig())


@pytest.fixture(autouse=True)
def toy_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry is tested with a model that needs no other part of the package."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    entry = ModelEntry(*(f"{__name__}:{name}" for name in ("ToyConfig", "Toy", "tiny_toy")))
    monkeypatch.setitem(models.MODELS, "toy", entry)
    tiny = ModelRow("highlight/toy", "highlight", "CC0-1.0", "made on the spot", tiny="toy")
    table = {**registry.rows(), tiny.id: tiny}
    monkeypatch.setattr(registry, "rows", lambda: table)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkpoint as it would lie on a server."""
    save_checkpoint(tmp_path / "served", tiny_toy(), "toy", {"licence": "CC0-1.0"}, torch.float16)
    return tmp_path / "served"


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    """The folder, served on loopback."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEEHEAR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def add_row(
    monkeypatch: pytest.MonkeyPatch, folder: Path, address: str, **changed: object
) -> ModelRow:
    """Put a fetchable row into the table."""
    files = []
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        row = {
            "name": path.name,
            "url": f"{address}/{path.name}",
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            **changed,
        }
        files.append((row["name"], row["url"], row["sha256"], row["bytes"]))
    row = ModelRow(ID, "highlight", "CC0-1.0", "served", files=tuple(files))  # type: ignore[arg-type]
    table = {**registry.rows(), ID: row}
    monkeypatch.setattr(registry, "rows", lambda: table)
    return row


def test_fetched_model_loads(
    folder: Path, address: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = add_row(monkeypatch, folder, address)
    with pytest.raises(ModelError, match="seehear models fetch highlight/remote"):
        registry.load(ID, "highlight")
    seen: list[tuple[int, int, str]] = []
    assert registry.fetch(ID, lambda *report: seen.append(report)) == cache / ID
    assert seen[-1][0] == seen[-1][1] and seen[-1][2] == "config.json"
    assert sorted(p.name for p in (cache / ID).iterdir()) == sorted(f[0] for f in row.files)
    loaded = registry.load(ID, "highlight")
    assert loaded.meta["id"] == ID
    hashes = registry.verify(ID)
    assert hashes["model.safetensors"] == loaded.sha256
    assert registry.weights_sha256(ID, "highlight") == loaded.sha256


def test_whole_files_are_not_fetched_again(
    folder: Path, address: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_row(monkeypatch, folder, address)
    registry.fetch(ID)
    seen: list[str] = []
    registry.fetch(ID, lambda done, total, name: seen.append(name))
    assert seen == []
    damaged = cache / ID / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelError, match="get the file again"):
        registry.verify(ID)
    registry.fetch(ID, lambda done, total, name: seen.append(name))
    assert set(seen) == {"model.safetensors"}
    registry.verify(ID)


@pytest.mark.parametrize("changed", [{"sha256": "0" * 64}, {"bytes": 3}, {"bytes": 10**9}])
def test_content_that_does_not_match_leaves_nothing(
    changed: dict[str, object],
    folder: Path,
    address: str,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_row(monkeypatch, folder, address, **changed)
    with pytest.raises(ModelError, match="expected"):
        registry.fetch(ID)
    assert list((cache / ID).iterdir()) == []
    with pytest.raises(ModelError, match="not on this machine yet"):
        registry.verify(ID)


def test_missing_file_and_dead_server(
    folder: Path, address: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_row(monkeypatch, folder, address, url=f"{address}/no-such-file")
    with pytest.raises(ModelError, match=r"cannot fetch .*File not found; check the network"):
        registry.fetch(ID)
    add_row(monkeypatch, folder, address, url="http://127.0.0.1:9/x")
    with pytest.raises(ModelError, match="cannot fetch"):
        registry.fetch(ID)
    assert list((cache / ID).iterdir()) == []


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "file:///etc/passwd", "ftp://a/b", "/etc/x"]
)
def test_only_https_beyond_this_machine(
    url: str, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_row(monkeypatch, folder, "", url=url)
    with pytest.raises(ModelError, match="by https only"):
        registry.fetch(ID)
    assert list((cache / ID).iterdir()) == []


def test_cache_that_cannot_be_made(
    folder: Path, address: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_row(monkeypatch, folder, address)
    cache.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="cannot write to the model cache"):
        registry.fetch(ID)


def test_what_needs_no_fetching() -> None:
    with pytest.raises(ModelError, match="comes with the package"):
        registry.fetch("highlight/toy")
    with pytest.raises(ModelError, match=r"known: .*highlight/tiny"):
        registry.fetch("highlight/none")


def test_tiny_hash_is_that_of_the_loaded_model() -> None:
    hashes = registry.verify("highlight/toy")
    assert hashes == {"tensors": registry.load("highlight/toy", "highlight").sha256}
    found = registry.weights_sha256("highlight/toy", "highlight")
    assert found == hashes["tensors"]


def test_folder_is_verified_by_path(folder: Path) -> None:
    hashes = registry.verify(str(folder))
    assert hashes == {"model.safetensors": registry.weights_sha256(str(folder), "highlight")}
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="not a complete checkpoint"):
        registry.verify(str(folder))
