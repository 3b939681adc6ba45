"""From answers to all figures of a report, as JSON-ready dictionaries; a file for each form of test.

Every analysis has the same keys, so that plots and pages need not know the kind:

    versions    per version its figures (first of all `main`, the one that plots show)
    pairs       per pair of versions differences and tests
    tests       tests of all versions together
    strengths   Bradley-Terry, where versions were preferred to each other
    agreement   how far participants agree
    clips       per clip and version the main figure
    missing     what could not be computed -> one sentence why

A figure is {value, low, high, method, participants, clips, answers}; low and high are null where
there is no interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seehear.listen.analysis.pairwise import analyse_pairwise
from seehear.listen.analysis.ranking import analyse_ranking
from seehear.listen.analysis.ratings import analyse_ratings
from seehear.listen.answers import Answers
from seehear.listen.config import ListeningTest
from seehear.listen.tables import Tables, tables

FORMS: dict[str, Callable[[ListeningTest, Tables, int], dict[str, Any]]] = {
    "ranking": analyse_ranking,
    "pairwise": analyse_pairwise,
    "mos-quality": analyse_ratings,
    "mos-alignment": analyse_ratings,
    "mushra": analyse_ratings,
}


def analyse(test: ListeningTest, answers: Answers, seed: int = 0) -> dict[str, Any]:
    """All figures of a test (see the module's text for the keys).

    Args:
        test: what was asked.
        answers: of the people who count.
        seed: of the bootstrap.
    """
    return FORMS[test.kind](test, tables(test, answers), seed)
