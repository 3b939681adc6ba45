"""What every kind of separation network offers the job: windows and queries in, rows of masks out.

    masking.py   networks that give masks at once (`models/bandmask.py`)
    drawing.py   networks that draw the spectrogram of each wanted sound in steps (`models/davis`)

The job knows a network by this interface only; a new kind is a file beside these and a row in
`separator.KINDS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.masks import with_upper_band
from seehear.dsp.window import WindowPlan


class Listener(Protocol):
    """A network with its geometry. All properties are constant."""

    @property
    def plan(self) -> WindowPlan:
        """Windows, in samples at the network's rate; the grid is one column of masks."""

    @property
    def centres_hz(self) -> NDArray[np.float64]:
        """Centres of the mask bands and of the one above them, [F + 1]."""

    @property
    def batch_size(self) -> int:
        """Windows that are worth hearing at once."""

    @property
    def takes_rivals(self) -> bool:
        """Whether it is asked for other known things too, to tell what is heard."""

    @property
    def max_probes(self) -> int:
        """Windows in which it looks for sources."""

    @property
    def max_asked(self) -> int | None:
        """Things that it is asked for there; None for as many as there are."""

    @property
    def facts(self) -> dict[str, Any]:
        """What a receipt must say beyond the checkpoint."""

    def listen(
        self, heard: Tensor, starts: Sequence[int], queries: Tensor, rivals: Tensor
    ) -> Tensor:
        """Ask for all queries in a batch of windows of one length.

        Args:
            heard: [B, L] at the network's rate, on its device.
            starts: first sample of each window on the sound's clock.
            queries: [Q, D] in the space of the encoder.
            rivals: [R, D], other things that could be heard; empty unless `takes_rivals`.

        Returns:
            float32 [B, Q, F + 4, 1 + L // grid] as `join_rows` makes it.
        """


def join_rows(masks: Tensor, power: Tensor, among: Tensor | None, centres_hz: Tensor) -> Tensor:
    """Masks and powers of windows as the rows that are stored.

    Args:
        masks: of the queries on the network's bands, [B, Q, F, N] in 0..1.
        power: of the mixture in these bands, a full-scale sine about 1, [B, F, N].
        among: power given to each query when other things are asked for too, [B, Q, N]; None
            where there are none.
        centres_hz: of the bands, [F].

    Returns:
        [B, Q, F + 4, N]: the masks with the band above, then power given to the query, power given
        among rivals, power of the mixture.
    """
    taken = (masks * power[:, None]).sum(dim=2, keepdim=True)  # [B, Q, 1, N]
    rivalled = taken if among is None else among[:, :, None]
    total = power.sum(dim=1)[:, None, None].expand_as(taken)
    extended = with_upper_band(masks, power[:, None], centres_hz)
    return torch.cat([extended, taken, rivalled, total], dim=2)
