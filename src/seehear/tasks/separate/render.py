"""Second pass: masks of windows + the original sound -> the new sound and, if wanted, all stems.

A pure function of the two, so it can be done again after an interruption with the same samples.
`separate_audio` runs both passes in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.masks import MaskStems
from seehear.dsp.window import cross_fade
from seehear.tasks.channels import channel_names_of
from seehear.tasks.hearing import mono_blocks
from seehear.tasks.separate.analyse import ask_windows
from seehear.tasks.separate.separator import Separator
from seehear.types import Audio

Block = NDArray[np.float32]

BLOCK_S = 1.0


class StemRenderer:
    """Gives the queried sound, or what is left without it, and passes all stems on.

    Args:
        separator: the model that made the windows.
        spans: of all windows, in samples at the network's rate.
        windows: their results in order; read as needed.
        present: which queries are heard, [Q]; the others get silence.
        sample_rate: of the original, Hz.
        num_channels: of the original.
        remove: give the residual instead.
        keep: takes [Q + 1, C, m] of stems with the residual last.
    """

    def __init__(
        self,
        separator: Separator,
        spans: list[tuple[int, int]],
        windows: Iterable[Block],
        present: NDArray[np.bool_],
        sample_rate: int,
        num_channels: int,
        remove: bool = False,
        keep: Callable[[Block], None] = lambda stems: None,
    ) -> None:
        centres = separator.centres_hz
        shown = present.astype(np.float32)[:, None, None]
        masks = (window[:, : len(centres)] * shown for window in windows)
        self._columns: Iterator[Block] = cross_fade(separator.plan, spans, masks)
        self._stems = MaskStems(
            centres,
            separator.columns_per_s,
            sample_rate,
            num_channels,
            len(present),
            separator.transform_s,
        )
        self._remove, self._keep = remove, keep

    def push(self, block: Block) -> Block:
        """See `rendering.Renderer`."""
        while self._stems.needs_columns(block.shape[1]):
            columns = next(self._columns, None)
            if columns is None:
                break
            self._stems.feed(columns)
        return self._choose(self._stems.push(block))

    def finish(self) -> Block:
        """See `rendering.Renderer`."""
        return self._choose(self._stems.finish())

    def _choose(self, stems: Block) -> Block:
        self._keep(stems)
        chosen: Block = stems[-1] if self._remove else stems[:-1].sum(axis=0)
        return chosen


def separate_audio(separator: Separator, audio: Audio, queries: Tensor) -> Tensor:
    """Separate sound in memory.

    Args:
        separator: the model.
        audio: mixture.
        queries: [Q, D] in the space of `separator.encoder`.

    Returns:
        float32 [Q + 1, C, T]: one stem per query and the residual; they add up to the mixture.
    """
    names = channel_names_of(audio.num_channels)
    step = max(int(BLOCK_S * audio.sample_rate), 1)
    samples = audio.waveform.numpy()
    blocks = [samples[:, i : i + step] for i in range(0, audio.num_samples, step)]
    mono = mono_blocks(blocks, audio.sample_rate, names)
    heard = list(ask_windows(separator, mono, audio.sample_rate, queries))
    kept: list[Block] = []
    renderer = StemRenderer(
        separator,
        [window.span for window in heard],
        [window.result for window in heard if window.result is not None],
        np.ones(len(queries), bool),
        audio.sample_rate,
        audio.num_channels,
        keep=kept.append,
    )
    for block in blocks:
        renderer.push(block)
    renderer.finish()
    return torch.from_numpy(np.concatenate(kept, axis=-1))
