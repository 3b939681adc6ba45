"""One Chromium for all tests of this folder; they are skipped with a reason where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.browsing import Visit, browser, why_not

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A running browser; it ends with this folder, since its event loop would be in the way of others."""
    if reason := why_not():
        pytest.skip(reason)
    with browser() as running:
        yield running


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens pages in fresh profiles; afterwards nothing may have gone wrong in them."""
    visits = []

    def new(url: str, **options: object) -> Visit:
        made = Visit(chromium.new_context(**options), url)  # type: ignore[arg-type]
        visits.append(made)
        return made

    yield new
    for made in visits:
        made.context.close()
        assert not made.complaints, made.complaints
        assert not made.outside, "pages load nothing from elsewhere"
