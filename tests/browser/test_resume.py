"""Reloads, other devices, lost connections and lost acknowledgements: nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seehear.listen.design import order_for
from tests.browser.browsing import Visit
from tests.browser.kit import Served, make_test, served


def first_page(visit: Callable[..., Visit], site: Served) -> Visit:
    """A listener who has come to the first of two pages of a pairwise test."""
    listener = visit(site.url)
    listener.open()
    listener.begin()
    listener.pass_volume()
    listener.heading("1 of 2")
    listener.ready()
    listener.hear("1", "2")
    listener.press("Space")
    return listener


def answers(site: Served) -> list[tuple[Any, ...]]:
    return site.rows("SELECT trial, value FROM answers")


def test_another_device_continues_where_the_first_stopped(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, "pairwise", names=("apple", "birch"))
    pages = order_for(test, 0)
    with served(test, tmp_path) as site:
        first = first_page(visit, site)
        first.press("Shift+Digit1", "Enter")
        first.heading("2 of 2")
        first.saved()
        link = first.page.locator("#link a").get_attribute("href")
        second = visit(site.url, viewport={"width": 390, "height": 800}, has_touch=True)
        second.open(str(link))
        second.heading("2 of 2")
        second.ready()
        second.hear("1", "2")
        second.press("Shift+Digit2", "Enter")
        second.heading("Thank you")
        second.page.wait_for_selector("body[data-finished]")
        assert dict(answers(site)) == {
            pages[0].key: pages[0].versions[0],
            pages[1].key: pages[1].versions[1],
        }
        first.page.reload()
        first.heading("Thank you")
        assert site.rows("SELECT count(*) FROM participants") == [(1,)]


def test_answers_wait_for_the_network(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    test = make_test(tmp_path, "pairwise", names=("apple", "birch"))
    with served(test, tmp_path) as site:
        listener = first_page(visit, site)
        listener.saved()
        listener.context.set_offline(True)
        listener.press("Shift+Digit1")
        listener.page.wait_for_selector("#saved[data-state=waiting]")
        listener.press("Shift+Digit2")  # a newer answer replaces one that still waits
        assert answers(site) == []
        listener.context.set_offline(False)
        listener.saved()
        page = order_for(test, 0)[0]
        assert answers(site) == [(page.key, page.versions[1])]


def test_a_lost_acknowledgement_stores_nothing_twice(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, "pairwise", names=("apple", "birch"))
    with served(test, tmp_path) as site:
        listener = first_page(visit, site)
        listener.saved()
        lost = []

        def lose(route: Any) -> None:
            route.fetch()  # the server stores it and says so; the browser never hears
            lost.append(1)
            route.abort()

        listener.page.route("**/api/record", lose, times=1)
        listener.press("Shift+Digit1")
        listener.page.wait_for_selector("#saved[data-state=waiting]")
        listener.saved()
        assert lost
        page = order_for(test, 0)[0]
        assert answers(site) == [(page.key, page.versions[0])]
        assert site.rows("SELECT count(*) FROM events WHERE kind = 'answer'") == [(1,)]


def test_an_unsent_answer_survives_a_reload(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    test = make_test(tmp_path, "pairwise", names=("apple", "birch"))
    with served(test, tmp_path) as site:
        listener = first_page(visit, site)
        listener.saved()
        listener.page.route("**/api/record", lambda route: route.abort())
        listener.press("Shift+Digit2", "Enter")
        listener.heading("2 of 2")
        listener.page.wait_for_selector("#saved[data-state=waiting]")
        assert answers(site) == []
        listener.page.on("dialog", lambda dialog: dialog.accept())
        listener.page.reload()
        listener.heading("2 of 2")
        listener.page.unroute("**/api/record")
        listener.saved()
        page = order_for(test, 0)[0]
        assert answers(site) == [(page.key, page.versions[1])]
        assert site.rows("SELECT trial FROM events WHERE kind = 'done'") == [(page.key,)]


def test_a_link_of_another_test_begins_anew(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    test = make_test(tmp_path, "pairwise", names=("apple", "birch"))
    with served(test, tmp_path) as site:
        listener = visit(site.url)
        listener.open("/#p=" + "0" * 32)
        listener.page.wait_for_selector("#agree")
        assert listener.page.evaluate("location.hash") == ""
        assert site.rows("SELECT count(*) FROM participants") == [(0,)]
