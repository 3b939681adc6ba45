"""Model ids -> models. A path given by the user wins, then built-in and tiny models, then the cache.

Nothing is downloaded by loading: `fetch` is a step of its own that a user asks for by id; it writes
to `.part`, checks sha256, and renames.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seehear.errors import ModelError, OutputError

PACKAGE = Path(__file__).parent
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
BLOCK_BYTES = 2**20
PATIENCE_S = 60


@dataclass(frozen=True)
class ModelRow:
    """One row of `registry.toml`.

    Args:
        id: e.g. `highlight/starter`.
        task: verb that uses it.
        licence: SPDX id or sentence.
        summary: one line for people.
        builtin: folder inside the package, or "".
        tiny: model name whose tiny variant is made on the spot, perhaps with a colon and a variant; or "".
        files: name -> {url, sha256, bytes} for models that are fetched.
    """

    id: str
    task: str
    licence: str
    summary: str
    builtin: str = ""
    tiny: str = ""
    files: tuple[tuple[str, str, str, int], ...] = ()


@cache
def rows() -> dict[str, ModelRow]:
    """All rows by id."""
    table = tomllib.loads((PACKAGE / "registry.toml").read_text(encoding="utf-8"))
    return {key: _row(key, value) for key, value in table.items()}


def _row(key: str, value: dict[str, Any]) -> ModelRow:
    files = tuple((f["name"], f["url"], f["sha256"], f["bytes"]) for f in value.pop("files", []))
    return ModelRow(id=key, files=files, **value)


def cache_folder() -> Path:
    """Where fetched models lie: `$SEEHEAR_CACHE`, else `~/.cache/seehear`."""
    return Path(os.environ.get("SEEHEAR_CACHE", Path.home() / ".cache" / "seehear"))


def find(model: str, task: str) -> Path | ModelRow:
    """Resolve `--model` to a checkpoint folder or a registry row, without loading anything.

    Args:
        model: path of a checkpoint folder, or an id.
        task: verb that wants it.

    Raises:
        ModelError: neither a folder nor a known id of this task; the message lists the ids.
    """
    path = Path(model)
    if path.is_dir() and (path / "config.json").is_file():
        return path
    known = {key: row for key, row in rows().items() if row.task == task}
    if model not in known:
        raise ModelError(
            f"{model!r} is neither a checkpoint folder nor a model for {task}; "
            f"known: {', '.join(sorted(known))}"
        )
    return known[model]


def folder_of(row: ModelRow) -> Path | None:
    """Folder with a row's files if they are on this machine, else None (tiny models have none)."""
    if row.tiny:
        return None
    folder = PACKAGE / row.builtin if row.builtin else cache_folder() / row.id
    return folder if (folder / "config.json").is_file() else None


def load(model: str, task: str) -> Any:
    """Load a model by path or id.

    Returns:
        `checkpoint.Checkpoint`; `meta` holds at least `id` and `licence`.

    Raises:
        ModelError: unknown id, not fetched yet, or damaged files.
    """
    from seehear.checkpoint import Checkpoint, load_checkpoint, tensors_sha256
    from seehear.models import build_tiny

    found = find(model, task)
    if isinstance(found, Path):
        loaded = load_checkpoint(found)
        meta = {"licence": "unknown", **loaded.meta, "id": str(found)}
        return Checkpoint(loaded.module, loaded.name, loaded.sha256, meta)
    if found.tiny:
        module = build_tiny(found.tiny).eval()
        meta = {"id": found.id, "licence": found.licence}
        return Checkpoint(module, found.tiny.partition(":")[0], tensors_sha256(module), meta)
    folder = folder_of(found)
    if folder is None:
        raise ModelError(f"{model} is not on this machine yet; run: seehear models fetch {model}")
    loaded = load_checkpoint(folder)
    meta = {**loaded.meta, "id": found.id, "licence": found.licence}
    return Checkpoint(loaded.module, loaded.name, loaded.sha256, meta)


def row_of(model: str) -> ModelRow:
    """Row of an id, whatever its task.

    Raises:
        ModelError: unknown id; the message lists the known ones.
    """
    if model not in rows():
        raise ModelError(f"no model is called {model!r}; known: {', '.join(sorted(rows()))}")
    return rows()[model]


def fetch(model: str, progress: Callable[[int, int, str], None] | None = None) -> Path:
    """Download a model's files into the cache; files that are there and whole are kept.

    Each file is written as `NAME.part`, checked by size and sha256, and only then gets its name;
    `config.json` comes last, because its presence says that the model is complete.

    Args:
        model: id of a row with `files`.
        progress: told (bytes so far, bytes of the file, file name).

    Returns:
        Folder of the model.

    Raises:
        ModelError: unknown id, nothing to fetch, an address that is not https, a failed transfer,
            or content that does not match.
        OutputError: the cache cannot be written.
    """
    row = row_of(model)
    if not row.files:
        raise ModelError(f"{model} needs no fetching: it comes with the package")
    folder = cache_folder() / row.id
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, url, sha256, size in sorted(row.files, key=lambda file: file[0] == "config.json"):
            if not _is_whole(folder / name, sha256):
                _download(url, folder / name, sha256, size, progress or _unseen)
    except OSError as error:
        raise OutputError(f"cannot write to the model cache {folder}: {error.strerror}") from error
    return folder


