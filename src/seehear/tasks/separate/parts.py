"""The sources of a file for another task (`tasks/parts.py`): what `--all` finds, and where it is seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.window import WindowPlan
from seehear.runtime import Runtime
from seehear.tasks.progress import Progress
from seehear.tasks.separate.config import SeparateOptions
from seehear.tasks.separate.listening import listen_for_queries
from seehear.tasks.separate.separator import Separator, load_separator
from seehear.tasks.source import SoundSource

Block = NDArray[np.float32]


class FoundParts:
    """See `parts.Parts`.

    Args:
        separator: the model.
    """

    def __init__(self, separator: Separator) -> None:
        self._separator = separator
        self._vectors = torch.zeros(0, separator.encoder.dim)
        self._labels: tuple[str, ...] = ()

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self._separator.sample_rate

    @property
    def plan(self) -> WindowPlan:
        """Windows of the network."""
        return self._separator.plan

    @property
    def batch_size(self) -> int:
        """Windows at once."""
        return self._separator.batch_size

    @property
    def columns_per_s(self) -> float:
        """Columns per second."""
        return self._separator.columns_per_s

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """Bands and the one above."""
        return self._separator.centres_hz

    @property
    def frame_size(self) -> int:
        """Side of frames."""
        return self._separator.encoder.frame_size

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of what was found."""
        return self._labels

    def find(self, source: SoundSource, progress: Progress) -> None:
        """Listen for everything that the model knows, as `separate --all` does."""
        options = SeparateOptions(
            input=str(source.path), output=Path("none.wav"), all=True, stems=Path("none")
        )
        queries = listen_for_queries(options, source, self._separator, progress)
        self._vectors = torch.stack([query.vector for query in queries])
        self._labels = tuple(query.label for query in queries)

    def masks(self, waveforms: Sequence[Block], starts: Sequence[int]) -> list[Block]:
        """Masks of what was found."""
        rows = self._separator.run_windows(waveforms, self._vectors, starts)
        count = len(self.centres_hz)
        return [window[:, :count] for window in rows]

    def likeness(self, frames: Tensor) -> Tensor:
        """Similarity of places to what was found."""
        encoder = self._separator.encoder
        maps = encoder.encode_maps(frames).permute(0, 2, 3, 1)  # [N, h, w, D]
        similar = [encoder.similarity(maps, vector) for vector in self._vectors]
        return torch.stack(similar, dim=1)

    def describe(self) -> dict[str, Any]:
        """Model and encoder."""
        return self._separator.describe()


def open_parts(model: str, runtime: Runtime, seed: int) -> FoundParts:
    """Load a separation model that is going to find the sources of a file.

    Raises:
        ModelError: unknown model, or one of another task.
    """
    return FoundParts(load_separator(model, runtime, seed=seed))
