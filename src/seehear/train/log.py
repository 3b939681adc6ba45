"""Log of a training run: one JSON object a line, and TensorBoard where it is installed."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

FILE = "log.jsonl"


class RunLog:
    """Append numbers of a run.

    Args:
        folder: run folder; `log.jsonl` in it is continued if it exists.
        tensorboard: also write TensorBoard events if the package is there.
    """

    def __init__(self, folder: Path, tensorboard: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / FILE
        self._writer: Any = None
        if tensorboard and importlib.util.find_spec("tensorboard") is not None:
            module = importlib.import_module("torch.utils.tensorboard")
            self._writer = module.SummaryWriter(str(folder / "tensorboard"))

    def write(self, step: int, kind: str, values: dict[str, float]) -> None:
        """Add one line; `kind` is `train` or `val`."""
        line = {"step": step, "kind": kind, **{k: round(v, 6) for k, v in values.items()}}
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Flush and close what is open."""
        if self._writer is not None:
            self._writer.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """All lines of a log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
