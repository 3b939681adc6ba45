"""Stop a run that no longer gets better.

The count lies in the run folder, so that a run that was stopped goes on counting where it was.
"""

from __future__ import annotations

import json
from pathlib import Path

from seehear.errors import ModelError
from seehear.metrics.report import write_text

FILE = "patience.json"


class Patience:
    """Counts validations since the best one.

    Args:
        folder: run folder.
        limit: validations without a better one that end the run; 0 = it never ends so.

    Raises:
        ModelError: the count is damaged.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.path, self.limit = folder / FILE, limit
        self.count = 0
        if self.path.is_file():
            try:
                self.count = int(json.loads(self.path.read_text(encoding="utf-8"))["validations"])
            except (ValueError, KeyError, TypeError) as error:
                raise ModelError(f"{self.path} is damaged; delete it to count anew") from error

    def tell(self, better: bool) -> None:
        """A validation took place; was it better than all before?"""
        self.count = 0 if better else self.count + 1
        if self.limit:
            write_text(self.path, json.dumps({"validations": self.count}) + "\n")

    def over(self) -> bool:
        """Whether the run should end."""
        return 0 < self.limit <= self.count
