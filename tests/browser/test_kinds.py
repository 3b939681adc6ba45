"""Whole tests of each kind, taken by keyboard; the database holds what was said and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seehear.listen.config import Ask, Kind
from seehear.listen.design import Page, canonical_pair, order_for
from tests.browser.browsing import Visit
from tests.browser.kit import Served, make_test, served

Expected = dict[tuple[str, str], float | str]


def rank(visit: Visit, page: Page) -> Expected:
    """Hear each version and give it the rank counted from the end."""
    count = len(page.versions)
    for slot in range(1, count + 1):
        visit.hear(str(slot))
        visit.press(f"Shift+Digit{count + 1 - slot}")
    return {(page.key, name): count - i for i, name in enumerate(page.versions)}


def choose(visit: Visit, page: Page) -> Expected:
    """B on the first page, no preference on the others."""
    visit.hear("1", "2")
    choice = 2 if page.number == 0 else 0
    visit.press(f"Shift+Digit{choice}")
    pair = f"{'~'.join(sorted(page.versions))}"  # the names are in the test's order
    return {(page.key, pair): page.versions[1] if choice else "none"}


def grade(visit: Visit, page: Page) -> Expected:
    """One version on the page: digits alone rate it."""
    visit.press("Space")
    visit.page.wait_for_selector("#missing:text-is('Choose a rating.')")
    step = 1 + page.number % 5
    visit.press(str(step))
    return {(page.key, page.versions[0]): 20.0 * step}


def slide(visit: Visit, page: Page) -> Expected:
    """Move the sliders of what is heard; hear the open reference too."""
    visit.hear("0")
    expected: Expected = {}
    for slot, name in enumerate(page.versions, 1):
        visit.hear(str(slot))
        visit.press(*["PageUp"] * slot, "ArrowDown")
        expected[page.key, name] = 50.0 + 10 * slot - 1
    return expected


DRIVERS: dict[Kind, tuple[Callable[[Visit, Page], Expected], tuple[str, ...]]] = {
    "ranking": (rank, ("apple", "birch", "cedar")),
    "pairwise": (choose, ("apple", "birch")),
    "mos-quality": (grade, ("apple", "birch")),
    "mos-alignment": (grade, ("apple",)),
    "mushra": (slide, ("apple", "birch")),
}


def stored(served_test: Served) -> Expected:
    """Answers in the database; a participant cannot have two of one version."""
    rows = served_test.rows("SELECT trial, version, value FROM answers")
    assert len({(trial, version) for trial, version, _ in rows}) == len(rows)
    return {(trial, version): value for trial, version, value in rows}


@pytest.mark.parametrize("kind", DRIVERS)
def test_a_participant_takes_the_whole_test_by_keyboard(
    kind: Kind, tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    drive, names = DRIVERS[kind]
    test = make_test(tmp_path, kind, names=names)
    pages = order_for(test, 0)
    expected: Expected = {}
    with served(test, tmp_path) as site:
        listener = visit(site.url)
        listener.open()
        listener.begin()
        listener.pass_volume()
        for page in pages:
            listener.heading(f"{page.number + 1} of {len(pages)}")
            listener.ready()
            expected |= drive(listener, page)
            listener.saved()
            assert stored(site) == expected
            if page.number == 0:
                reload_in_the_middle(listener, len(pages))
                assert stored(site) == expected
            listener.press("Enter")
        listener.heading("Thank you")
        listener.page.wait_for_selector("body[data-finished]")
        assert stored(site) == expected
        assert site.rows("SELECT count(*) FROM participants WHERE finished IS NOT NULL") == [(1,)]
        done = site.rows("SELECT trial FROM events WHERE kind = 'done'")
        assert sorted(done) == sorted((page.key,) for page in pages)
        heard = site.rows("SELECT played_s, shown_at, answered_at FROM answers")
        assert all(played >= 0.5 for played, _, _ in heard)
        assert all(0 < answered - shown < 120 for _, shown, answered in heard)


def reload_in_the_middle(listener: Visit, count: int) -> None:
    """After a reload the same page is there with the same answers."""
    before = answers_on_page(listener)
    listener.page.reload()
    listener.heading(f"1 of {count}")
    listener.ready()
    assert answers_on_page(listener) == before


def answers_on_page(listener: Visit) -> list[Any]:
    return listener.page.evaluate(
        """() => [...document.querySelectorAll(".rows input")].map(
             (input) => input.type === "radio" ? input.checked : input.value)"""
    )


def test_pairs_are_stored_in_the_tests_order(tmp_path: Path) -> None:
    test = make_test(tmp_path, "pairwise", names=("apple", "birch"))
    assert canonical_pair(test, ("birch", "apple")) == "apple~birch"


def test_a_participant_answers_with_the_mouse_and_changes_their_mind(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    asks = (
        Ask("age", "How old are you?", ("under 40", "40 or more"), required=True),
        Ask("work", "What do you do?"),
    )
    test = make_test(tmp_path, "ranking", clips=1, asks=asks)
    (page,) = order_for(test, 0)
    with served(test, tmp_path) as site:
        listener = visit(site.url)
        browser = listener.page
        listener.open()
        browser.click("#next")  # not agreed yet
        browser.wait_for_selector("text=Please agree first.")
        assert site.rows("SELECT count(*) FROM participants") == [(0,)]
        browser.check("#agree")
        browser.click("#next")
        listener.heading("About you")
        browser.click("#next")
        browser.wait_for_selector("text=Please answer: How old are you?")
        browser.select_option("select[name=age]", "under 40")
        browser.fill("input[name=work]", "I listen <b>well</b>")
        browser.click("#next")
        listener.pass_volume()
        listener.heading("1 of 1")
        listener.ready()
        rows = browser.locator(".row")
        for row, rank_given in ((0, 1), (1, 2), (2, 3), (2, 1)):  # the last swaps ranks 1 and 3
            rows.nth(row).locator("button").click()
            listener.hear(str(row + 1))
            rows.nth(row).locator(f"input[value='{rank_given}']").check()
        assert browser.locator("#missing").inner_text() == ""
        listener.saved()
        browser.click("#next")
        listener.heading("Thank you")
        browser.wait_for_selector("body[data-finished]")
        ranks = dict(zip(page.versions, (3, 2, 1), strict=True))
        assert stored(site) == {(page.key, name): value for name, value in ranks.items()}
        ((fields,),) = site.rows("SELECT fields FROM participants")
        assert fields == '{"age": "under 40", "work": "I listen <b>well</b>"}'
        browser.reload()  # who has finished stays finished
        listener.heading("Thank you")


def test_a_page_is_left_only_when_everything_was_heard_and_rated(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, "ranking", clips=1, practice=True)
    with served(test, tmp_path) as site:
        listener = visit(site.url)
        listener.open()
        listener.begin()
        listener.pass_volume()
        listener.heading("Practice")
        listener.ready()
        listener.press("Shift+Digit1", "Enter")
        missing = listener.page.locator("#missing")
        assert missing.inner_text() == "Listen to version A."
        listener.hear("1", "2", "3")
        assert missing.inner_text() == "Give a rank to version B.", "A was rated before"
        listener.press("Shift+Digit1", "1", "Shift+Digit2", "2", "Shift+Digit3", "Enter")
        listener.heading("1 of 1")
        listener.saved()
        assert stored(site) == {}, "practice does not count"
        steps = site.rows("SELECT detail FROM events WHERE kind = 'step' ORDER BY rowid")
        assert [row[0] for row in steps] == ['{"step": "volume"}', '{"step": "practice"}']
