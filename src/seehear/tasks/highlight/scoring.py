"""From one clip to its rows in the table: run every method and score it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from seehear.data.manifest import ClipRow, Manifest
from seehear.data.muddy import Level
from seehear.dsp.resample import resample
from seehear.errors import InputError
from seehear.features.captions import Caption
from seehear.metrics.remix import RemixReference
from seehear.tasks.highlight.baselines import BASELINES, METRIC_RATE, choose_donor
from seehear.tasks.highlight.pairs import Pair, load_frames, load_pair, load_row_captions
from seehear.types import Audio, Video

LEVELS: tuple[Level, ...] = ("low", "moderate", "high")

# (muddy mix, frames or None, captions) -> rebalanced sound of the same rate, channels and length
Runner = Callable[[Audio, Video | None, Sequence[Caption]], Audio]
# (target, frames as stored) -> (estimate -> further scores by name)
ExtraScores = Callable[[Audio, Video | None], Callable[[Audio], Mapping[str, float]]]
Record = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """What is tried on every clip.

    Args:
        runner: the model, or None for the baselines alone.
        use_frames: whether the runner gets frames.
        use_captions: whether the runner gets captions.
        frame_size: side of the frames that the runner wants, None as stored.
        by_level: also at low, moderate and high.
        swap_seeds: one run with another scene's context for each.
        extra: further scores, e.g. semantic ones.
    """

    runner: Runner | None
    use_frames: bool = True
    use_captions: bool = False
    frame_size: int | None = None
    by_level: bool = False
    swap_seeds: Sequence[int] = ()
    extra: ExtraScores | None = None


def score_clip(
    manifest: Manifest, row: ClipRow, rows: Sequence[ClipRow], trial: Trial
) -> Iterator[Record]:
    """Run and score everything on one clip.

    Args:
        manifest: where the clip comes from.
        row: the clip.
        rows: all clips of the split; contexts are swapped among these.
        trial: what to try.

    Yields:
        One record per method: `id, method, level, as_written, seed, donor`, facts of the clip, and
        the scores.
    """
    pair = load_pair(manifest, row)
    level = row.muddy.level if row.muddy is not None else ""
    further = trial.extra(pair.target, load_frames(manifest, row)) if trial.extra else None
    reference = _Reference(pair.target, further)
    own = clip_context(manifest, row, trial)
    for name, method in BASELINES.items():
        yield _record(row, name, level, reference.score(method(pair)))
    if trial.runner is not None:
        estimate = _run(trial.runner, pair, own, row)
        yield _record(row, "model", level, reference.score(estimate))
        yield from _other_contexts(manifest, row, rows, trial, pair, reference, level)
    if trial.by_level and row.stems is not None and row.muddy is not None:
        yield from _other_levels(manifest, row, trial, reference, own)


def _other_contexts(
    manifest: Manifest,
    row: ClipRow,
    rows: Sequence[ClipRow],
    trial: Trial,
    pair: Pair,
    reference: _Reference,
    level: str,
) -> Iterator[Record]:
    """The model without any context, and with that of scenes about something else."""
    assert trial.runner is not None, "only called with a model"
    shown = clip_context(manifest, row, trial)
    if shown[0] is None and not shown[1]:
        return
    blind = _run(trial.runner, pair, (None, ()), row)
    yield _record(row, "model_blind", level, reference.score(blind))
    for seed in trial.swap_seeds:
        donor = choose_donor(row, rows, seed)
        if donor is None:
            return
        swapped = _run(trial.runner, pair, clip_context(manifest, donor, trial), row)
        scores = reference.score(swapped)
        yield _record(row, "model_swapped", level, scores, seed=seed, donor=donor.id)


def _other_levels(
    manifest: Manifest,
    row: ClipRow,
    trial: Trial,
    reference: _Reference,
    context: tuple[Video | None, Sequence[Caption]],
) -> Iterator[Record]:
    for level in LEVELS:
        pair = load_pair(manifest, row, level)
        scores = reference.score(pair.mixture)
        yield _record(row, "input", level, scores, as_written=False)
        if trial.runner is not None:
            estimate = _run(trial.runner, pair, context, row)
            scores = reference.score(estimate)
            yield _record(row, "model", level, scores, as_written=False)


class _Reference:
    """The target of one clip, transformed once."""

    def __init__(
        self, target: Audio, further: Callable[[Audio], Mapping[str, float]] | None
    ) -> None:
        self._mono = RemixReference(_metric_sound(target), METRIC_RATE)
        self._further = further

    def score(self, estimate: Audio) -> dict[str, float]:
        scores = self._mono.score(_metric_sound(estimate))[0]
        if self._further is not None:
            scores.update(self._further(estimate))
        return scores


def _metric_sound(audio: Audio) -> Tensor:
    """Mono at the metrics' rate [1, T]."""
    return resample(audio.waveform.mean(0, keepdim=True), audio.sample_rate, METRIC_RATE)


def clip_context(
    manifest: Manifest, row: ClipRow, trial: Trial
) -> tuple[Video | None, Sequence[Caption]]:
    """Frames and captions of a clip, as far as the trial uses them."""
    frames = load_frames(manifest, row, trial.frame_size) if trial.use_frames else None
    return frames, load_row_captions(manifest, row) if trial.use_captions else ()


def _run(
    runner: Runner, pair: Pair, context: tuple[Video | None, Sequence[Caption]], row: ClipRow
) -> Audio:
    estimate = runner(pair.mixture, *context)
    if estimate.waveform.shape != pair.mixture.waveform.shape:
        raise InputError(
            f"the model turned clip {row.id} from {tuple(pair.mixture.waveform.shape)} into "
            f"{tuple(estimate.waveform.shape)}; a remix keeps channels and length"
        )
    return estimate


def _record(
    row: ClipRow,
    method: str,
    level: str,
    scores: Mapping[str, float],
    as_written: bool = True,
    seed: int | None = None,
    donor: str = "",
) -> Record:
    return {
        "id": row.id,
        "method": method,
        "level": level,
        "as_written": as_written,
        "seed": seed,
        "donor": donor,
        "focus": row.main_focus(),
        "duration_s": row.duration_s,
        **scores,
    }
