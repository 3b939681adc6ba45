"""How the pages look and who may see what: phones, dark mode, focus, progress page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from seehear.listen.config import Kind
from tests.browser.browsing import Visit
from tests.browser.kit import PASSWORD, make_test, served

# Contrast of text with what is behind it, as WCAG computes it, for all visible text of a page.
CONTRASTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((v) => v / 255).map(
      (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if ((numbers(colour)[3] ?? 1) === 1 && !colour.startsWith("color(")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!text || !element.checkVisibility() || element.closest("[disabled], [aria-disabled=true]")) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.textContent.trim()]);
  }
  return found;
}"""


@pytest.mark.parametrize("kind", ["ranking", "mos-alignment", "mushra"])
def test_pages_fit_a_phone_and_can_be_read_in_the_dark(
    kind: Kind, tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, kind, clips=1)
    with served(test, tmp_path) as site:
        listener = visit(site.url, viewport={"width": 360, "height": 740}, reduced_motion="reduce")
        listener.open()
        listener.page.wait_for_selector("#agree")
        assert_readable(listener)
        listener.begin()
        listener.pass_volume()
        listener.heading(f"1 of {3 if kind == 'mos-alignment' else 1}")
        listener.ready()
        assert_readable(listener)
        moving = "getComputedStyle(document.querySelector('button')).transitionDuration"
        assert listener.page.evaluate(moving) == "0s"


def assert_readable(listener: Visit) -> None:
    """Nothing is wider than the screen, text stands out, controls are large enough for a finger."""
    page = listener.page
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        grounds.add(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))
        faint = [found for found in page.evaluate(CONTRASTS) if found[0] < 4.5]
        assert not faint
    assert len(grounds) == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    small = page.evaluate(
        "[...document.querySelectorAll('button, .option')].filter((e) => e.getBoundingClientRect().height < 35).map((e) => e.textContent)"
    )
    assert not small


def test_everything_is_reached_by_tab_and_the_focus_is_seen(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, "ranking", clips=1)
    with served(test, tmp_path) as site:
        listener = visit(site.url)
        listener.open()
        listener.begin()
        listener.pass_volume()
        listener.heading("1 of 1")
        listener.ready()
        seen = []
        for _ in range(16):
            listener.press("Tab")
            seen.append(
                listener.page.evaluate(
                    """(() => { const e = document.activeElement;
                       const outline = getComputedStyle(e).outlineStyle;
                       return [e.tagName, e.id || e.textContent || e.value, outline]; })()"""
                )
            )
        assert all(outline != "none" for tag, _, outline in seen if tag != "BODY")
        names = {name for _, name, _ in seen}
        assert {"play", "position", "loop-from", "loop-to", "loop", "A", "B", "C", "next"} <= names


def test_the_page_of_progress_counts_live_behind_its_password(
    tmp_path: Path, visit: Callable[..., Visit]
) -> None:
    test = make_test(tmp_path, "pairwise", clips=1, names=("apple", "birch"))
    with served(test, tmp_path) as site:
        stranger = visit(site.url)
        answer = stranger.context.request.get(f"{site.url}/admin")
        assert answer.status == 401
        maker = visit(site.url, http_credentials={"username": "me", "password": PASSWORD})
        maker.open("/admin")
        maker.page.wait_for_selector("#began:text-is('0')")
        listener = visit(site.url)
        listener.open()
        listener.begin()
        maker.page.wait_for_selector("#began:text-is('1')")
        listener.pass_volume()
        listener.heading("1 of 1")
        listener.ready()
        listener.hear("1", "2")
        listener.press("Shift+Digit1", "Enter")
        listener.page.wait_for_selector("body[data-finished]")
        maker.page.wait_for_selector("#finished:text-is('1')")
        row = maker.page.locator("#people tbody tr").inner_text()
        assert "finished" in row and "chromium/desktop" in row
        assert maker.page.locator("#answers").inner_text() == "1"
        token = str(listener.page.evaluate("localStorage['seehear:token']"))
        assert len(token) == 32 and token not in maker.page.content()
