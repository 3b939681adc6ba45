"""Answers as arrays: who x which clip x which version, NaN where nobody answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seehear.listen.answers import Answers
from seehear.listen.config import NO_PREFERENCE, ListeningTest
from seehear.listen.design import counting_trials, split_pair
from seehear.listen.statistics.bradley_terry import outcomes_from_ranks
from seehear.listen.statistics.interval import Values


@dataclass(frozen=True)
class Tables:
    """A test's answers as arrays.

    Args:
        people: ids, the first axis.
        clips: ids, the second axis.
        versions: names, the last axis (or axes).
        ratings: ranks or ratings [P, C, V]; all NaN in `pairwise`.
        outcomes: 1 where the row's version was preferred to the column's, 0.5 without a
            preference, 0 the other way round [P, C, V, V]; all NaN unless `ranking` or `pairwise`.
    """

    people: tuple[str, ...]
    clips: tuple[str, ...]
    versions: tuple[str, ...]
    ratings: Values
    outcomes: Values

    def without(self, person: int) -> Tables:
        """The tables without one person, by index."""
        keep = [i for i in range(len(self.people)) if i != person]
        people = tuple(self.people[i] for i in keep)
        return Tables(people, self.clips, self.versions, self.ratings[keep], self.outcomes[keep])


def tables(test: ListeningTest, answers: Answers) -> Tables:
    """Arrays of all people who answered anything."""
    answered = {row.participant for row in answers.rows}
    people = tuple(person.id for person in answers.people if person.id in answered)
    clips = tuple(trial.id for trial in counting_trials(test))
    names = test.names
    who = {name: i for i, name in enumerate(people)}
    where = {name: i for i, name in enumerate(clips)}
    which = {name: i for i, name in enumerate(names)}
    ratings = np.full((len(people), len(clips), len(names)), np.nan)
    outcomes = np.full((*ratings.shape, len(names)), np.nan)
    for row in answers.rows:
        cell = who[row.participant], where[row.clip]
        if isinstance(row.value, str):
            first, second = split_pair(row.version)
            i, j = which[first], which[second]
            won = 0.5 if row.value == NO_PREFERENCE else float(row.value == first)
            outcomes[(*cell, i, j)], outcomes[(*cell, j, i)] = won, 1 - won
        else:
            ratings[(*cell, which[row.version])] = row.value
    if test.kind == "ranking" and ratings.size:
        outcomes = outcomes_from_ranks(ratings)
    return Tables(people, clips, names, ratings, outcomes)
