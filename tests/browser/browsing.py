"""Chromium for the tests of the pages: Debian's, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--no-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
]


def why_not() -> str:
    """Why there is no browser, "" if there is one."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed (pip install playwright)"
    if program() is None:
        return "Chromium is not installed (apt-get install chromium)"
    return ""


def program() -> str | None:
    """Path of a Chromium of this system; Playwright's own download is not used."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A running browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program(), args=FLAGS)
        try:
            yield running
        finally:
            running.close()


class Visit:
    """A page under test, with everything that went wrong in it.

    Args:
        context: of the browser.
        url: of the server; requests to anywhere else are written down.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._console)
        self.page.on("request", self._request)

    def _console(self, message: Any) -> None:
        # Failing requests are part of some tests; they are looked at there.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.outside.append(request.url)

    def open(self, path: str = "/") -> None:
        """Go to an address of the server."""
        self.page.goto(f"{self.url}{path}")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def heading(self, text: str) -> None:
        """Wait for a page by its heading."""
        self.page.wait_for_selector(f"h1:text-is('{text}')")

    def begin(self) -> None:
        """Consent by keyboard."""
        self.page.wait_for_selector("#agree")
        self.page.focus("#agree")
        self.press("Space", "Enter")

    def pass_volume(self) -> None:
        """Hear the volume page's sound and go on, by keyboard."""
        self.heading("Volume")
        self.ready()
        self.press("Space")
        self.page.wait_for_selector("#play:text-is('Pause')")
        self.page.wait_for_timeout(650)
        self.press("Enter")

    def ready(self) -> None:
        """Wait until the sounds are loaded."""
        self.page.wait_for_selector("#play:not([disabled])")

    def hear(self, *keys: str) -> None:
        """Turn to versions by their keys and hear each until the page is content with it."""
        for key in keys:
            name = "the reference" if key == "0" else f"version {chr(64 + int(key))}"
            told = [f"Listen to {name}.", "Listen first."]
            for _ in range(8):  # the clip may end too early; the key then plays it again
                self.press(key)
                if self._content(told):
                    break
            else:
                raise AssertionError(f"{name} was not heard")

    def _content(self, told: list[str]) -> bool:
        """Whether the page stops saying one of these within two seconds."""
        from playwright.sync_api import TimeoutError as WaitedInVain

        script = "told => !told.includes(document.querySelector('#missing').textContent)"
        try:
            self.page.wait_for_function(script, arg=told, timeout=2000)
        except WaitedInVain:
            return False
        return True

    def saved(self) -> None:
        """Wait until the page says that everything is stored."""
        self.page.wait_for_selector("#saved[data-state=saved]:text-is('All answers saved')")
