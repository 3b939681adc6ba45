"""Where one shot ends and the next begins.

A frame is described by the colours of its quarters and by what is where in a coarse picture; the distance of two
frames is the mean of both, 0 (same) to 1. A cut lies where

    the step from one frame to the next is larger than `STEP`, and than `RATIO` times the usual step
    (quantile `USUAL`) of the half second before and the frames after,
    and the layouts of the two coarse pictures have a correlation below `LAYOUT`, so that light that comes on or
    goes off is no cut,
    and no frame before it within `FLASH_S` is like any frame after it within `FLASH_S` (`LIKE` of the step):
    lightning, a camera's flash or one damaged frame come and go, and the picture returns.

Slow changes (fades, dissolves) are no cuts. The numbers were chosen on made-up sequences (see the tests), on a few
real clips, whose cuts had steps of 0.37 to 0.75 and correlations up to 0.61, and on single shots in which things
jump and flash (steps up to 0.99, correlations from 0.88; or steps up to 0.34 with any correlation).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP = 0.35
LAYOUT = 0.75
RATIO = 3.0
USUAL = 0.75
LIKE = 0.6
FLASH_S = 0.25
AROUND_S = 0.5
SHORTEST_S = 0.2
QUARTERS = 2
SHADES = 8
COARSE = 8
FLAT = 1e-5
"""Product of deviations below which a picture counts as having no layout."""

Frames = NDArray[np.uint8]
Look = NDArray[np.float32]


def describe_frames(frames: Frames) -> Look:
    """Colours of quarters and a coarse picture, uint8 [N, 3, H, W] -> float32 [N, D].

    Args:
        frames: of any size of at least 8 x 8 pixels.
    """
    count, _, height, width = frames.shape
    rows = np.linspace(0, height, COARSE + 1).astype(int)
    columns = np.linspace(0, width, COARSE + 1).astype(int)
    sums = np.add.reduceat(frames.astype(np.float32), rows[:-1], axis=2)
    sums = np.add.reduceat(sums, columns[:-1], axis=3)
    areas = np.diff(rows)[:, None] * np.diff(columns)[None]
    coarse = (sums / areas).reshape(count, -1) / 255.0
    return np.concatenate([coarse, _histograms(frames)], axis=1).astype(np.float32)


def _histograms(frames: Frames) -> Look:
    """Share of pixels per shade, colour and quarter of the picture, [N, 4 * 3 * SHADES]."""
    count, channels, height, width = frames.shape
    shades = frames.astype(np.int64) * SHADES // 256
    cells = []
    for top, bottom in _halves(height):
        for left, right in _halves(width):
            part = shades[:, :, top:bottom, left:right].reshape(count * channels, -1)
            part = part + SHADES * np.arange(count * channels)[:, None]
            counted = np.bincount(part.ravel(), minlength=SHADES * count * channels)
            share = counted.reshape(count, channels * SHADES) * (1.0 / part.shape[1])
            cells.append(share)
    return np.concatenate(cells, axis=1).astype(np.float32)


def _halves(size: int) -> list[tuple[int, int]]:
    return [(0, size // QUARTERS), (size // QUARTERS, size)]


def distance(one: Look, other: Look) -> NDArray[np.float32]:
    """Distance of looks [..., D], 0..1.

    The mean of the coarse pictures' difference, where half of full scale counts as all, and of the colours'
    (half the sum of absolute differences of shares, averaged over quarters and channels).
    """
    coarse = 3 * COARSE * COARSE
    change = np.abs(one - other)
    picture = np.minimum(2.0 * change[..., :coarse].mean(axis=-1), 1.0)
    colours = change[..., coarse:].sum(axis=-1) / (2 * 3 * QUARTERS**2)
    made: NDArray[np.float32] = (0.5 * (picture + colours)).astype(np.float32)
    return made


def layout_correlation(one: Look, other: Look) -> float:
    """Correlation of two coarse pictures over places and colours, whatever brightness and contrast; -1..1."""
    both = np.stack([one, other])[:, : 3 * COARSE * COARSE].astype(np.float64)
    both -= both.mean(axis=1, keepdims=True)
    power = np.sqrt((both**2).mean(axis=1))
    return float((both[0] * both[1]).mean() / max(power[0] * power[1], FLAT))


class CutFinder:
    """Finds cuts in frames that come bit by bit; it needs to look a little ahead.

    Args:
        rate: frames per second.
        first: number of the first frame that will come.
        decided: cuts before this frame are known already.
        last_cut: the last of them, or where the video begins.
    """

    def __init__(self, rate: float, first: int = 0, decided: int = 1, last_cut: int = 0) -> None:
        self.ahead = max(int(FLASH_S * rate), 1)
        self._around = max(round(AROUND_S * rate), 2)
        self._shortest = max(round(SHORTEST_S * rate), 1)
        self._looks: list[Look] = []
        self._steps: list[float] = []
        self._first, self.decided, self._last_cut = first, max(decided, first + 1), last_cut

    @property
    def behind(self) -> int:
        """Frames before an undecided one that its decision may need."""
        return max(self._around, self.ahead) + 1

    def push(self, frames: Frames, is_last: bool) -> list[int]:
        """Take frames; return the cuts that are certain now, as numbers of first frames of shots.

        Args:
            frames: uint8 [N, 3, H, W], following those before.
            is_last: whether these are the video's last.
        """
        for look in describe_frames(frames) if len(frames) else ():
            if self._looks:
                self._steps.append(float(distance(self._looks[-1], look)))
            self._looks.append(look)
        end = self._first + len(self._looks)
        certain = end if is_last else end - self.ahead
        cuts = []
        while self.decided < certain:
            if self._is_cut(self.decided):
                cuts.append(self.decided)
                self._last_cut = self.decided
            self.decided += 1
        self._forget()
        return cuts

    def _is_cut(self, frame: int) -> bool:
        at = frame - self._first
        step = self._steps[at - 1]
        if step < STEP or frame - self._last_cut < self._shortest:
            return False
        # Steps inside this shot and right after the frame; the step into the shot was a cut itself.
        begin = max(at - 1 - self._around, self._last_cut - self._first, 0)
        others = self._steps[begin : at - 1] + self._steps[at : at + self.ahead]
        if others and step < RATIO * float(np.quantile(others, USUAL)):
            return False
        if layout_correlation(self._looks[at - 1], self._looks[at]) >= LAYOUT:
            return False
        before = np.stack(self._looks[max(at - 1 - self.ahead, 0) : at])
        after = np.stack(self._looks[at : at + self.ahead + 1])
        return float(distance(before[:, None], after[None]).min()) >= LIKE * step

    def _forget(self) -> None:
        drop = self.decided - self.behind - self._first
        if drop > 0:
            del self._looks[:drop], self._steps[:drop]
            self._first += drop
