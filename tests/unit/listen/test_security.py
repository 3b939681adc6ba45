"""Passwords, tokens, headers."""

from __future__ import annotations

import base64

import pytest

from seehear.listen.refusals import RefusalError
from seehear.listen.security import HEADERS, bearer_token, check_password, device_class


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_the_password_opens_whatever_the_name() -> None:
    for name in ("", "me", "admin"):
        check_password(basic(f"{name}:pass:wörd"), "pass:wörd")


@pytest.mark.parametrize(
    "header",
    [
        *("", "Basic", "Basic !!!", "Bearer secret"),
        *(basic("me"), basic("me:"), basic("me:wrong")),
        basic("me:secret").replace("Basic", "Digest"),
    ],
)
def test_anything_else_does_not(header: str) -> None:
    with pytest.raises(RefusalError) as caught:
        check_password(header, "secret")
    assert caught.value.status == 401
    assert "WWW-Authenticate" in caught.value.headers


@pytest.mark.parametrize("token", ["", "x" * 32, "0" * 31, "0" * 33, "0" * 32 + "\n", "../" * 10])
def test_tokens_have_one_form(token: str) -> None:
    with pytest.raises(RefusalError):
        bearer_token(f"Bearer {token}")
    assert bearer_token("bearer " + "0a" * 16) == "0a" * 16


def test_nothing_may_come_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (
            "Mozilla/5.0 (iPhone) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1",
            "safari/phone",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", "firefox/desktop"),
        ("Mozilla/5.0 AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "edge/desktop"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "chromium/phone"),
        ("", "other/desktop"),
    ],
)
def test_only_the_class_of_a_browser_is_kept(agent: str, kind: str) -> None:
    assert device_class(agent) == kind