def verify(model: str) -> dict[str, str]:
    """Hash a model's files again and compare with what is recorded.

    Args:
        model: id, or path of a checkpoint folder.

    Returns:
        File name -> sha256; of a tiny model, which has no file, `tensors` -> sha256.

    Raises:
        ModelError: unknown, not on this machine, incomplete, or a hash differs.
    """
    from seehear.checkpoint import WEIGHTS, file_sha256, read_description, tensors_sha256
    from seehear.models import build_tiny

    path = Path(model)
    row = None if (path / "config.json").is_file() else row_of(model)
    if row is not None and row.tiny:
        return {"tensors": tensors_sha256(build_tiny(row.tiny))}
    folder = path if row is None else folder_of(row)
    if folder is None:
        raise ModelError(f"{model} is not on this machine yet; run: seehear models fetch {model}")
    expected = {name: sha256 for name, _, sha256, _ in row.files} if row else {}
    described = read_description(folder)
    expected[WEIGHTS] = described["sha256"]
    # A generating model has parts in folders of their own; it says which ones belong to it.
    meta = described.get("meta", {})
    for part, sha256 in meta.get("parts_sha256", {}).items():
        expected[f"{meta['parts'][part]}/{WEIGHTS}"] = sha256
    found = {}
    for name, sha256 in expected.items():
        if not (folder / name).is_file():
            raise ModelError(f"{folder} has no {name}; it is not a complete checkpoint")
        found[name] = file_sha256(folder / name)
        if found[name] != sha256:
            raise ModelError(
                f"{folder / name} has sha256 {found[name][:12]}… instead of {sha256[:12]}…; "
                f"get the file again"
            )
    return found


def weights_sha256(model: str, task: str) -> str:
    """The hash that a receipt records for a model, without loading weights from a file.

    Raises:
        ModelError: unknown id, not on this machine, or incomplete.
    """
    from seehear.checkpoint import WEIGHTS

    found = find(model, task)
    hashes = verify(model if isinstance(found, Path) else found.id)
    return hashes.get("tensors") or hashes[WEIGHTS]


def part_folders(model: str, task: str) -> dict[str, Path]:
    """Folders of the further checkpoints that a model consists of, by name; tiny models have none.

    Raises:
        ModelError: unknown id, or not on this machine.
    """
    from seehear.checkpoint import read_description

    found = find(model, task)
    folder = found if isinstance(found, Path) else folder_of(found)
    if folder is None:
        return {}
    parts = read_description(folder).get("meta", {}).get("parts", {})
    return {name: folder / where for name, where in parts.items()}


def _unseen(done: int, total: int, note: str) -> None:
    """Progress that nobody looks at."""


def _is_whole(path: Path, sha256: str) -> bool:
    from seehear.checkpoint import file_sha256

    return path.is_file() and file_sha256(path) == sha256


def _download(
    url: str, target: Path, sha256: str, size: int, progress: Callable[[int, int, str], None]
) -> None:
    """Fetch one file to `.part`, check it, rename it; nothing is left of a failed attempt."""
    part = target.with_name(f"{target.name}.part")
    try:
        digest, count = _transfer(url, part, size, lambda done: progress(done, size, target.name))
        if count != size or digest != sha256:
            raise ModelError(
                f"{url} gave {count} bytes with sha256 {digest[:12]}…, "
                f"expected {size} bytes with {sha256[:12]}…; try again later"
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _transfer(url: str, part: Path, size: int, seen: Callable[[int], None]) -> tuple[str, int]:
    """Copy a URL into a file; returns sha256 and number of bytes (at most one block too many)."""
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import urlopen

    where = urlsplit(url)
    if where.scheme != "https" and not (where.scheme == "http" and where.hostname in LOOPBACK):
        raise ModelError(f"models are fetched by https only, not from {url}")
    digest, count = hashlib.sha256(), 0
    with part.open("wb") as stream:
        try:
            with urlopen(url, timeout=PATIENCE_S) as answer:
                while count <= size and (block := answer.read(BLOCK_BYTES)):
                    stream.write(block)
                    digest.update(block)
                    count += len(block)
                    seen(count)
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            reason = getattr(error, "reason", None) or error
            raise ModelError(f"cannot fetch {url}: {reason}; check the network") from error
    return digest.hexdigest(), count
