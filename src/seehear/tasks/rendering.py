"""What `tasks/output.py` asks of a job: blocks of the old sound in, blocks of the new sound out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]


class Renderer(Protocol):
    """A pure function of the original's blocks and the results of windows."""

    def push(self, block: Block) -> Block:
        """Take a block [C, n]; return what is ready [C, m]."""

    def finish(self) -> Block:
        """Return the rest; in all as many samples as were taken."""
