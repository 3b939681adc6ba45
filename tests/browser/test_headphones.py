"""The headphone check: what the tones are, who passes, and what is stored."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.browser import probe
from tests.browser.browsing import Visit
from tests.browser.kit import Served, make_test, served

TONE_S, PAUSE_S = 0.14, 0.02
# Math.random() = 0 makes the first tone the quiet one and the second the opposed one.
DRAW_FIRST = "Math.random = () => 0;"


def shorten(listener: Visit) -> None:
    """Serve the script with shorter tones, so that the check takes seconds."""

    def shortened(route: Any) -> None:
        text = route.fetch().text()
        for name, seconds in (("TONE_S", TONE_S), ("BETWEEN_S", PAUSE_S), ("RAMP_S", 0.02)):
            text, count = re.subn(rf"const {name} = [\d.]+", f"const {name} = {seconds}", text)
            assert count == 1
        route.fulfill(body=text, content_type="text/javascript")

    listener.page.route("**/site/headphones.js", shortened)
    listener.page.add_init_script(DRAW_FIRST)


def answer(listener: Visit, key: str, times: int = 6) -> None:
    """Play and answer every question with the same key."""
    for number in range(1, times + 1):
        listener.page.wait_for_selector(f"text=Question {number} of 6")
        listener.press("Space")
        listener.page.wait_for_selector("button.version:not([disabled])")
        listener.press(key)


def stored(site: Served) -> dict[str, Any]:
    ((text,),) = site.rows("SELECT headphones FROM participants")
    result: dict[str, Any] = json.loads(text)
    return result


def test_headphones_pass_and_the_tones_are_right(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, "pairwise", names=("apple", "birch"), headphones="require")
    with served(test, tmp_path) as site:
        listener = visit(site.url, bypass_csp=True)
        shorten(listener)
        probe.install(listener)
        listener.open()
        listener.begin()
        listener.page.wait_for_selector("text=Question 1 of 6")
        # The probe joins with the first sound, so the first question is not recorded.
        answer(listener, "1", times=1)
        listener.page.evaluate("probe.ready.then(() => 0)")
        recordings = []
        for number in range(2, 7):
            listener.page.wait_for_selector(f"text=Question {number} of 6")
            listener.page.evaluate("() => void probe.take()")
            listener.press("Space")
            listener.page.wait_for_selector("button.version:not([disabled])")
            listener.page.wait_for_timeout(60)
            with contextlib.suppress(probe.Unusable):
                recordings.append(probe.take(listener, needs_picture=False))
            listener.press("1")
        check_tones(recordings[0])
        listener.heading("Volume")
        listener.saved()
        result = stored(site)
        assert (result["correct"], result["of"], result["passed"], result["tries"]) == (
            6,
            6,
            True,
            1,
        )
        assert result["trials"][0] == {"quiet": 0, "opposed": 1, "answer": 0}


def check_tones(recording: probe.Recording) -> None:
    """First 6 dB down, second with sides in opposite phase, all of 200 Hz."""
    rate = recording.sample_rate
    loud = np.abs(recording.sound).max(axis=1) > 1e-4
    begin = int(np.flatnonzero(loud)[0])
    middles = [begin + round(((TONE_S + PAUSE_S) * i + TONE_S / 2) * rate) for i in range(3)]
    parts = [recording.sound[m - rate // 20 : m + rate // 20] for m in middles]
    levels = [20 * np.log10(np.sqrt(np.mean(part[:, 0] ** 2))) for part in parts]
    assert np.allclose([levels[0] - levels[2], levels[1] - levels[2]], [-6, 0], atol=0.1)
    signs = [float(np.corrcoef(part.T)[0, 1]) for part in parts]
    assert np.allclose(signs, [1, -1, 1], atol=1e-3)
    spectrum = np.abs(np.fft.rfft(parts[2][:, 0] * np.hanning(len(parts[2]))))
    assert abs(int(spectrum.argmax()) * rate / len(parts[2]) - 200) <= 10


def test_loudspeakers_fail_twice_and_the_test_goes_on(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, "pairwise", names=("apple", "birch"), headphones="ask")
    with served(test, tmp_path) as site:
        listener = visit(site.url)
        shorten(listener)
        listener.open()
        listener.begin()
        answer(listener, "2")  # the opposed tone, as loudspeakers make one hear it
        listener.heading("Are your headphones on?")
        listener.press("Enter")
        answer(listener, "2")
        listener.heading("Volume")
        listener.saved()
        result = stored(site)
        assert (result["correct"], result["passed"], result["tries"]) == (0, False, 2)
        listener.page.reload()
        listener.heading("Volume")  # nobody is asked again
