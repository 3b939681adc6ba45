"""Batches for the flow transformer: windows of clips, spliced, with their video now and then taken away.

All lengths are counted in cells, the shortest stretch with a whole number of latent columns and of video
features (25 and 20 a second: 5 columns, 4 features), so that a splice cuts sound and picture at exactly the
same moment. Clips shorter than a window are repeated. A batch depends on seed and number only.

Source: splices (half of the windows, parts of at least 2 s) and dropped conditions (a fifth, replaced by the
features of an empty video) as in Make-An-Audio 3 and Diff-Foley. Deviation: times of denoising are drawn one
from each of B equal parts of 0..1 per batch, which spreads them over the time experts; each by itself is
still uniform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, ndtri
from torch import Tensor

from seehear.errors import InputError
from seehear.tasks.generate.denoiser_options import Showing
from seehear.tasks.generate.latent_clips import LatentClips, LatentsInfo

Array = NDArray[np.float32]
FINEST = 64
"""Largest number of features in a cell; rates that need more do not go together."""


@dataclass(frozen=True)
class LatentBatch:
    """What one step sees.

    Args:
        latents: [B, latent, N].
        video: [B, S, dim].
        times: [B] in 0..1.
        noise: [B, latent, N], or None where the step draws its own.
    """

    latents: Tensor
    video: Tensor
    times: Tensor
    noise: Tensor | None = None

    def to(self, device: torch.device | str) -> LatentBatch:
        """The same on another device."""
        return LatentBatch(
            self.latents.to(device),
            self.video.to(device),
            self.times.to(device),
            None if self.noise is None else self.noise.to(device),
        )


@dataclass(frozen=True)
class Cells:
    """Sizes of a cell.

    Args:
        columns: latent columns.
        features: video features.
        seconds: its length.
    """

    columns: int
    features: int
    seconds: float

    def count(self, seconds: float) -> int:
        """Cells in a stretch, at least one."""
        return max(round(seconds / self.seconds), 1)


def cells_of(info: LatentsInfo) -> Cells:
    """The cell of a corpus.

    Raises:
        InputError: the rates have no short stretch in common.
    """
    ratio = Fraction(info.latent_rate / info.video_rate).limit_denominator(FINEST)
    if abs(float(ratio) * info.video_rate / info.latent_rate - 1) > 1e-6:
        raise InputError(
            f"{info.latent_rate:g} latents and {info.video_rate:g} features a second have no short "
            f"stretch in common; prepare the corpus with another rate of features"
        )
    return Cells(ratio.numerator, ratio.denominator, ratio.numerator / info.latent_rate)


class LatentBatches:
    """Batch number n of a split.

    Args:
        clips: the corpus.
        keys: of the clips that are shown.
        showing: how.
        batch: windows of the longest length per batch.
        seed: of all draws.
    """

    def __init__(
        self, clips: LatentClips, keys: Sequence[str], showing: Showing, batch: int, seed: int
    ) -> None:
        self.clips, self.keys, self.showing = clips, list(keys), showing
        self.batch, self.seed = batch, seed
        self.cells = cells_of(clips.info)
        self.null = np.asarray(clips.info.null, np.float32)

    def __call__(self, number: int) -> LatentBatch:
        """Draw a batch."""
        rng = np.random.default_rng([self.seed, number])
        showing = self.showing
        seconds = float(rng.choice(showing.windows_s, p=showing.shares))
        count = max(round(self.batch * max(showing.windows_s) / seconds), 1)
        windows = [self.window(rng, self.cells.count(seconds)) for _ in range(count)]
        latents, video = (np.stack(part) for part in zip(*windows, strict=True))
        times = draw_times(rng, count, showing.times)
        return LatentBatch(*(torch.from_numpy(x) for x in (latents, video, times)))

    def window(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """One window of so many cells: latents [latent, N], features [S, dim]."""
        showing, least = self.showing, self.cells.count(self.showing.splice_least_s)
        latents, video = self.cut(rng, self._pick(rng), count)
        if rng.random() < showing.splice and count >= 2 * least:
            at = int(rng.integers(least, count - least + 1))
            tail = self.cut(rng, self._pick(rng), count - at)
            columns, features = at * self.cells.columns, at * self.cells.features
            latents = np.concatenate([latents[:, :columns], tail[0]], axis=1)
            video = np.concatenate([video[:features], tail[1]])
        if rng.random() < showing.drop:
            video = np.broadcast_to(self.null, video.shape).copy()
        elif rng.random() < showing.hidden:
            video = video.copy()
            edge = int(rng.integers(1, max(count, 2))) * self.cells.features
            part = slice(None, edge) if rng.random() < 0.5 else slice(edge, None)
            video[part] = self.null
        return latents, video

    def cut(self, rng: np.random.Generator, key: str, count: int) -> tuple[Array, Array]:
        """A random stretch of a clip, repeated if the clip is shorter.

        Raises:
            InputError: the clip is shorter than a cell.
        """
        latents, video = self.clips.read(key)
        cells = self.cells
        there = min(latents.shape[1] // cells.columns, len(video) // cells.features)
        if there < 1:
            raise InputError(f"the clip {key} is shorter than {cells.seconds:g} s; leave it out")
        start = int(rng.integers(0, max(there - count, 0) + 1))
        chosen = (start + np.arange(count)) % there
        columns = (chosen[:, None] * cells.columns + np.arange(cells.columns)).ravel()
        features = (chosen[:, None] * cells.features + np.arange(cells.features)).ravel()
        return latents[:, columns], video[features]

    def _pick(self, rng: np.random.Generator) -> str:
        return self.keys[int(rng.integers(len(self.keys)))]


def draw_times(rng: np.random.Generator, count: int, how: str) -> NDArray[np.float32]:
    """Moments of denoising [B], one from each of B equal parts of the distribution, in random order.

    Args:
        rng: of the draw.
        count: B.
        how: `uniform`, or `logit_normal`: the logistic function of a standard normal number.
    """
    parts = (rng.permutation(count) + rng.random(count)) / count
    times = parts if how == "uniform" else expit(ndtri(np.clip(parts, 1e-9, 1 - 1e-9)))
    return np.asarray(times, np.float32)


def fixed_batches(
    clips: LatentClips, keys: Sequence[str], showing: Showing, batch: int, seed: int
) -> list[LatentBatch]:
    """Whole windows of a split with their own noise and times, always the same.

    The clips are taken in turns from all classes.
    """
    plain = replace(
        showing,
        windows_s=(max(showing.windows_s),),
        shares=(1.0,),
        splice=0.0,
        drop=0.0,
        hidden=0.0,
    )
    chosen = in_turns(clips, keys)[: showing.validation]
    drawn = LatentBatches(clips, chosen, plain, batch, seed)
    count = drawn.cells.count(plain.windows_s[0])
    made = []
    for begin in range(0, len(chosen), batch):
        rng = np.random.default_rng([seed + 1, begin])
        windows = [drawn.cut(rng, key, count) for key in chosen[begin : begin + batch]]
        latents, video = (np.stack(part) for part in zip(*windows, strict=True))
        times = draw_times(rng, len(windows), showing.times)
        noise = rng.standard_normal(latents.shape, np.float32)
        made.append(LatentBatch(*(torch.from_numpy(x) for x in (latents, video, times, noise))))
    return made


def in_turns(clips: LatentClips, keys: Sequence[str]) -> list[str]:
    """Clips reordered: one of every class, then a second one of every class, and so on."""
    seen: dict[str, int] = {}
    ranked = []
    for key in keys:
        label = clips.rows[key].label
        seen[label] = seen.get(label, 0) + 1
        ranked.append((seen[label], label, key))
    return [key for _, _, key in sorted(ranked)]
