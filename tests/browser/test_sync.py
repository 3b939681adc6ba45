"""No gap when versions are switched, and picture and sound together, measured in the browser.

Times are asserted here (browser checks may). A busy machine shows single frames late, so a take is
repeated before it counts as failed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.browser import probe
from tests.browser.browsing import Visit
from tests.browser.kit import make_test, served

GAP_S = 0.020
OFFSET_MS = 25.0
TAKES = 3


def at_the_first_page(visit: Callable[..., Visit], url: str) -> Visit:
    """A listener with the probe who has come to the first page."""
    listener = visit(url, bypass_csp=True)
    probe.install(listener)
    listener.open()
    listener.begin()
    listener.pass_volume()
    listener.heading("1 of 1")
    listener.ready()
    return listener


def holds(take: Callable[[], float], limit: float) -> None:
    """Repeat a measurement until it is within its limit; skip where none can be made."""
    values: list[float] = []
    for _ in range(TAKES):
        try:
            values.append(take())
        except probe.Unusable:
            continue
        if values[-1] <= limit:
            return
    if not values:
        pytest.skip("this machine is too busy to record sound without holes")
    raise AssertionError(f"measured {values}, expected at most {limit}")


def test_switching_leaves_no_gap_and_keeps_the_position(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, "ranking", clips=1, seconds=12)
    with served(test, tmp_path) as site:
        listener = at_the_first_page(visit, site.url)
        who = site.store.participant(token(listener))
        assert who is not None
        # The tones that must be heard one after the other, in this listener's order of versions.
        tones = [test.names.index(who.plan[0]["versions"][slot]) for slot in (0, 1, 2, 0, 2)]
        probe.watch(listener)

        def take() -> float:
            listener.press("Home", "1")  # which also plays
            probe.take(listener)
            listener.page.wait_for_timeout(500)
            for key in "2", "3", "1", "3":
                listener.press(key)
                listener.page.wait_for_timeout(310)
            # Four presses within one or two fades: the gains still sum to one.
            listener.press("1", "2", "1", "3")
            listener.page.wait_for_timeout(300)
            recording = probe.take(listener)
            listener.press("Space")
            assert probe.click_grid_error_s(recording) < 0.001, "all versions run at one position"
            assert order_of_tones(recording)[:5] == tones
            return probe.longest_gap_s(recording)

        holds(take, GAP_S)


def order_of_tones(recording: probe.Recording) -> list[int]:
    """Which versions are heard one after the other."""
    heard: list[int] = []
    for begin in np.arange(0.2, len(recording.sound) / recording.sample_rate - 0.1, 0.05):
        shares = probe.share_of_tones(recording, 3, begin, begin + 0.05)
        alone = np.sort(shares)[-2] < 0.1  # not the middle of a fade
        if alone and heard[-1:] != [int(shares.argmax())]:
            heard.append(int(shares.argmax()))
    return heard


def token(listener: Visit) -> str:
    """The secret of a listener, from the address of the page."""
    return str(listener.page.evaluate("location.hash")).removeprefix("#p=")


def test_picture_and_sound_stay_together(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    test = make_test(tmp_path, "mos-alignment", clips=1, seconds=30, names=("apple",))
    with served(test, tmp_path) as site:
        listener = at_the_first_page(visit, site.url)
        listener.press("Space")
        probe.watch(listener)

        def take(milliseconds: int, settle_s: float) -> float:
            probe.take(listener)
            listener.page.wait_for_timeout(milliseconds)
            offsets = np.abs(probe.offsets_ms(probe.take(listener), settle_s))
            return float(np.quantile(offsets, 0.75))

        holds(lambda: take(3000, 0.0), OFFSET_MS)
        listener.press("ArrowRight", "ArrowRight")  # forward while it plays
        holds(lambda: take(2500, 0.7), OFFSET_MS)
        listener.press("Home", "i")
        listener.page.wait_for_timeout(1500)
        listener.press("o")  # a loop of one and a half seconds
        listener.page.wait_for_timeout(1600)
        holds(lambda: take(4500, 0.0), OFFSET_MS)
        start, end = listener.page.evaluate(
            "['--from', '--to'].map(n => parseFloat(document.querySelector('#position').style.getPropertyValue(n)))"
        )
        position = float(listener.page.input_value("#position"))
        assert start / 100 * 30 - 0.1 <= position <= end / 100 * 30 + 0.1


def test_sound_goes_on_where_it_was_paused(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    test = make_test(tmp_path, "mos-quality", clips=1, seconds=8, names=("apple",))
    with served(test, tmp_path) as site:
        listener = at_the_first_page(visit, site.url)
        listener.press("Space")
        listener.page.wait_for_timeout(700)
        listener.press("Space")
        video = "document.querySelector('video')"
        listener.page.wait_for_function(f"{video}.paused")
        paused = float(listener.page.input_value("#position"))
        listener.page.wait_for_timeout(300)
        assert float(listener.page.input_value("#position")) == paused
        assert abs(listener.page.evaluate(f"{video}.currentTime") - paused) < 0.1
        listener.press("ArrowRight")
        assert abs(float(listener.page.input_value("#position")) - paused - 1) < 0.05
        listener.page.wait_for_function(f"Math.abs({video}.currentTime - {paused} - 1) < 0.1")
        listener.press("Home")
        listener.page.wait_for_function(f"{video}.currentTime < 0.05")
        listener.page.fill("#position", "7.8")  # to the end: it stops there and begins again
        listener.press("Space")
        listener.page.wait_for_selector("#play:text-is('Pause')")
        listener.page.wait_for_selector("#play:text-is('Play')")
        assert float(listener.page.input_value("#position")) >= 7.98
        listener.press("Space")
        listener.page.wait_for_function("Number(document.querySelector('#position').value) < 2")
