"""`seehear listen plan`: how many participants show which difference, by simulated tests.

Every cell of the table is the share of simulated tests that find the difference between two
versions after correction for all pairs (Bonferroni: a little stricter than the report's Holm). What
is assumed about people and clips is printed with it: it matters more than anything else here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.errors import UsageError
from seehear.listen.config import KINDS, ListeningTest, read_test
from seehear.listen.design import counting_trials
from seehear.listen.options import PlanOptions

if TYPE_CHECKING:
    from seehear.listen.statistics.power import PowerRow, Spread

Progress = Callable[[float, float, str], None]
EFFECTS = {
    "ranking": (0.55, 0.6, 0.65, 0.7, 0.75),
    "pairwise": (0.55, 0.6, 0.65, 0.7, 0.75),
    "mos-quality": (5.0, 8.0, 10.0, 15.0),
    "mos-alignment": (5.0, 8.0, 10.0, 15.0),
    "mushra": (3.0, 5.0, 8.0, 10.0),
}
"""Differences to look at when none are named: chance that the better of two is preferred, or points."""


@dataclass(frozen=True)
class Plan:
    """A table of power.

    Args:
        kind: kind of test.
        versions: number of versions compared (anchors are left out).
        clips: number of clips one participant hears.
        comparisons: number of pairs that the level is shared among.
        alpha: level for all of them together.
        wanted: power asked for.
        effects: true differences, one row each.
        participants: numbers of people, one column each.
        rows: power of every cell, row by row.
    """

    kind: str
    versions: int
    clips: int
    comparisons: int
    alpha: float
    wanted: float
    effects: tuple[float, ...]
    participants: tuple[int, ...]
    rows: tuple[tuple[PowerRow, ...], ...]

    @property
    def spread(self) -> Spread:
        """What was assumed."""
        return self.rows[0][0].spread

    def needed(self, row: int) -> int | None:
        """Smallest number of participants from which on the power is as wanted, None if there is none."""
        enough = None
        for cell in reversed(self.rows[row]):
            if cell.power < self.wanted:
                break
            enough = cell.participants
        return enough

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "kind": self.kind,
            "versions": self.versions,
            "clips": self.clips,
            "comparisons": self.comparisons,
            "alpha": self.alpha,
            "power": self.wanted,
            "spread": asdict(self.spread),
            "needed": [
                {"effect": effect, "participants": self.needed(i)}
                for i, effect in enumerate(self.effects)
            ],
            "cells": [asdict(cell) for row in self.rows for cell in row],
        }

    def lines(self) -> list[str]:
        """For people."""
        unit = "better of two preferred" if self.is_choice else "difference in points"
        head = [unit, *(f"{n} people" for n in self.participants), f"for {self.wanted:.0%}"]
        table = [head]
        for i, effect in enumerate(self.effects):
            name = f"{effect:.0%} of the time" if self.is_choice else f"{effect:g}"
            needed = self.needed(i)
            last = f"more than {max(self.participants)}" if needed is None else f"{needed} people"
            table.append([name, *(f"{cell.power:.0%}" for cell in self.rows[i]), last])
        spread = self.spread
        what = "noise of one judgement" if self.is_choice else "points"
        pairs = f"{self.comparisons} pair{'s' * (self.comparisons > 1)}"
        return [
            f"{self.kind}, {self.versions} versions, {self.clips} clips each: share of "
            f"{self.rows[0][0].simulations} simulated tests that find the difference "
            f"(level {self.alpha:g} shared among {pairs})",
            *aligned(table),
            f"assumed spreads ({what}): tastes of participants {spread.participant:g}, clips "
            f"{spread.clip:g}, one answer {spread.answer:g}",
        ]

    @property
    def is_choice(self) -> bool:
        """Whether effects are chances rather than points."""
        return self.kind in ("ranking", "pairwise")


def plan(options: PlanOptions, progress: Progress) -> Plan:
    """Simulate tests of several sizes.

    Raises:
        UsageError: neither a test nor a kind, or numbers that make no test.
    """
    from seehear.listen.statistics.power import power

    kind, versions, clips = size_of(options)
    effects = options.effects or EFFECTS[kind]
    people = tuple(sorted(set(options.participants)))
    comparisons = math.comb(versions, 2)
    rows = []
    for number, effect in enumerate(effects):
        row = []
        for column, participants in enumerate(people):
            progress(number * len(people) + column, len(effects) * len(people), "simulating")
            row.append(
                power(
                    kind,
                    versions,
                    clips,
                    participants,
                    effect,
                    alpha=options.alpha / comparisons,
                    simulations=options.runs,
                    seed=options.seed,
                )
            )
        rows.append(tuple(row))
    return Plan(
        kind,
        versions,
        clips,
        comparisons,
        options.alpha,
        options.power,
        tuple(effects),
        people,
        tuple(rows),
    )


def size_of(options: PlanOptions) -> tuple[str, int, int]:
    """Kind, versions and clips, of a test or as named.

    Raises:
        UsageError: neither a kind nor a folder.
    """
    if options.test in KINDS:
        if options.versions < 2 or options.clips < 1:
            raise UsageError("listen plan needs at least --versions 2 and --clips 1")
        return options.test, options.versions, options.clips
    folder = Path(options.test)
    if not folder.is_dir():
        raise UsageError(
            f"listen plan expected the folder of a test or one of {', '.join(KINDS)}, not "
            f"{options.test!r}"
        )
    return size_of_test(read_test(folder))


def size_of_test(test: ListeningTest) -> tuple[str, int, int]:
    """Kind, versions (anchors are not compared) and clips of each participant."""
    versions = sum(version.role != "anchor" for version in test.versions)
    if versions < 2:
        raise UsageError("a test of one version has no difference to find")
    return test.kind, versions, test.clips_each or len(counting_trials(test))


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width; the first to the left, figures to the right.

    >>> aligned([["a", "10"], ["bb", "5"]])
    ['a   10', 'bb   5']
    """
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        )
        for row in table
    ]
