"""From per-clip scores to tables on disk and to figures with intervals.

Clips that share a recording are not independent: two scenes with the same speaker tend to be
equally hard. Intervals therefore come from a bootstrap over source recordings, not over clips.

The rule (first-order multiway bootstrap, after Owen and Eckles 2012, "Bootstrapping data arrays of
arbitrary order"): in each draw and for each stem (speech, music, effects) as many recordings as
there are in that stem are drawn with replacement. A clip's weight is

    w = 1 + sum over its stems of (mean count of the clip's recordings in that stem - 1)

and a mean m of scores x moves by mean((w - 1) * (x - m)); a ratio of means is linearised alike.
Where a stem has one recording per clip and that stem alone decides the score, this is the ordinary
cluster bootstrap. Where recordings do not matter at all, every stem adds the same variance again,
so the interval is too wide (by up to the root of the number of stems): it errs on the careful side.
A clip without known recordings counts as its own.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.errors import InputError, OutputError

NUM_DRAWS = 2000
CONFIDENCE = 0.95

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure with its uncertainty.

    Args:
        value: the figure over all clips.
        low: lower end of the percentile interval.
        high: upper end.
        num_clips: clips behind it.
        num_recordings: independent recordings behind these.
        confidence: of the interval.
    """

    value: float
    low: float
    high: float
    num_clips: int
    num_recordings: int
    confidence: float = CONFIDENCE


class RecordingBootstrap:
    """Bootstrap weights for a fixed list of clips; one draw serves all figures.

    Args:
        sources: per clip, recording ids by stem; a clip without any gets its index as an id.
        num_draws: bootstrap draws.
        seed: of the draws.

    Raises:
        InputError: no clips.
    """

    def __init__(
        self,
        sources: Sequence[Mapping[str, Sequence[str]]],
        num_draws: int = NUM_DRAWS,
        seed: int = 0,
    ) -> None:
        if not sources:
            raise InputError("a bootstrap needs at least one clip")
        self.num_clips = len(sources)
        rng = np.random.default_rng(seed)
        known = [
            {stem: tuple(ids) for stem, ids in clip.items() if ids} or {"": (f"clip {i}",)}
            for i, clip in enumerate(sources)
        ]
        self._extra = np.zeros((num_draws, self.num_clips))
        self.num_recordings = len({name for clip in known for ids in clip.values() for name in ids})
        for stem in sorted({stem for clip in known for stem in clip}):
            members = [clip.get(stem, ()) for clip in known]
            self._extra += _extra_weights(members, num_draws, rng)

    def mean(self, values: Sequence[float]) -> Interval:
        """Mean of one number per clip, with its interval."""
        array = self._array(values)
        return self._interval(float(array.mean()), array - array.mean())

    def median(self, values: Sequence[Sequence[float]]) -> Interval:
        """Median of all numbers of all clips, any count each, with its interval.

        In a draw every number has its clip's weight; the median is where half of the weight lies below.

        >>> RecordingBootstrap([{"": ["a"]}, {"": ["b"]}]).median([[3.0, 1.0], [2.0]]).value
        2.0
        """
        flat = np.concatenate([np.asarray(own, dtype=np.float64) for own in values])
        clip = np.repeat(np.arange(self.num_clips), [len(own) for own in values])
        order = np.argsort(flat, kind="stable")
        weights = np.maximum(1 + self._extra, 0)[:, clip[order]]
        below = np.cumsum(weights, axis=1)
        place = (below < below[:, -1:] / 2).sum(1).clip(max=len(flat) - 1)
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(flat[order][place], [tail, 1 - tail])
        middle = float(np.median(flat))
        return Interval(middle, float(low), float(high), self.num_clips, self.num_recordings)

    def reduction(self, values: Sequence[float], base: Sequence[float]) -> Interval:
        """How far the mean of `values` lies below the mean of `base`, as a fraction of the latter.

        >>> one = RecordingBootstrap([{"music": ["a"]}, {"music": ["b"]}])
        >>> one.reduction([1.0, 2.0], [2.0, 4.0]).value
        0.5
        """
        ours, theirs = self._array(values), self._array(base)
        ratio = float(ours.mean() / theirs.mean())
        return self._interval(1.0 - ratio, (ratio * theirs - ours) / theirs.mean())

    def paired_difference(self, values: Sequence[float], base: Sequence[float]) -> Interval:
        """Mean of `values - base`, clip by clip."""
        return self.mean((self._array(values) - self._array(base)).tolist())

    def _array(self, values: Sequence[float]) -> Values:
        array = np.asarray(values, dtype=np.float64)
        if array.shape != (self.num_clips,) or not np.isfinite(array).all():
            raise InputError(
                f"expected {self.num_clips} finite scores, one per clip, got {array.shape[0]} "
                f"of which {int(np.isfinite(array).sum())} are finite"
            )
        return array

    def _interval(self, value: float, influence: Values) -> Interval:
        draws = value + self._extra @ influence / self.num_clips
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(draws, [tail, 1 - tail])
        return Interval(value, float(low), float(high), self.num_clips, self.num_recordings)


def _extra_weights(
    members: Sequence[Sequence[str]], num_draws: int, rng: np.random.Generator
) -> Values:
    """Mean count - 1 of every clip in every draw [num_draws, num_clips]; 0 without recordings."""
    names = sorted({name for ids in members for name in ids})
    index = {name: i for i, name in enumerate(names)}
    share = np.zeros((len(names), len(members)))
    for clip, ids in enumerate(members):
        for name in ids:
            share[index[name], clip] += 1 / len(ids)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=num_draws)
    extra: Values = (counts - 1) @ share
    return extra


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> tuple[Path, Path]:
    """Write a table as CSV and as JSON lines; each file appears complete or not at all.

    Args:
        path: without suffix; `.csv` and `.jsonl` are added.
        rows: one mapping per line; columns in the order in which keys first appear, absent values
            are empty cells, and so are numbers that are not finite (null in JSON).

    Returns:
        Paths of the two files.

    Raises:
        OutputError: a file cannot be written.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    rows = [{key: _storable(value) for key, value in row.items()} for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    table, jsonl = path.with_name(path.name + ".csv"), path.with_name(path.name + ".jsonl")
    write_text(table, text.getvalue())
    write_text(jsonl, lines)
    return table, jsonl


def _storable(value: Any) -> Any:
    """JSON has no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_text(path: Path, text: str) -> None:
    """Write a small text file under a temporary name, then rename it.

    Raises:
        OutputError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
