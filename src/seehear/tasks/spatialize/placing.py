"""Sources at places that the user gives: channels of the input -> two ears or ambisonics, no network.

Places are read every 10 ms on a clock that begins with the sound, so results do not depend on how the
decoder cuts its blocks. Channels that no position names stay where they were: in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from seehear.dsp.ambisonics import spherical_harmonics
from seehear.dsp.binaural import NEAREST_M, MovingSources
from seehear.dsp.hrir import LEAD_S, HrirSet
from seehear.tasks.rendering import Renderer
from seehear.tasks.spatialize.positions import Trajectory
from seehear.tasks.spatialize.render import MonoRenderer

Block = NDArray[np.float32]

STEP_S = 0.01
STEPS = 20
"""Steps that are rendered at once."""


def make_placer(
    trajectories: Sequence[Trajectory],
    offset_s: float,
    sample_rate: int,
    channel_names: Sequence[str],
    head: HrirSet | None,
) -> Renderer:
    """Renderer of given places.

    Args:
        trajectories: one for the whole sound, or one per placed channel.
        offset_s: when the sound begins on the trajectories' clock.
        sample_rate: Hz.
        channel_names: FFmpeg's names of the input's channels.
        head: to hear with, at that rate; None for ambisonics.
    """
    stage = _Ears(head, len(trajectories)) if head is not None else _Field(len(trajectories))
    if trajectories[0].source is None:
        placer = Placer(trajectories, offset_s, sample_rate, 1, stage)
        return MonoRenderer(placer.push, placer.finish, sample_rate, channel_names)
    return Placer(trajectories, offset_s, sample_rate, len(channel_names), stage)


class Placer:
    """Moves channels along trajectories; see `rendering.Renderer`.

    Args:
        trajectories: their sources are channels; None stands for the only one.
        offset_s: when the sound begins on their clock.
        sample_rate: Hz.
        num_channels: of the sound.
        stage: renders placed sources.
    """

    def __init__(
        self,
        trajectories: Sequence[Trajectory],
        offset_s: float,
        sample_rate: int,
        num_channels: int,
        stage: _Ears | _Field,
    ) -> None:
        self._trajectories, self._offset_s, self._rate = trajectories, offset_s, sample_rate
        self._placed = [place.source or 0 for place in trajectories]
        self._rest = [c for c in range(num_channels) if c not in self._placed]
        self._stage = stage
        self._held = np.zeros((num_channels, 0), np.float32)
        self._steps = 0
        self._skip = stage.late_samples(sample_rate)
        self._waiting = np.zeros((len(self._rest), 0), np.float32)

    def push(self, block: Block) -> Block:
        """Take a block [C, n]; return what is ready."""
        self._held = np.concatenate([self._held, block], axis=1)
        made = []
        while self._held.shape[1] >= (count := self._first(self._steps + STEPS) - self._done):
            made.append(self._render(self._held[:, :count], STEPS))
            self._held = self._held[:, count:]
        return np.concatenate(made, axis=1) if made else self._nothing()

    def finish(self) -> Block:
        """Return the rest; in all as many samples as were taken."""
        made = [self._nothing()]
        while self._held.shape[1]:
            count = self._first(self._steps + 1) - self._done
            part = self._held[:, :count]
            short = np.pad(part, ((0, 0), (0, count - part.shape[1])))
            made.append(self._render(short, 1, part.shape[1]))
            self._held = self._held[:, count:]
        made.append(self._aligned(self._stage.rest()[:, : self._waiting.shape[1]]))
        return np.concatenate(made, axis=1)

    @property
    def _done(self) -> int:
        return self._first(self._steps)

    def _first(self, step: int) -> int:
        """First sample of a step."""
        return round(step * STEP_S * self._rate)

    def _nothing(self) -> Block:
        return np.zeros((self._stage.num_channels, 0), np.float32)

    def _render(self, block: Block, steps: int, kept: int | None = None) -> Block:
        ends = np.array([self._first(self._steps + n + 1) for n in range(steps)]) / self._rate
        begin = self._done / self._rate
        seconds = self._offset_s + np.concatenate([[begin], ends])
        places = np.stack([place.at(seconds) for place in self._trajectories])  # [K, 3, P + 1]
        sound = torch.from_numpy(np.ascontiguousarray(block[self._placed]))
        made = self._stage.render(sound, places)
        self._steps += steps
        kept = block.shape[1] if kept is None else kept
        self._waiting = np.concatenate([self._waiting, block[self._rest, :kept]], axis=1)
        return self._aligned(made[:, : kept if kept else None])

    def _aligned(self, made: Block) -> Block:
        """Without the stage's delay, with the channels that stay in the middle."""
        cut = min(self._skip, made.shape[1])
        self._skip -= cut
        made = made[:, cut:]
        count = min(made.shape[1], self._waiting.shape[1])
        middle = self._waiting[:, :count].sum(axis=0, dtype=np.float32)
        self._waiting = self._waiting[:, count:]
        out = made[:, :count] + self._stage.middle[:, None] * middle
        return np.ascontiguousarray(out, dtype=np.float32)


class _Ears:
    """Two ears of a head."""

    num_channels = 2
    middle = np.ones(2, np.float32)

    def __init__(self, head: HrirSet, num_sources: int) -> None:
        self._sources = MovingSources(head, num_sources)
        self._begun = False

    def late_samples(self, sample_rate: int) -> int:
        """Silence that heads are given in front."""
        return round(LEAD_S * sample_rate)

    def render(self, sound: torch.Tensor, places: NDArray[np.float64]) -> Block:
        """[K, n] at places [K, 3, P + 1] -> [2, n]."""
        if not self._begun:
            self._sources.place(*(places[:, row, 0] for row in range(3)))
            self._begun = True
        # Sources that stand still need one filter, not one per step.
        ends = places[:, :, -1:] if not np.ptp(places, axis=2).any() else places[:, :, 1:]
        made: Block = self._sources.push(sound, *(ends[:, row] for row in range(3))).numpy()
        return made

    def rest(self) -> Block:
        """What still rings."""
        made: Block = self._sources.finish().numpy()
        return made


class _Field:
    """First-order ambisonics."""

    num_channels = 4
    middle = np.array([1, 0, 0, 0], np.float32)

    def __init__(self, num_sources: int) -> None:
        self._num_sources = num_sources

    def late_samples(self, _sample_rate: int) -> int:
        """None."""
        return 0

    def render(self, sound: torch.Tensor, places: NDArray[np.float64]) -> Block:
        """[K, n] at places [K, 3, P + 1] -> [4, n]; gains go linearly from place to place."""
        azimuth, elevation, distance = places.transpose(1, 0, 2)
        gains = spherical_harmonics(azimuth, elevation, 1).numpy()  # [K, P + 1, 4]
        gains = gains / np.maximum(distance, NEAREST_M)[..., None]
        along = np.linspace(0.0, gains.shape[1] - 1, sound.shape[1] + 1)[1:]
        low = np.floor(along).astype(np.int64).clip(max=gains.shape[1] - 2)
        part = (along - low)[:, None]
        smooth = gains[:, low] * (1 - part) + gains[:, low + 1] * part  # [K, n, 4]
        made: Block = np.einsum("kn,knc->cn", sound.numpy(), smooth).astype(np.float32)
        return made

    def rest(self) -> Block:
        """Nothing rings."""
        return np.zeros((self.num_channels, 0), np.float32)
