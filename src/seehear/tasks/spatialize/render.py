"""Second pass: what windows said + the original sound -> two ears, or ambisonics, block by block.

A pure function of the two, so it can be done again after an interruption with the same samples. The
channels of the original are mixed down as for hearing; the mean of the two ears is that mono sound, whatever
the windows said, and so is the first channel of ambisonics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from seehear.dsp.ambisonics import spherical_harmonics
from seehear.dsp.binaural import difference_masks
from seehear.dsp.gains import downmix_stream
from seehear.dsp.hrir import HrirSet
from seehear.dsp.overlap import transform_length
from seehear.dsp.panning import SharePanner, ambisonic_panner, ear_panner
from seehear.dsp.window import cross_fade
from seehear.tasks.rendering import Renderer, WaveformReader
from seehear.tasks.spatialize.difference import AnyEngine, DifferenceEngine, joined
from seehear.tasks.spatialize.engine import Kept, ShareEngine, kept_shares
from seehear.tasks.spatialize.highband import HighBand

Block = NDArray[np.float32]


def make_renderer(
    engine: AnyEngine,
    spans: list[tuple[int, int]],
    windows: Iterable[Kept],
    sample_rate: int,
    channel_names: Sequence[str],
    head: HrirSet | None,
    fov_deg: float,
) -> Renderer:
    """Choose how windows' results become sound.

    Args:
        engine: who made the windows.
        spans: of all windows, in samples at the engine's rate.
        windows: their results, in order; read as needed.
        sample_rate: of the original, Hz.
        channel_names: FFmpeg's names of the original's channels.
        head: to hear with, at that rate; None for ambisonics.
        fov_deg: angle that the picture's width covers.
    """
    if isinstance(engine, DifferenceEngine):
        assert head is not None, "a difference of two ears needs a head"
        waveform = WaveformReader(
            joined(engine.plan, spans, iter(windows)), engine.sample_rate, sample_rate
        )
        inner = HighBand(waveform, sample_rate, head)
        return MonoRenderer(inner.push, inner.finish, sample_rate, channel_names)
    panner = make_panner(engine, sample_rate, head, fov_deg)
    columns = cross_fade(engine.plan, spans, (kept_shares(window) for window in windows))
    shares = _ShareReader(panner, columns)
    return MonoRenderer(shares.push, panner.finish, sample_rate, channel_names)


def make_panner(
    engine: ShareEngine, sample_rate: int, head: HrirSet | None, fov_deg: float
) -> SharePanner:
    """From shares of positions to the ears of a head, or to ambisonics without one."""
    azimuth_deg = engine.positions * fov_deg / 2
    grid = engine.centres_hz, engine.columns_per_s, sample_rate
    if head is None:
        return ambisonic_panner(*grid, spherical_harmonics(azimuth_deg, 0.0, 1))
    masks = difference_masks(head, azimuth_deg, transform_length(sample_rate))
    return ear_panner(*grid, masks)


class MonoRenderer:
    """Mix down, then spread the mono sound; see `rendering.Renderer`.

    Args:
        push: mono [1, n] -> what is ready [C, m].
        finish: -> the rest.
        sample_rate: Hz.
        channel_names: of what is taken.
    """

    def __init__(
        self,
        push: Callable[[Block], Block],
        finish: Callable[[], Block],
        sample_rate: int,
        channel_names: Sequence[str],
    ) -> None:
        self._push, self._finish = push, finish
        self._downmix = downmix_stream(sample_rate, channel_names)

    def push(self, block: Block) -> Block:
        """Take a block [C, n]; return what is ready."""
        return self._push(block if self._downmix is None else self._downmix.push(block))

    def finish(self) -> Block:
        """Return the rest; in all as many samples as were taken."""
        if self._downmix is None:
            return self._finish()
        last = self._push(self._downmix.finish())
        return np.concatenate([last, self._finish()], axis=1)


class _ShareReader:
    """Feeds a panner as many columns as it needs."""

    def __init__(self, panner: SharePanner, columns: Iterator[Block]) -> None:
        self._panner, self._columns = panner, columns

    def push(self, mono: Block) -> Block:
        while self._panner.needs_columns(mono.shape[1]):
            columns = next(self._columns, None)
            if columns is None:
                break
            self._panner.feed(columns)
        return self._panner.push(mono)


class LeftAlone:
    """The sound as it is; see `rendering.Renderer`.

    Args:
        num_channels: of it.
    """

    def __init__(self, num_channels: int) -> None:
        self._num_channels = num_channels

    def push(self, block: Block) -> Block:
        """Give back what was taken."""
        return block

    def finish(self) -> Block:
        """Nothing is left."""
        return np.zeros((self._num_channels, 0), np.float32)
