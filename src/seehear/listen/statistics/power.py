"""How many people and clips show which difference: power by simulation.

A whole test is simulated many times with the spreads of `Spread` and analysed as the report does
it: the difference of two versions, participants and clips as crossed random effects (`crossed.py`),
two-sided at alpha. Power is the share of simulations that find the difference. At an effect of 0
this share is the rate of false findings, which has to be near alpha.

Participants and clips have tastes of their own for each version (`participant`, `clip`): these,
not the noise of a single answer, decide how much more clips or more people help.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from seehear.errors import UsageError
from seehear.listen.statistics.crossed import p_values, variance_components
from seehear.listen.statistics.interval import Values
from seehear.listen.statistics.shares import wilson

SIMULATIONS = 1000
CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Spread:
    """Standard deviations of one answer about a version's true value.

    For ratings in points of the scale; for ranking and pairwise in units of the noise of one
    judgement, which is then 1.

    Args:
        participant: taste of a participant for a version.
        clip: how a version fares on a clip.
        answer: noise of one answer.
    """

    participant: float
    clip: float
    answer: float


SPREADS = {
    "ranking": Spread(0.4, 0.4, 1.0),
    "pairwise": Spread(0.4, 0.4, 1.0),
    "mos-quality": Spread(6.0, 6.0, 15.0),
    "mos-alignment": Spread(6.0, 8.0, 18.0),
    "mushra": Spread(5.0, 6.0, 12.0),
}
"""Defaults: assumptions of this project, not measured on people; state your own."""

SCALES = {"mos-quality": (20.0, 100.0, 20.0), "mos-alignment": (20.0, 100.0, 20.0)}
MIDDLE = {"mos-quality": 60.0, "mos-alignment": 60.0, "mushra": 60.0}


@dataclass(frozen=True)
class PowerRow:
    """Power of one plan.

    Args:
        kind: kind of test.
        versions: versions compared.
        clips: clips each participant hears.
        participants: people.
        effect: the true difference: points of the scale, or for ranking and pairwise the chance
            that the better version is preferred in one comparison (0.5 = no difference).
        alpha: rate of false findings allowed.
        power: share of simulations that find the difference.
        low: lower end of the 95 % interval of `power` (finite number of simulations).
        high: upper end.
        simulations: how many.
        spread: what was assumed.
    """

    kind: str
    versions: int
    clips: int
    participants: int
    effect: float
    alpha: float
    power: float
    low: float
    high: float
    simulations: int
    spread: Spread


def power(
    kind: str,
    versions: int,
    clips: int,
    participants: int,
    effect: float,
    *,
    alpha: float = 0.05,
    spread: Spread | None = None,
    simulations: int = SIMULATIONS,
    seed: int = 0,
) -> PowerRow:
    """Simulate a plan: one version is better than all others by `effect`; is it found?

    Args:
        kind: ranking, pairwise, mos-quality, mos-alignment or mushra.
        versions: versions compared, 2 or more.
        clips: clips each participant hears.
        participants: people, 2 or more.
        effect: points of the scale (ratings), or the chance from 0.5 to below 1 that the better of
            two is preferred in one comparison (ranking, pairwise).
        alpha: two-sided level; divide it yourself for many comparisons.
        spread: spreads, None for the kind's default.
        simulations: repetitions; 1000 give power within 3 points.
        seed: of the simulation.

    Raises:
        UsageError: an argument out of range.
    """
    _check(kind, versions, clips, participants, effect)
    spread = SPREADS[kind] if spread is None else spread
    rng = np.random.default_rng([seed, versions, clips, participants])
    shift = _shift(kind, effect, spread)
    at_once = max(1, CELLS_AT_ONCE // (participants * clips * versions))
    found = 0
    for start in range(0, simulations, at_once):
        count = min(at_once, simulations - start)
        cells = _simulate(rng, kind, (count, participants, clips, versions), shift, spread)
        found += int((p_values(variance_components(cells)) < alpha).sum())
    share = found / simulations
    low, high = wilson(share, simulations, float(stats.norm.ppf(0.975)))
    return PowerRow(
        kind, versions, clips, participants, effect, alpha, share, low, high, simulations, spread
    )


def _check(kind: str, versions: int, clips: int, participants: int, effect: float) -> None:
    if kind not in SPREADS:
        raise UsageError(f"kind must be one of {', '.join(SPREADS)}, not {kind!r}")
    if versions < 2 or clips < 1 or participants < 2:
        raise UsageError(
            f"power needs 2 versions, 1 clip and 2 participants or more, not {versions}, {clips} "
            f"and {participants}"
        )
    if kind in ("ranking", "pairwise") and not 0.5 <= effect < 1:
        raise UsageError(f"the effect of {kind} is a chance from 0.5 to below 1, not {effect:g}")
    if kind not in ("ranking", "pairwise") and not 0 <= effect < 100:
        raise UsageError(f"the effect is 0 to 100 points, not {effect:g}")


def _shift(kind: str, effect: float, spread: Spread) -> float:
    """Distance of the better version on the scale that is simulated."""
    if kind in ("ranking", "pairwise"):
        # Difference of two utilities: all spreads count twice.
        total = math.sqrt(2 * (spread.participant**2 + spread.clip**2 + spread.answer**2))
        return float(stats.norm.ppf(effect)) * total
    if kind not in SCALES:
        return effect
    return _before_rounding(kind, effect, spread)


def _before_rounding(kind: str, effect: float, spread: Spread) -> float:
    """Latent distance whose answers, rounded to the scale's steps, differ by `effect` on average."""
    lowest, highest, step = SCALES[kind]
    total = math.sqrt(spread.participant**2 + spread.clip**2 + spread.answer**2)
    borders = np.arange(lowest + step / 2, highest, step)

    def mean(latent: float) -> float:
        return float(lowest + step * stats.norm.sf((borders - latent) / total).sum())

    base = mean(MIDDLE[kind])
    top = highest + 6 * total - MIDDLE[kind]
    if mean(MIDDLE[kind] + top) - base < effect:
        raise UsageError(
            f"an effect of {effect:g} points does not fit a scale from {lowest:g} to {highest:g} "
            f"whose other versions lie at {base:g}"
        )
    return float(optimize.brentq(lambda x: mean(MIDDLE[kind] + x) - base - effect, 0.0, top))


def _simulate(
    rng: np.random.Generator,
    kind: str,
    shape: tuple[int, int, int, int],
    shift: float,
    spread: Spread,
) -> Values:
    """Difference of the better version and another one in each cell [S, P, C]."""
    s, p, c, v = shape
    used = v if kind == "ranking" else 2
    cells = rng.standard_normal((s, p, c, used)) * spread.answer
    cells += rng.standard_normal((s, p, 1, used)) * spread.participant
    cells += rng.standard_normal((s, 1, c, used)) * spread.clip
    cells[..., 0] += shift
    if kind == "pairwise":
        return np.sign(cells[..., 0] - cells[..., 1])
    if kind == "ranking":
        ahead = [(cells[..., i, None] > cells).sum(-1) for i in (0, 1)]
        return (ahead[0] - ahead[1]).astype(np.float64)
    cells += MIDDLE[kind]
    if kind in SCALES:
        lowest, highest, step = SCALES[kind]
        cells = np.round((cells - lowest) / step) * step + lowest
        cells = cells.clip(lowest, highest)
    else:
        cells = cells.clip(0.0, 100.0)
    difference: Values = cells[..., 0] - cells[..., 1]
    return difference
