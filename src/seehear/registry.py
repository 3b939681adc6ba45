"""Model ids -> models. A path given by the user wins, then built-in and tiny models, then the cache.

Nothing is downloaded by loading: `fetch` is a step of its own that a user asks for by id; it writes
to `.part`, checks sha256, and renames.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from seehear.errors import ModelError

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class ModelRow:
    """One row of `registry.toml`.

    Args:
        id: e.g. `highlight/starter`.
        task: verb that uses it.
        licence: SPDX id or sentence.
        summary: one line for people.
        builtin: folder inside the package, or "".
        tiny: model name whose tiny variant is made on the spot, or "".
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
        return Checkpoint(module, found.tiny, tensors_sha256(module), meta)
    folder = folder_of(found)
    if folder is None:
        raise ModelError(f"{model} is not on this machine yet; run: seehear models fetch {model}")
    loaded = load_checkpoint(folder)
    meta = {**loaded.meta, "id": found.id, "licence": found.licence}
    return Checkpoint(loaded.module, loaded.name, loaded.sha256, meta)
