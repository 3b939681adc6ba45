"""Balance of orders over participants: positions, carry-over, clips, sides of pairs."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seehear.listen.config import Kind
from seehear.listen.design import (
    canonical_pair,
    clip_of,
    order_for,
    practice_page,
    split_pair,
    williams,
)
from tests.listen_kit import made_up

KIND_SIZES: list[tuple[Kind, int, int]] = [
    ("ranking", 4, 5),
    ("ranking", 3, 2),
    ("pairwise", 2, 3),
    ("pairwise", 4, 3),
    ("mos-quality", 4, 4),
    ("mos-alignment", 3, 1),
    ("mushra", 5, 6),
]


@pytest.mark.parametrize("count", range(1, 13))
def test_williams_squares_are_balanced(count: int) -> None:
    square = williams(count)
    assert all(sorted(row) == list(range(count)) for row in square)
    for column in zip(*square, strict=True):
        assert set(Counter(column).values()) == {len(square) // count}
    follows = Counter(pair for row in square for pair in pairwise(row))
    assert len(follows) == count * (count - 1)
    assert len(set(follows.values())) <= 1


def test_rows_of_even_squares_suffice() -> None:
    assert len(williams(6)) == 6
    assert len(williams(5)) == 10


@pytest.mark.parametrize(("kind", "versions", "clips"), KIND_SIZES)
def test_each_participant_judges_everything_once(kind: Kind, versions: int, clips: int) -> None:
    test = made_up(kind, versions, clips)
    keys = {page.key for page in order_for(test, 0)}
    for participant in range(30):
        pages = order_for(test, participant)
        assert [page.number for page in pages] == list(range(len(pages)))
        assert {page.key for page in pages} == keys and len(keys) == len(pages)
        assert all(clip_of(page.key) == page.trial.id for page in pages)
        if clips > 1:
            assert all(a.trial.id != b.trial.id for a, b in pairwise(pages)), "same clip in a row"


@pytest.mark.parametrize(("kind", "versions", "clips"), KIND_SIZES)
def test_positions_are_balanced_over_participants(kind: Kind, versions: int, clips: int) -> None:
    test = made_up(kind, versions, clips)
    places, clip_places, exposures = Counter[object](), Counter[object](), Counter[object]()
    for participant in range(120):
        seen = Counter[str]()
        for page in order_for(test, participant):
            clip_places[page.number, page.trial.id] += 1
            exposures[page.key, seen[page.trial.id]] += 1
            seen[page.trial.id] += 1
            for place, name in enumerate(page.versions):
                places[page.key, place, name] += 1
    for counts in (places, clip_places, exposures):
        assert len(set(counts.values())) == 1
    assert len(places) == len({key for key, _, _ in places}) * len(page.versions) ** 2  # type: ignore[misc]


def test_versions_follow_each_other_equally_often_on_each_page() -> None:
    test = made_up("ranking", 4, 3)
    follows = Counter(
        (page.key, *pair)
        for participant in range(4)  # an even number of versions is balanced after one round
        for page in order_for(test, participant)
        for pair in pairwise(page.versions)
    )
    assert set(follows.values()) == {1}
    assert len(follows) == 3 * 12


@given(seed=st.integers(0, 2**31), participant=st.integers(0, 10_000))
def test_orders_depend_on_seed_and_participant_alone(seed: int, participant: int) -> None:
    one, other = (made_up("pairwise", 3, 3, seed=seed) for _ in range(2))
    assert order_for(one, participant) == order_for(other, participant)


def test_another_seed_gives_another_order() -> None:
    orders = {
        tuple((p.key, p.versions) for p in order_for(made_up("ranking", 4, 8, seed=seed), 0))
        for seed in range(5)
    }
    assert len(orders) == 5


def test_random_order_differs_between_participants_and_keeps_pages() -> None:
    test = made_up("mushra", 4, 6, order="random")
    orders = [order_for(test, participant) for participant in range(6)]
    assert len({tuple((p.key, p.versions) for p in pages) for pages in orders}) == 6
    assert all({p.key for p in pages} == {t.id for t in test.trials} for pages in orders)


def test_clips_each_spreads_clips_evenly() -> None:
    test = made_up("ranking", 2, 6, clips_each=2)
    heard = Counter(p.trial.id for n in range(12) for p in order_for(test, n))
    assert set(heard.values()) == {4}
    assert all(len(order_for(test, n)) == 2 for n in range(12))


def test_practice_page_does_not_count() -> None:
    test = made_up("mos-quality", practice="c2")
    page = practice_page(test)
    assert page is not None and page.practice and page.trial.id == "c2"
    assert page.key not in {p.key for p in order_for(test, 0)}
    assert practice_page(made_up("mos-quality")) is None


def test_pairs_have_one_name() -> None:
    test = made_up("pairwise", 3, 1)
    assert canonical_pair(test, ("v2", "v0")) == "v0~v2"
    assert split_pair("v0~v2") == ("v0", "v2")
