"""One listener's view: slots and versions are translated there and back, for every kind."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from seehear.errors import InputError
from seehear.listen.config import KINDS, Kind, ListeningTest, Screening
from seehear.listen.mediatable import MediaTable
from seehear.listen.messages import Record
from seehear.listen.refusals import RefusalError
from seehear.listen.session import message_of, plan_for, session_view
from seehear.listen.store import FILE_NAME, Store
from tests.browser.kit import make_test

VALUES: dict[Kind, dict[str, float]] = {
    "ranking": {"1": 3, "2": 1, "3": 2},
    "pairwise": {"choice": 2},
    "mos-quality": {"1": 60},
    "mos-alignment": {"1": 100},
    "mushra": {"1": 0, "2": 100, "3": 37},
}


@pytest.fixture(scope="module")
def tests_by_kind(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[ListeningTest, Path]]:
    made = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp(kind)
        made[kind] = (make_test(folder, kind, seconds=0.2), folder)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_answers_come_back_in_the_slots_they_were_given_in(
    kind: Kind, tests_by_kind: dict[str, tuple[ListeningTest, Path]], tmp_path: Path
) -> None:
    test, folder = tests_by_kind[kind]
    store = Store(tmp_path / FILE_NAME)
    media = MediaTable(test, folder, store.digest)
    for number in range(6):  # six different orders
        _, who = store.start(f"{number}", "x", lambda n: plan_for(test, n))
        expected = {}
        for page in range(len(who.plan)):
            record = Record(f"{page}", "answer", 0.0, page=page, values=VALUES[kind])
            assert store.keep(who, message_of(test, who, record))
            expected[page] = VALUES[kind]
        view = session_view(test, media, who, store.progress(who))
        assert view["answers"] == expected
    store.close()


def test_a_choice_is_stored_by_name_whichever_side_it_stood(
    tests_by_kind: dict[str, tuple[ListeningTest, Path]], tmp_path: Path
) -> None:
    test, _ = tests_by_kind["pairwise"]
    store = Store(tmp_path / FILE_NAME)
    seen = set()
    for number in range(12):
        _, who = store.start(f"{number}", "x", lambda n: plan_for(test, n))
        for page, planned in enumerate(who.plan):
            left, right = planned["versions"]
            seen.add((left, right))
            for choice, name in ((1, left), (2, right), (0, "none")):
                record = Record("x", "answer", 0.0, page=page, values={"choice": choice})
                ((pair, rating),) = message_of(test, who, record).ratings.items()
                assert pair == "~".join(sorted((left, right)))
                assert rating.value == name
    assert len(seen) == 6, "every pair came in both orders"
    store.close()


def test_equal_ranks_and_missing_preferences_are_refused(
    tests_by_kind: dict[str, tuple[ListeningTest, Path]], tmp_path: Path
) -> None:
    ranking, _ = tests_by_kind["ranking"]
    store = Store(tmp_path / FILE_NAME)
    _, who = store.start("a", "x", lambda n: plan_for(ranking, n))
    record = Record("x", "answer", 0.0, page=0, values={"1": 1, "2": 1})
    with pytest.raises(RefusalError, match="different ranks"):
        message_of(ranking, who, record)
    pairwise = dataclasses.replace(tests_by_kind["pairwise"][0], no_preference=False)
    _, other = store.start("b", "x", lambda n: plan_for(pairwise, n))
    record = Record("x", "answer", 0.0, page=0, values={"choice": 0})
    with pytest.raises(RefusalError, match="a choice among 1, 2"):
        message_of(pairwise, other, record)
    store.close()


def test_headphones_are_counted_by_the_server(
    tests_by_kind: dict[str, tuple[ListeningTest, Path]], tmp_path: Path
) -> None:
    test = dataclasses.replace(
        tests_by_kind["ranking"][0], screening=Screening(headphones_correct=2)
    )
    store = Store(tmp_path / FILE_NAME)
    _, who = store.start("a", "x", lambda n: plan_for(test, n))
    trials = [{"quiet": 1, "opposed": 0, "answer": a} for a in (1, 0, 0)]
    said = {"correct": 3, "of": 3, "tries": 1, "trials": trials}
    detail = message_of(test, who, Record("x", "headphones", 0.0, headphones=said)).detail
    assert (detail["correct"], detail["passed"]) == (1, False)
    store.close()


def test_an_edited_test_does_not_change_what_was_begun(
    tests_by_kind: dict[str, tuple[ListeningTest, Path]], tmp_path: Path
) -> None:
    test, folder = tests_by_kind["ranking"]
    store = Store(tmp_path / FILE_NAME)
    token, who = store.start("a", "x", lambda n: plan_for(test, n))
    assert who.plan == plan_for(test, 0)
    other = dataclasses.replace(test, seed=99)
    again = store.participant(token)
    assert again is not None and again.plan == who.plan
    view = session_view(other, MediaTable(other, folder, store.digest), again, store.progress(who))
    assert len(view["pages"]) == 2
    fewer = dataclasses.replace(test, trials=test.trials[:1])
    with pytest.raises(RefusalError, match="was changed"):
        session_view(fewer, MediaTable(fewer, folder, store.digest), again, store.progress(who))
    store.close()


def test_media_must_be_there_and_in_the_folder(
    tests_by_kind: dict[str, tuple[ListeningTest, Path]], tmp_path: Path
) -> None:
    test, folder = tests_by_kind["ranking"]
    with pytest.raises(InputError, match=r"is missing in"):
        MediaTable(test, tmp_path, str)
    outside = tmp_path / "media"
    outside.symlink_to(folder / "media")
    with pytest.raises(InputError, match=r"is missing in"):
        MediaTable(test, tmp_path, str)
