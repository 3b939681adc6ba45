"""Does the report of a listening test find what is known to be true? python -m benchmarks.simulated_listeners recover

Simulated listeners with known preferences take whole tests; counted is how often the report's 95 % intervals hold
the true figure of a huge test. Prints the table of docs/numbers.md. `fill TEST NAME=QUALITY ...` lets simulated
listeners take a test that `seehear listen new` made, to see what its report will look like:

    python -m benchmarks.simulated_listeners recover --tests 300
    python -m benchmarks.simulated_listeners fill TEST ours=1 theirs=0 original=1.2 --participants 20 --careless 2
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from seehear.listen.answers import CSV_NAME, csv_text
from seehear.listen.config import Kind, ListeningTest, Trial, Version, read_test
from seehear.listen.simulated import INDIFFERENT, Listeners, simulate, true_chance
from seehear.listen.statistics.bradley_terry import (
    contrast,
    contributions,
    counts_of,
    fit_strengths,
)
from seehear.listen.statistics.crossed import crossed_mean
from seehear.listen.statistics.interval import Values
from seehear.listen.statistics.power import SPREADS
from seehear.listen.statistics.shares import crossed_share
from seehear.listen.tables import Tables, tables
from seehear.listen.wording import scale_of

QUALITY: dict[Kind, dict[str, float]] = {
    "ranking": {"muddy": -1.0, "ours": 0.3, "theirs": 0.0, "original": 0.6},
    "pairwise": {"ours": 0.3, "theirs": 0.0, "other": -0.4},
    "mos-quality": {"ours": 66.0, "theirs": 58.0, "original": 82.0},
    "mos-alignment": {"ours": 62.0, "theirs": 50.0, "original": 78.0},
    "mushra": {"original": 98.0, "ours": 70.0, "theirs": 60.0, "low_pass": 25.0},
}
REFERENCE = "original"
COLUMNS = ("figure", "difference", "strength", "independent", "strength, independent")
Truth = NDArray[np.float64]


@dataclass
class Count:
    """How many intervals held the truth, by what they are about."""

    held: dict[str, list[bool]] = field(default_factory=dict)

    def add(self, what: str, low: float, truth: float, high: float) -> None:
        """Count one interval."""
        self.held.setdefault(what, []).append(bool(low <= truth <= high))

    def share(self, what: str) -> str:
        """As a cell of the table."""
        found = self.held.get(what)
        return f"{100 * np.mean(found):.1f} %" if found else "-"


def made_test(kind: Kind, clips: int) -> ListeningTest:
    """A test without media."""
    names = tuple(QUALITY[kind])
    trials = tuple(
        Trial(f"c{i}", 8.0, {n: f"media/c{i}/x{j}.flac" for j, n in enumerate(names)})
        for i in range(clips)
    )
    versions = tuple(
        Version(name, "reference" if kind == "mushra" and name == REFERENCE else "version")
        for name in names
    )
    scale = scale_of(kind, len(names))
    return ListeningTest(kind, kind, "?", "", "", versions, trials, scale)


def true_chances(test: ListeningTest) -> Truth:
    """How often each is preferred to each other in a huge test, no preference as half [V, V]."""
    spread, levels = SPREADS[test.kind], list(QUALITY[test.kind].values())
    gap = INDIFFERENT * spread.answer if test.kind == "pairwise" and test.no_preference else 0.0
    chances = np.array([[true_chance(a, b, spread, gap) for b in levels] for a in levels])
    np.fill_diagonal(chances, 0.0)
    return chances


def true_figures(test: ListeningTest) -> Truth:
    """Main figure of every version in a huge test [V]; NaN for the reference of mushra."""
    if test.kind == "ranking":
        return 1 + true_chances(test).sum(0)
    if test.kind == "pairwise":
        return true_chances(test).sum(1) / (len(test.names) - 1)
    spread = SPREADS[test.kind]
    total = np.sqrt(spread.participant**2 + spread.clip**2 + spread.answer**2)
    assert test.scale is not None, "ratings have a scale"
    borders = np.array(test.values())[1:] - test.scale.step / 2
    levels = np.array(list(QUALITY[test.kind].values()))
    above = stats.norm.sf((borders - levels[:, None]) / total).sum(1)
    means = test.scale.minimum + test.scale.step * above
    recognised = [test.kind == "mushra" and name == test.reference for name in test.names]
    return np.where(recognised, np.nan, means)


def main_cells(test: ListeningTest, made: Tables) -> Values:
    """What the main figure is the mean of [P, C, V]."""
    return np.nanmean(made.outcomes, -1) if test.kind == "pairwise" else made.ratings


def count_figures(count: Count, test: ListeningTest, made: Tables, truth: Truth) -> None:
    """Count the intervals of means and shares, and of their differences."""
    cells = main_cells(test, made)
    for v in np.flatnonzero(np.isfinite(truth)):
        values = cells[..., v]
        found = crossed_share(values) if test.kind == "pairwise" else crossed_mean(values)
        count.add("figure", found.low, truth[v], found.high)
        half = 1.96 * values.std(ddof=1) / np.sqrt(values.size)
        count.add("independent", values.mean() - half, truth[v], values.mean() + half)
    for i, j in combinations(np.flatnonzero(np.isfinite(truth)), 2):
        found = crossed_mean(cells[..., i] - cells[..., j])
        count.add("difference", found.low, truth[i] - truth[j], found.high)


def count_strengths(count: Count, made: Tables, strengths: Truth) -> None:
    """Count the intervals of differences of Bradley-Terry log strengths."""
    fitted = fit_strengths(*counts_of(made.outcomes))
    moved = contributions(fitted, made.outcomes)
    units = np.eye(len(strengths))
    for i, j in combinations(range(len(strengths)), 2):
        found, gap = contrast(fitted, moved, units[i] - units[j]), strengths[i] - strengths[j]
        count.add("strength", found.low, gap, found.high)
        count.add("strength, independent", found.low_independent, gap, found.high_independent)


def recovered(kind: Kind, people: int, clips: int, runs: int) -> Count:
    """Take a test many times."""
    test, count = made_test(kind, clips), Count()
    truth = true_figures(test)
    for seed in range(runs):
        made = tables(test, simulate(test, Listeners(people, QUALITY[kind], seed=seed)))
        count_figures(count, test, made, truth)
        if kind in ("ranking", "pairwise"):
            strengths = fit_strengths(1000 * true_chances(test)).log_strength
            count_strengths(count, made, strengths)
    return count


def recover(runs: int, kinds: Iterable[Kind]) -> Iterator[str]:
    """Lines of the table."""
    yield "| kind | people x clips | figure | difference | strength | figure, naive | strength, naive |"
    yield "|---|---|---|---|---|---|---|"
    for kind in kinds:
        for people, clips in ((8, 6), (20, 10)):
            count = recovered(kind, people, clips, runs)
            shares = " | ".join(count.share(what) for what in COLUMNS)
            yield f"| {kind} | {people} x {clips} | {shares} |"


def fill(folder: Path, people: int, careless: int, seed: int, words: list[str]) -> str:
    """Let simulated listeners take a test; writes its answers.csv."""
    test = read_test(folder)
    quality = {name: float(value) for name, _, value in (word.partition("=") for word in words)}
    answers = simulate(test, Listeners(people, quality, careless, seed=seed))
    path = folder / CSV_NAME
    path.write_text(csv_text(answers), encoding="utf-8")
    return f"{len(answers.rows)} simulated answers of {len(answers.people)} listeners: {path}"


def main() -> None:
    """Parse and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = parser.add_subparsers(dest="action", required=True)
    known = actions.add_parser("recover")
    known.add_argument("--tests", type=int, default=300)
    known.add_argument("--kinds", nargs="+", choices=list(QUALITY), default=list(QUALITY))
    taken = actions.add_parser("fill")
    taken.add_argument("test", type=Path)
    taken.add_argument("quality", nargs="+", metavar="NAME=QUALITY")
    taken.add_argument("--participants", type=int, default=20)
    taken.add_argument("--careless", type=int, default=0)
    taken.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    if told.action == "recover":
        for line in recover(told.tests, told.kinds):
            print(line, flush=True)
    else:
        print(fill(told.test, told.participants, told.careless, told.seed, told.quality))


if __name__ == "__main__":
    main()
