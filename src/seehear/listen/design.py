"""Who hears what in which order: balanced Latin squares over participants.

A Williams square of n things has n rows (n even) or 2 n rows (n odd: each row also backwards). Over
all rows every thing stands equally often at every position, and every thing follows every other
equally often. Participant p takes row p of squares whose things were shuffled by the test's seed,
so the balance holds after each full round of participants, and nearly so in between.

Pages are cut into rounds in which every clip occurs once, so that a clip never follows itself:
`ranking` and `mushra` have one round (all versions on the page), `pairwise` one for each pair,
single MOS one for each version.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from dataclasses import dataclass

from seehear.listen.config import PAIR_MARK, ListeningTest, Trial

PRACTICE = "practice"
"""Key of the practice page; no clip may be called so."""


@dataclass(frozen=True)
class Page:
    """One page of answers.

    Args:
        number: position in the participant's test, from 0; the only name a browser may see.
        trial: the clip.
        versions: names in the order of the page (button A, B, ...).
        key: what answers are stored under, the same for every participant and unlike that of any
            other page: the clip, with `/` and the number of the group of versions where a clip has
            several pages. It says which version is heard, so it stays on the server.
        practice: whether the answers do not count.
    """

    number: int
    trial: Trial
    versions: tuple[str, ...]
    key: str
    practice: bool = False


def order_for(test: ListeningTest, participant: int) -> list[Page]:
    """All counting pages of one participant, in order; the practice page is `practice_page`.

    Args:
        test: the test.
        participant: number in order of arrival, from 0.
    """
    rows = rounds(test, participant)
    pages = [page for row in rows for page in row]
    return [
        Page(i, trial, versions, page_key(test, trial, versions))
        for i, (trial, versions) in enumerate(pages)
    ]


def practice_page(test: ListeningTest) -> Page | None:
    """The page before the test, None if it has none; the same for everybody."""
    if not test.practice:
        return None
    trial, versions = test.trial(test.practice), shown_together(test)[0]
    return Page(-1, trial, versions, PRACTICE, practice=True)


def page_key(test: ListeningTest, trial: Trial, versions: tuple[str, ...]) -> str:
    """What the answers of a page are stored under."""
    groups = [frozenset(group) for group in shown_together(test)]
    if len(groups) == 1:
        return trial.id
    return f"{trial.id}/{groups.index(frozenset(versions))}"


def clip_of(key: str) -> str:
    """The clip that a page key belongs to.

    >>> clip_of("rain_02/3")
    'rain_02'
    """
    return key.partition("/")[0]


def shown_together(test: ListeningTest) -> list[tuple[str, ...]]:
    """Which versions are judged on one page: all, one, or a pair; one entry a round."""
    if test.kind == "pairwise":
        return list(itertools.combinations(test.names, 2))
    if test.kind.startswith("mos") and test.one_at_a_time:
        return [(name,) for name in test.names]
    return [test.names]


def counting_trials(test: ListeningTest) -> tuple[Trial, ...]:
    """Clips whose answers count."""
    return tuple(trial for trial in test.trials if trial.counts)


def rounds(test: ListeningTest, participant: int) -> list[list[tuple[Trial, tuple[str, ...]]]]:
    """Clips and versions of every round of one participant."""
    trials = chosen_trials(test, participant)
    groups = shown_together(test)
    made = []
    for number in range(len(groups)):
        row = []
        for trial in clip_order(test, trials, participant, number):
            # Each clip meets each group at each round equally often: its groups are shuffled once
            # for the test, then shifted by one for each participant.
            shuffled = sorted(groups, key=lambda g: noise(test.seed, "group", trial.id, *g))
            group = shuffled[(number + participant) % len(groups)]
            row.append((trial, version_order(test, trial, group, participant)))
        made.append(row)
    if test.order == "random":
        return shuffled_pages(test, made, participant)
    return made


def chosen_trials(test: ListeningTest, participant: int) -> list[Trial]:
    """Clips of one participant: all, or `clips_each` of them so that all are heard equally often."""
    trials = sorted(counting_trials(test), key=lambda t: noise(test.seed, "clip", t.id))
    count = test.clips_each or len(trials)
    if count >= len(trials):
        return trials
    begin = participant * count % len(trials)
    return [trials[(begin + i) % len(trials)] for i in range(count)]


def clip_order(
    test: ListeningTest, trials: list[Trial], participant: int, number: int
) -> list[Trial]:
    """Order of the clips in one round: the participant's row, shifted by one each round.

    The shift never puts a clip at the end of one round and at the beginning of the next.
    """
    square = williams(len(trials))
    index = participant % len(square)
    row = square[index]
    if len(trials) > 2:
        backwards = index >= len(trials)
        shift = -number if backwards else number
        row = tuple((thing + shift) % len(trials) for thing in row)
    return [trials[thing] for thing in row]


def version_order(
    test: ListeningTest, trial: Trial, group: tuple[str, ...], participant: int
) -> tuple[str, ...]:
    """Order of the versions on a page: row of a square whose things were shuffled for this page."""
    shuffled = sorted(group, key=lambda name: noise(test.seed, "version", trial.id, *group, name))
    square = williams(len(group))
    # Pairs flip with each full turn of the rounds, or a group would always come in the same order.
    turn = participant // len(shown_together(test)) if len(group) == 2 else participant
    return tuple(shuffled[thing] for thing in square[turn % len(square)])


def shuffled_pages(
    test: ListeningTest, made: list[list[tuple[Trial, tuple[str, ...]]]], participant: int
) -> list[list[tuple[Trial, tuple[str, ...]]]]:
    """The same pages with clips of each round and versions of each page in drawn order."""
    drawn = random.Random(noise(test.seed, "random", str(participant)))
    rows = []
    for row in made:
        pages = [(trial, tuple(drawn.sample(names, len(names)))) for trial, names in row]
        drawn.shuffle(pages)
        rows.append(pages)
    return rows


def williams(count: int) -> tuple[tuple[int, ...], ...]:
    """Balanced Latin square of the numbers 0 to count - 1: rows are orders.

    Source: E. J. Williams, "Experimental designs balanced for the estimation of residual effects of
        treatments", Australian Journal of Scientific Research A 2 (1949).

    >>> williams(4)
    ((0, 1, 3, 2), (1, 2, 0, 3), (2, 3, 1, 0), (3, 0, 2, 1))
    """
    first = [(i + 1) // 2 if i % 2 else (count - i // 2) % count for i in range(count)]
    square = tuple(tuple((thing + row) % count for thing in first) for row in range(count))
    if count % 2 and count > 1:
        square += tuple(tuple(reversed(row)) for row in square)
    return square


def pair_name(first: str, second: str) -> str:
    """How answers and reports name a pair: both names in the test's order, `first~second`."""
    return f"{first}{PAIR_MARK}{second}"


def split_pair(pair: str) -> tuple[str, str]:
    """The two names of `pair_name`."""
    first, _, second = pair.partition(PAIR_MARK)
    return first, second


def canonical_pair(test: ListeningTest, versions: tuple[str, ...]) -> str:
    """Name of the pair on a page, whichever of the two stands left.

    A pairwise answer is one row: `version` is this name, `value` the name of the preferred version
    or `config.NO_PREFERENCE`.
    """
    first, second = sorted(versions, key=test.names.index)
    return pair_name(first, second)


def noise(seed: int, *words: str) -> int:
    """A number that depends on nothing but its arguments, the same on every machine."""
    text = "\x1f".join((str(seed), *words))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
