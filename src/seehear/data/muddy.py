"""Muddy mixes: take a finished mix apart into stems, disturb their balance, and sum them again.

The finished mix stays the target; the disturbed one is what a model hears. Stems are always in the
order speech, music, effects. Two modes:

- `paper`: one gain per stem for the whole clip. The loudest stem and one other go down by 6, 9 or
  12 dB, the remaining one goes up by 6, 9 or 12 dB: 27 combinations for each choice.
- `continuous`: decibels from a range instead of three steps, drawn anew for every second, with
  raised-cosine ramps between.

Numbers are drawn with NumPy generators (a seed gives the same changes everywhere), sound is changed
in torch on whatever device it lies, so training can do it on the fly.

Source: VisAH (CVPR 2025), public code of the Muddy Mix data set; the continuous mode is ours,
after the future work named in its supplement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seehear.dsp.level import CEILING_DB, ceiling_gain, integrated_loudness, peak
from seehear.errors import InputError

STEMS = ("speech", "music", "effects")
Mode = Literal["paper", "continuous"]
Level = Literal["low", "moderate", "high", "mixed"]

STEPS_DB: dict[str, tuple[float, ...]] = {
    "low": (6.0,),
    "moderate": (9.0,),
    "high": (12.0,),
    "mixed": (6.0, 9.0, 12.0),
}
"""Size of a change in `paper` mode; one of these, each with the same probability."""
RANGES_DB: dict[str, tuple[float, float]] = {
    "low": (4.5, 7.5),
    "moderate": (7.5, 10.5),
    "high": (10.5, 13.5),
    "mixed": (4.5, 13.5),
}
"""Size of a change in `continuous` mode; uniform. Centred on the steps, and without gaps."""
KNOT_S = 1.0
"""Seconds from one drawn set of gains to the next in `continuous` mode."""


@dataclass(frozen=True)
class MuddySpec:
    """How a clip's muddy mix is made; with the stems it determines every sample.

    Args:
        mode: `paper` or `continuous`.
        level: size of the changes.
        seed: of the random choices.
        silent_may_rise: compatibility with the published data, where a silent stem may be the one
            that is raised, so that the mix is merely turned down. Off: silent stems are never
            chosen, and a clip with fewer than two audible stems stays as it is.
    """

    mode: Mode = "paper"
    level: Level = "mixed"
    seed: int = 0
    silent_may_rise: bool = False


@dataclass(frozen=True)
class Changes:
    """What happens to the three stems of one clip.

    Args:
        gains_db: float64 [3, K]: drawn level changes. K = 1: constant. Else column k belongs to
            second k * KNOT_S, and the last column holds to the end.
        silent: per stem, True if it has no loudness; such a stem is left alone whatever was drawn.
        loudest: index of the loudest stem.
        highlighted: index of the raised stem per column; -1 where nothing is changed.
    """

    gains_db: NDArray[np.float64]
    silent: tuple[bool, bool, bool]
    loudest: int
    highlighted: tuple[int, ...]

    @property
    def effective_db(self) -> NDArray[np.float64]:
        """float64 [3, K]: `gains_db` with 0 for silent stems."""
        return np.where(np.array(self.silent)[:, None], 0.0, self.gains_db)


def draw_changes(
    loudness_lufs: Sequence[float],
    rng: np.random.Generator,
    level: Level = "mixed",
    silent_may_rise: bool = False,
) -> Changes:
    """Draw constant changes as published: loudest down, one other up, the remaining one down.

    Args:
        loudness_lufs: integrated loudness of speech, music, effects; -inf marks silence. Ties go
            to the first.
        rng: source of the choices.
        level: which steps may be drawn.
        silent_may_rise: see `MuddySpec`.

    Returns:
        Changes with one column.
    """
    loudest, silent, candidates = _roles(loudness_lufs, silent_may_rise)
    if not candidates:
        return Changes(np.zeros((3, 1)), silent, loudest, (-1,))
    highlighted = candidates[int(rng.integers(len(candidates)))]
    sizes = rng.choice(np.array(STEPS_DB[level]), size=3)
    signs = np.where(np.arange(3) == highlighted, 1.0, -1.0)
    return Changes((signs * sizes)[:, None], silent, loudest, (highlighted,))


def draw_continuous_changes(
    loudness_lufs: Sequence[float],
    duration_s: float,
    rng: np.random.Generator,
    level: Level = "mixed",
    silent_may_rise: bool = False,
) -> Changes:
    """Draw changes that differ from second to second.

    The loudest stem of the clip always goes down. For every second anew, one of the others goes up
    (uniform over the audible ones) and the remaining one down; each by its own size.

    Args:
        loudness_lufs: as in `draw_changes`.
        duration_s: length of the clip, seconds.
        rng: source of the choices.
        level: range of the sizes.
        silent_may_rise: see `MuddySpec`.

    Returns:
        Changes with a column at 0, 1, 2, ... seconds up to or past the end of the clip.
    """
    loudest, silent, candidates = _roles(loudness_lufs, silent_may_rise)
    num_knots = max(math.ceil(duration_s / KNOT_S), 1) + 1
    if not candidates:
        return Changes(np.zeros((3, num_knots)), silent, loudest, (-1,) * num_knots)
    chosen = np.array(candidates)[rng.integers(len(candidates), size=num_knots)]
    sizes = rng.uniform(*RANGES_DB[level], size=(3, num_knots))
    signs = np.where(np.arange(3)[:, None] == chosen, 1.0, -1.0)  # [3, K]
    return Changes(signs * sizes, silent, loudest, tuple(int(i) for i in chosen))


def gain_curve(changes: Changes, num_samples: int, sample_rate: int) -> Tensor:
    """Linear gains per sample, before the peak rule.

    Args:
        changes: what was drawn.
        num_samples: samples of the clip.
        sample_rate: Hz.

    Returns:
        float32 [3, 1] for constant changes, else [3, num_samples]: between two columns the level
        in dB follows half a period of a cosine.
    """
    db = torch.from_numpy(changes.effective_db)
    if db.shape[1] > 1:
        position = torch.arange(num_samples, dtype=torch.float64) / (KNOT_S * sample_rate)
        left = position.floor().long().clamp_max(db.shape[1] - 2)
        weight = 0.5 - 0.5 * torch.cos(math.pi * (position - left).clamp_max(1.0))
        db = db[:, left] * (1 - weight) + db[:, left + 1] * weight  # [3, K] -> [3, T]
    return (10.0 ** (db / 20.0)).float()


def apply_changes(stems: Tensor, changes: Changes, sample_rate: int) -> tuple[Tensor, Tensor]:
    """Change the stems, keep the peaks under the ceiling, and sum.

    If a changed stem peaks above -0.5 dBFS, all stems get the one factor that brings the highest
    stem peak there; if the sum still peaks above it, everything is scaled once more. The target
    (the sum of the unchanged stems) is never rescaled.

    Args:
        stems: float [3, T] or [3, C, T].
        changes: what to do to them.
        sample_rate: Hz.

    Returns:
        The muddy mix [T] or [C, T], and the stems [3, ...] that sum to it.

    Raises:
        InputError: not three stems.
    """
    if stems.ndim not in (2, 3) or stems.shape[0] != len(STEMS):
        raise InputError(
            f"a muddy mix needs stems [3, samples] or [3, channels, samples] in the order "
            f"{', '.join(STEMS)}, not {tuple(stems.shape)}"
        )
    gains = gain_curve(changes, stems.shape[-1], sample_rate).to(stems)
    scaled = stems * (gains if stems.ndim == 2 else gains[:, None])
    scaled = scaled * ceiling_gain(peak(scaled), CEILING_DB)
    mixture = scaled.sum(0)
    factor = ceiling_gain(peak(mixture), CEILING_DB)
    return mixture * factor, scaled * factor


def stem_loudness(stems: Tensor, sample_rate: int) -> tuple[float, float, float]:
    """Integrated loudness of each stem's channel mean, in LUFS.

    Args:
        stems: float [3, T] or [3, C, T].
        sample_rate: Hz.
    """
    mono = stems if stems.ndim == 2 else stems.mean(1)  # [3, C, T] -> [3, T]
    speech, music, effects = (integrated_loudness(stem, sample_rate) for stem in mono)
    return speech, music, effects


def make_muddy(
    stems: Tensor,
    sample_rate: int,
    spec: MuddySpec,
    loudness_lufs: Sequence[float] | None = None,
) -> tuple[Tensor, Tensor, Changes]:
    """Make the muddy mix that a specification describes.

    Args:
        stems: float [3, T] or [3, C, T].
        sample_rate: Hz.
        spec: mode, level, seed.
        loudness_lufs: of the stems if already known; else it is measured.

    Returns:
        Muddy mix [T] or [C, T], its stems [3, ...], and what was changed.
    """
    if loudness_lufs is None:
        loudness_lufs = stem_loudness(stems, sample_rate)
    rng = np.random.default_rng(spec.seed)
    options: dict[str, Any] = {"level": spec.level, "silent_may_rise": spec.silent_may_rise}
    if spec.mode == "paper":
        changes = draw_changes(loudness_lufs, rng, **options)
    else:
        duration_s = stems.shape[-1] / sample_rate
        changes = draw_continuous_changes(loudness_lufs, duration_s, rng, **options)
    mixture, scaled = apply_changes(stems, changes, sample_rate)
    return mixture, scaled, changes


def _roles(
    loudness_lufs: Sequence[float], silent_may_rise: bool
) -> tuple[int, tuple[bool, bool, bool], list[int]]:
    """Index of the loudest stem, which stems are silent, and which may be raised."""
    if len(loudness_lufs) != len(STEMS) or any(math.isnan(value) for value in loudness_lufs):
        raise InputError(f"expected the loudness of three stems, got {list(loudness_lufs)}")
    speech, music, effects = (value == -math.inf for value in loudness_lufs)
    silent = (speech, music, effects)
    loudest = int(np.argmax(loudness_lufs))
    candidates = [i for i in range(3) if i != loudest and (silent_may_rise or not silent[i])]
    return loudest, silent, candidates
