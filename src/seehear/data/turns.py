"""Taking turns, so that fixed lists use no class, recording or picture much more often than others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np


class Turns:
    """Gives out members of groups so that each of a group is used before any is used again.

    Args:
        rng: source of the order.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._left: dict[str, list[int]] = {}

    def take(self, group: str, count: int) -> int:
        """Index of the next member of a group of `count`."""
        if not self._left.get(group):
            self._left[group] = [int(i) for i in self._rng.permutation(count)]
        return self._left[group].pop()


def plan_labels(names: Sequence[str], sounds: int, count: int, seed: int) -> list[tuple[str, ...]]:
    """Classes of every mixture: all classes equally often (within one), pairings at random."""
    rng = np.random.default_rng([seed, 2])
    used: Counter[str] = Counter()
    plan: list[tuple[str, ...]] = []
    for _ in range(count):
        shuffled = [names[i] for i in rng.permutation(len(names))]
        # Stable sort: least used first, in random order among equals.
        chosen = tuple(sorted(shuffled, key=lambda name: used[name])[:sounds])
        used.update(chosen)
        plan.append(chosen)
    return plan
